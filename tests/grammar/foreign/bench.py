"""Converts the configuration of another shipper, and parses lines with what came of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from shipper.grammar.foreign.filebeat import read_filebeat
from shipper.grammar.foreign.fluent_bit import read_parsers
from shipper.grammar.foreign.logstash import read_pipeline
from shipper.grammar.foreign.parts import Foreign, Losses
from shipper.grammar.foreign.write import Made, write
from shipper.grammar.grammar import Grammar
from shipper.grammar.iglu import iglu_schema
from shipper.grammar.iglu_lint import lint_schema
from shipper.grammar.library import Library
from shipper.grammar.loader import parse_grammar
from shipper.grammar.patterns import PatternBook
from shipper.grammar.samples import as_expected, run_samples


@cache
def book() -> PatternBook:
    return Library().book


class Converted(NamedTuple):
    """The grammars by name, what was written of each, and what was not taken over."""

    grammars: dict[str, Grammar]
    made: dict[str, Made]
    losses: list[str]

    def fields(self, line: str, name: str = "") -> dict[str, Any] | None:
        """What the grammar *name*, or the only one, makes of *line*; None if it refuses."""
        grammar = self.grammars[name] if name else next(iter(self.grammars.values()))
        parsed = grammar.parse(line, 1_795_416_944_000_000)
        return None if parsed is None else as_expected(parsed)


def _converted(found: list[Foreign], lose: Losses, lines: tuple[str, ...]) -> Converted:
    made = {each.name: write(each, book(), lines) for each in found}
    grammars = {name: parse_grammar(each.text, name, book()) for name, each in made.items()}
    for grammar in grammars.values():
        assert [result for result in run_samples(grammar) if not result.ok] == []
        assert lint_schema(iglu_schema(grammar)) == []
    return Converted(grammars, made, [str(loss) for loss in lose.all()])


def fluent_bit(text: str, *lines: str, file: str = "p.conf") -> Converted:
    lose = Losses()
    return _converted(list(read_parsers(text, file, lose)), lose, lines)


def logstash(text: str, *lines: str, file: str | Path = "p.conf") -> Converted:
    lose = Losses()
    return _converted(list(read_pipeline(text, str(file), book(), lose)), lose, lines)


def filebeat(text: str, *lines: str, file: str | Path = "p.yml") -> Converted:
    lose = Losses()
    return _converted(list(read_filebeat(text, str(file), book(), lose)), lose, lines)
