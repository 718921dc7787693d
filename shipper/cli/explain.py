"""``shipper explain``: which grammar got furthest with a line, and what it expected there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from shipper.cli.options import (
    chosen,
    directories_option,
    library,
    names_option,
    patterns_option,
)
from shipper.cli.pointing import pointed
from shipper.grammar.auto import Auto
from shipper.grammar.grammar import Grammar
from shipper.grammar.time_limit import SlowMatchError

_NEAR: Final = 5  # grammars that are shown of all there are


@click.command()
@names_option
@directories_option
@patterns_option
@click.argument("line")
def explain(
    names: str,
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    line: str,
) -> None:
    """Show under LINE how far each grammar got, and what it expected next.

    \b
    Example:
      shipper explain -g nginx_access '192.0.2.1 - - [yesterday] "GET / HTTP/1.1" 200 5'
    """
    now_us = time.time_ns() // 1000
    grammars = chosen(names, library(directories, pattern_directories))
    misses = []
    for grammar in _each(grammars, line):
        try:
            parsed = grammar.parse(line, now_us)
        except SlowMatchError as slow:
            click.echo(str(slow))
            continue
        if parsed is None:
            misses.append(grammar.explain(line, now_us))
        else:
            click.echo(f"{parsed.grammar} takes this line")
    limit = len(misses) if all(isinstance(each, Grammar) for each in grammars) else _NEAR
    for miss in sorted(misses, key=lambda miss: -miss.column)[:limit]:
        click.echo(f"{miss.grammar}: column {miss.column}: expected {miss.expected}")
        shown, blanks = pointed(line, miss.column)
        click.echo(f"  {shown}\n  {blanks}^")


def _each(grammars: Sequence[Grammar | Auto], line: str) -> Iterator[Grammar]:
    """Yield the grammars to show: of auto the one that takes *line*, or those it may be for."""
    for grammar in grammars:
        if isinstance(grammar, Grammar):
            yield grammar
            continue
        near = grammar.near(line)
        takers = [each for each in near if each.parse(line, 0) is not None]
        yield from takers[:1] or near
