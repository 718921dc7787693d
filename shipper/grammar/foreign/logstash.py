"""A pipeline of Logstash as grammars."""

from __future__ import annotations

from collections.abc import Iterator

from shipper.grammar.foreign.chains import Body, grammars_of
from shipper.grammar.foreign.logstash_syntax import read_logstash
from shipper.grammar.foreign.parts import Foreign, Lose
from shipper.grammar.patterns import PatternBook


def read_pipeline(text: str, file: str, book: PatternBook, lose: Lose) -> Iterator[Foreign]:
    """Yield the grammars of a pipeline of Logstash's. *lose* is told what was not taken over.

    *file* is its path; directories of patterns are looked for beside it. *book* are the patterns
    that every grammar may use. Raises DataError if it is no such file.
    """
    bodies: list[Body] = []
    for section in read_logstash(text, file):
        if section.kind == "filter":
            bodies.append(section.body)
        else:
            why = "sources and the collector are named in the configuration"
            lose(section.where, section.kind, why)
    yield from grammars_of(bodies, file, book, lose)
