"""``shipper grammar``: list, show and test grammars, and write their schemas."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from shipper.cli.grammar_convert import COMMANDS as CONVERTERS
from shipper.cli.grammar_from import COMMANDS
from shipper.cli.grammar_lint import lint
from shipper.cli.grammar_schemas import diff, schema
from shipper.cli.options import (
    directories_option,
    grammar_argument,
    json_option,
    library,
    patterns_option,
)
from shipper.errors import DataError


@click.group()
def grammar() -> None:
    """List, show and test grammars; write their schemas."""


for _command in (*COMMANDS, *CONVERTERS, lint, diff, schema):
    grammar.add_command(_command)


@grammar.command("list")
@directories_option
@click.option("--names", "names_only", is_flag=True, help="Print nothing but names.")
@json_option
def list_(directories: tuple[Path, ...], names_only: bool, as_json: bool) -> None:
    """List the grammars there are: name, family, and what each is for.

    \b
    Examples:
      shipper grammar list
      shipper grammar list --names -d grammars
    """
    from shipper.grammar.families import family, title

    shelf = library(directories)
    rows = [
        (name, family(name), "" if names_only else title(shelf.file(name)))
        for name in shelf.names()
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for name, kind, what in rows:
        if as_json:
            click.echo(orjson.dumps({"name": name, "family": kind, "title": what}))
        else:
            click.echo(name if names_only else f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {what}")


@grammar.command()
@directories_option
@patterns_option
@click.option("--compiled", is_flag=True, help="Show fields and compiled patterns instead.")
@grammar_argument("name")
def show(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    compiled: bool,
    name: str,
) -> None:
    """Print the file of grammar NAME: copy it into a directory of yours to change it.

    \b
    Examples:
      shipper grammar show nginx_access > grammars/nginx_access.yaml
      shipper grammar show --compiled nginx_access
    """
    shelf = library(directories, pattern_directories)
    if not compiled:
        click.echo(f"# {shelf.file(name)}")
        click.echo(shelf.file(name).read_text(encoding="utf-8-sig"), nl=False)
        return
    found = shelf.get(name)
    click.echo(f"{found.name}: {found.title}")
    click.echo(f"file:    {found.where}")
    click.echo(f"schema:  {found.schema}")
    for key, field in found.atomic.items():
        click.echo(f"atomic:  {key} = {field}")
    for field, spec in found.spec.fields.items():
        click.echo(f"field:   {field} ({spec.type}) {spec.description}")
    for expression in found.expressions:
        click.echo(f"pattern: {expression}")


@grammar.command()
@directories_option
@patterns_option
@grammar_argument("names", nargs=-1)
def test(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    names: tuple[str, ...],
) -> None:
    """Run the samples of grammars NAMES (of all, if none is named). Exit 65 if one differs.

    \b
    Examples:
      shipper grammar test
      shipper grammar test -d grammars door
    """
    from shipper.grammar.samples import run_samples

    shelf = library(directories, pattern_directories)
    failed = 0
    for name in names or shelf.names():
        results = run_samples(shelf.get(name))
        wrong = [result for result in results if not result.ok]
        failed += len(wrong)
        click.echo(f"{'FAIL' if wrong else 'ok  '}  {name}: {len(results)} samples")
        for result in wrong:
            click.echo(f"      sample {result.number}: {result.line!r}")
            for difference in result.differences:
                click.echo(f"        {difference}")
    if failed:
        raise DataError(f"{failed} samples give something else than they should")
