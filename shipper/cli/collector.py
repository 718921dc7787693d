"""``shipper collector``: a development collector that explains what is wrong with an event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipper.cli.options import directories_option, library
from shipper.errors import UsageError

if TYPE_CHECKING:
    from shipper.devcollector.schemas import SchemaSource
    from shipper.grammar.library import Library


@click.command()
@click.option(
    "--listen", default="127.0.0.1:9090", show_default=True, metavar="HOST:PORT", help="Where."
)
@click.option(
    "--schemas",
    "registries",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A static Iglu registry; may be given several times.",
)
@directories_option
def collector(listen: str, registries: tuple[Path, ...], directories: tuple[Path, ...]) -> None:
    """Run a development collector: it counts good and bad events, and says why one is bad.

    \b
    It takes tracker-protocol POSTs and GETs as a real one does; look at what came with
      curl http://127.0.0.1:9090/micro/all        (counts)
      curl http://127.0.0.1:9090/micro/good       (events)
      curl http://127.0.0.1:9090/micro/bad        (what failed, and why)

    It knows the schemas of the shipped grammars, of --grammars, and of --schemas.
    """
    from shipper.devcollector.server import serve

    host, port = address(listen)
    schemas = known_schemas(library(directories), registries)

    def ready(url: str) -> None:
        click.echo(f"collector ready on {url} (schemas: {schemas.describe()})", err=True)

    counts = serve(schemas, host, port, ready)
    click.echo(f"{counts.total} events: {counts.good} good, {counts.bad} bad", err=True)


def known_schemas(shelf: Library, registries: tuple[Path, ...] = ()) -> SchemaSource:
    """Return the schemas of all grammars and of static registries."""
    from shipper.devcollector.schemas import Directory, Memory, Several
    from shipper.event.schemas import own_schemas
    from shipper.grammar.iglu import iglu_schema

    own = own_schemas() | {grammar.schema: iglu_schema(grammar) for grammar in shelf.all()}
    built_in = Memory(own, name="the schemas of the grammars")
    return Several(Directory(registries), built_in) if registries else built_in


def address(listen: str) -> tuple[str, int]:
    """Split HOST:PORT. Raises UsageError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise UsageError(f"--listen {listen}: is not HOST:PORT", "write e.g. 127.0.0.1:9090")
    return host.strip("[]") or "127.0.0.1", int(port)
