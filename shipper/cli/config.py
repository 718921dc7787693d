"""``shipper config``: what editors want to know of our files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import orjson

from shipper.errors import UsageError

_FILES: Final = {
    "configuration": "config/shipper.schema.json",
    "grammar": "grammar/grammar.schema.json",
}


@click.group()
def config() -> None:
    """Print the JSON Schemas that editors use."""


@config.command()
@click.option("--grammar", is_flag=True, help="The schema of grammar files instead.")
@click.option("--where", is_flag=True, help="Print the path of the schema in the package instead.")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write FILE instead of printing.",
)
def schema(grammar: bool, where: bool, out: Path | None) -> None:
    """Print the JSON Schema of the configuration, so that an editor completes and marks mistakes.

    The same is a file inside the package. With this as the first line of your file, editors that
    have a YAML language server use it: # yaml-language-server: $schema=PATH

    \b
    Examples:
      shipper config schema --out shipper.schema.json
      shipper config schema --where
    """
    import shipper

    kind = "grammar" if grammar else "configuration"
    if where:
        click.echo(Path(shipper.__file__).resolve().parent / _FILES[kind])
        return
    text = orjson.dumps(_schema(kind), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_bytes(text)
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror}", "check the path") from error


def _schema(kind: str) -> dict[str, Any]:
    if kind == "grammar":
        from shipper.grammar.spec import json_schema

        return json_schema()
    from shipper.config.load import json_schema as of_configuration

    return of_configuration()
