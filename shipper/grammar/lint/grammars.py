"""Lints all patterns of a grammar, each where it stands in the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from shipper.formats import located_yaml
from shipper.grammar.grammar import Grammar
from shipper.grammar.grok import Compiled, compile_grok
from shipper.grammar.lint.patterns import MOST, Finding, lint_pattern
from shipper.grammar.patterns import Definition, PatternBook
from shipper.grammar.prefix import OPENINGS


class Placed(NamedTuple):
    """A finding, and where its pattern stands: ``file:line`` and the key."""

    where: str
    key: str
    finding: Finding


def lint_grammar(grammar: Grammar, book: PatternBook, most: int = MOST) -> list[Placed]:
    """Return what makes the patterns of *grammar* slow, which was loaded with *book*.

    At most *most* findings are looked for in each pattern. Its file is read once more for the
    lines. Raises OSError if that can't be done.
    """
    located = located_yaml.load(Path(grammar.where))
    lines = [sample.line for sample in grammar.spec.samples if sample.expect is not None]
    return [
        Placed(located.where((key, index)), f"{key}.{index}", finding)
        for key, index, compiled in compiled_patterns(grammar, book)
        for finding in lint_pattern(compiled, lines, whole=key != "prefix", most=most)
    ]


def compiled_patterns(grammar: Grammar, book: PatternBook) -> Iterator[tuple[str, int, Compiled]]:
    """Yield the patterns of *grammar*, each with its key in the file and its number from 0."""
    spec = grammar.spec
    own = {name: Definition(text, grammar.where) for name, text in spec.patterns.items()}
    full = book.plus(own)
    opening = OPENINGS.get(spec.parse or "", "")
    texts = {
        "match": spec.match or (),
        "prefix": tuple(f"(?:{text}){opening}" for text in spec.prefix),
        "ignore": spec.ignore,
    }
    for key, patterns in texts.items():
        yield from ((key, index, compile_grok(text, full)) for index, text in enumerate(patterns))
