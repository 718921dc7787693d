"""``shipper collector``: a development collector that explains what is wrong with an event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.options import directories_option, library
from shipper.errors import GrammarError, UsageError

if TYPE_CHECKING:
    from shipper.devcollector.schemas import SchemaSource
    from shipper.grammar.grammar import Grammar
    from shipper.grammar.library import Library
    from shipper.protocol.iglu import SchemaKey


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
    from shipper.devcollector.schemas import Directory, Several

    built_in = GrammarSchemas(shelf)
    return Several(Directory(registries), built_in) if registries else built_in


class GrammarSchemas:
    """The schemas of grammars and of what shipper itself says, each made when it is asked for.

    Loading all grammars takes seconds; most events are of a few.
    """

    def __init__(self, shelf: Library) -> None:
        from shipper.devcollector.schemas import Memory
        from shipper.event.schemas import own_schemas

        self._shelf = shelf
        self._own = Memory(own_schemas())
        self._made: dict[SchemaKey, dict[str, Any]] = {}
        self._complete = False

    def find(self, key: SchemaKey, /) -> dict[str, Any] | None:
        """Return the schema: of the grammar of that name, most likely. Raises as all sources do."""
        from shipper.devcollector.schemas import UnusableSchemaError

        try:
            return self._own.find(key) or self._made.get(key) or self._make(key)
        except GrammarError as error:
            raise UnusableSchemaError(str(error)) from error

    def describe(self) -> str:
        """Tell how many there are."""
        return f"the schemas of {len(self._shelf.names())} grammars"

    def _make(self, key: SchemaKey) -> dict[str, Any] | None:
        if key.name in self._shelf.names():
            self._add(self._shelf.get(key.name))
        if key not in self._made and not self._complete:
            for grammar in self._shelf.all():
                self._add(grammar)
            self._complete = True
        return self._made.get(key)

    def _add(self, grammar: Grammar) -> None:
        from shipper.grammar.iglu import iglu_schema
        from shipper.protocol.iglu import SchemaKey

        self._made[SchemaKey.parse(grammar.schema)] = iglu_schema(grammar)


def address(listen: str) -> tuple[str, int]:
    """Split HOST:PORT. Raises UsageError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise UsageError(f"--listen {listen}: is not HOST:PORT", "write e.g. 127.0.0.1:9090")
    return host.strip("[]") or "127.0.0.1", int(port)
