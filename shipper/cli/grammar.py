"""``shipper grammar``: list, show and test grammars, and write their schemas."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from shipper.cli.grammar_from import COMMANDS
from shipper.cli.options import directories_option, library, patterns_option
from shipper.errors import DataError


@click.group()
def grammar() -> None:
    """List, show and test grammars; write their schemas."""


for _command in COMMANDS:
    grammar.add_command(_command)


@grammar.command("list")
@directories_option
@click.option("--names", "names_only", is_flag=True, help="Print nothing but names.")
def list_(directories: tuple[Path, ...], names_only: bool) -> None:
    """List the grammars there are, with what each is for."""
    shelf = library(directories)
    width = max((len(name) for name in shelf.names()), default=0)
    for name in shelf.names():
        click.echo(name if names_only else f"{name:<{width}}  {shelf.get(name).title}")


@grammar.command()
@directories_option
@patterns_option
@click.argument("name")
def show(directories: tuple[Path, ...], pattern_directories: tuple[Path, ...], name: str) -> None:
    """Show grammar NAME: where it stands, its schema, its fields, what its patterns come to."""
    found = library(directories, pattern_directories).get(name)
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
@click.argument("names", nargs=-1)
def test(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    names: tuple[str, ...],
) -> None:
    """Run the samples of grammars NAMES (of all, if none is named). Exit 65 if one differs."""
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


@grammar.command()
@directories_option
@patterns_option
@click.option("--out", type=click.Path(path_type=Path), help="Write a static registry there.")
@click.argument("names", nargs=-1)
def schema(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    out: Path | None,
    names: tuple[str, ...],
) -> None:
    """Print the Iglu schemas of grammars NAMES (of all, if none is named).

    With --out DIR, write them as a static Iglu registry, together with those of the entities
    that shipper attaches: DIR/schemas/VENDOR/NAME/jsonschema/VER, ready to be uploaded, served
    by any web server, or mounted into Snowplow Micro.
    """
    from shipper.event.schemas import own_schemas
    from shipper.grammar.iglu import iglu_schema, write_registry

    shelf = library(directories, pattern_directories)
    grammars = [shelf.get(name) for name in names or shelf.names()]
    if out is not None:
        for path in write_registry(grammars, out, own_schemas()):
            click.echo(path)
        return
    for each in grammars:
        click.echo(orjson.dumps(iglu_schema(each), option=orjson.OPT_INDENT_2).decode())
