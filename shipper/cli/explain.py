"""``shipper explain``: which grammar got furthest with a line, and what it expected there."""

from __future__ import annotations

import time
from pathlib import Path

import click

from shipper.cli.options import chosen, directories_option, library, names_option, patterns_option


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
    # A record may hold line breaks and control characters; one column stays one column.
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    misses = [
        grammar.explain(line, now_us) for grammar in grammars if not grammar.parse(line, now_us)
    ]
    for grammar in grammars:
        if grammar.parse(line, now_us):
            click.echo(f"{grammar.name} takes this line")
    for miss in sorted(misses, key=lambda miss: -miss.column):
        click.echo(f"{miss.grammar}: column {miss.column}: expected {miss.expected}")
        click.echo(f"  {shown}")
        click.echo(f"  {' ' * (miss.column - 1)}^")
