"""``shipper grammar schema`` and ``diff``: Iglu schemas of grammars, and their versions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import orjson

from shipper.cli.options import (
    directories_option,
    grammar_argument,
    json_option,
    library,
    patterns_option,
    vendor_option,
)
from shipper.errors import DataError, UsageError

if TYPE_CHECKING:
    from shipper.grammar.library import Library

Schema = Mapping[str, Any]


@click.command()
@directories_option
@patterns_option
@vendor_option
@click.option("--out", type=click.Path(path_type=Path), help="Write a static registry there.")
@grammar_argument("names", nargs=-1)
def schema(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    vendor: str | None,
    out: Path | None,
    names: tuple[str, ...],
) -> None:
    """Print the Iglu schemas of grammars NAMES (of all, if none is named).

    With --out DIR, write them as a static Iglu registry, together with those of the entities
    that shipper attaches: DIR/schemas/VENDOR/NAME/jsonschema/VER, ready to be uploaded, served
    by any web server, or mounted into Snowplow Micro. Give --vendor as in `grammars.vendor` of the
    configuration, so that events name these schemas.

    \b
    Examples:
      shipper grammar schema nginx_access
      shipper grammar schema --out registry --vendor com.acme
    """
    from shipper.event.schemas import own_schemas
    from shipper.grammar.iglu import iglu_schema, of_vendor, write_registry

    shelf = library(directories, pattern_directories)
    grammars = [shelf.get(name) for name in names or shelf.names()]
    if out is not None:
        try:
            written = write_registry(grammars, out, own_schemas(), vendor)
        except OSError as error:
            where = error.filename or out
            what = f"the registry {out} can't be written: {where}: {error.strerror}"
            raise UsageError(what, "name a directory that can be made or written to") from error
        for path in written:
            click.echo(path)
        return
    for each in grammars:
        text = orjson.dumps(of_vendor(iglu_schema(each), vendor), option=orjson.OPT_INDENT_2)
        click.echo(text.decode())


@click.command()
@directories_option
@patterns_option
@json_option
@click.argument("old")
@click.argument("new")
def diff(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    as_json: bool,
    old: str,
    new: str,
) -> None:
    """Say which part of the schema's version has to rise from OLD to NEW. Exit 65 if it did not.

    Each is the name of a grammar, a grammar file, or a schema file; OLD may also be the directory
    of a registry, where the newest version of the same schema is taken. - is a grammar file on
    standard input.

    \b
    Examples:
      git show HEAD:grammars/door.yaml | shipper grammar diff - grammars/door.yaml
      shipper grammar diff registry nginx_access
    """
    shelf = library(directories, pattern_directories)
    after = _side(new, shelf, None)
    before = _side(old, shelf, after.schema["self"])
    verdict = _verdict(before, after)
    if as_json:
        click.echo(orjson.dumps(verdict.as_json()))
    else:
        for line in verdict.lines():
            click.echo(line)
    if verdict.too_low:
        what = f"{after.name} has the version {verdict.written}, but needs {verdict.needed}"
        raise DataError(what, f"write schema: {verdict.uri}")


class _Side(NamedTuple):
    """One side of the comparison: what to call it, and its schema."""

    name: str
    schema: Schema


class _Verdict(NamedTuple):
    """What has changed, the version that is written, and the least that would be right."""

    changes: list[Any]
    was: str
    written: str
    needed: str
    uri: str
    same: bool

    @property
    def too_low(self) -> bool:
        from shipper.grammar.schemaver import read_version

        return self.same and read_version(self.written) < read_version(self.needed)

    def as_json(self) -> dict[str, Any]:
        return {
            "old": self.was,
            "new": self.written,
            "needed": self.needed,
            "ok": not self.too_low,
            "changes": [
                {"level": change.level.name, "property": change.place, "what": change.what}
                for change in self.changes
            ],
        }

    def lines(self) -> list[str]:
        found = [str(change) for change in self.changes] or ["no difference"]
        if not self.same:
            return [*found, "the two are different schemas: each has versions of its own"]
        state = "too low" if self.too_low else "right"
        return [*found, f"{self.was} -> {self.written}: {state}; at least {self.needed} is needed"]


def _verdict(before: _Side, after: _Side) -> _Verdict:
    from shipper.grammar.schemaver import compare, needed, next_version, read_version

    one, two = before.schema["self"], after.schema["self"]
    changes = compare(before.schema, after.schema)
    least = "-".join(map(str, next_version(read_version(one["version"]), needed(changes))))
    return _Verdict(
        changes,
        one["version"],
        two["version"],
        least,
        f"iglu:{two['vendor']}/{two['name']}/{two['format']}/{least}",
        (one["vendor"], one["name"]) == (two["vendor"], two["name"]),
    )


def _side(text: str, shelf: Library, of: Mapping[str, str] | None) -> _Side:
    """Return the schema that *text* names; *of* is the one to look for in a registry."""
    from shipper.grammar.iglu import iglu_schema
    from shipper.grammar.loader import load_grammar, parse_grammar

    path = Path(text)
    if text == "-":
        grammar = parse_grammar(sys.stdin.read(), "standard input", shelf.book, shelf)
        return _Side("standard input", iglu_schema(grammar))
    if path.suffix in (".yaml", ".yml"):
        return _Side(text, iglu_schema(load_grammar(path, shelf.book, shelf)))
    if path.is_dir():
        if of is None:
            remedy = "name a grammar, or a file"
            raise UsageError(f"{text} is a directory: only OLD may be one", remedy)
        return _newest(path, of)
    if path.is_file():
        return _Side(text, _read(path))
    return _Side(text, iglu_schema(shelf.get(text)))


def _newest(registry: Path, of: Mapping[str, str]) -> _Side:
    from shipper.grammar.schemaver import read_version

    found: list[tuple[tuple[int, int, int], Path]] = []
    for top in (registry / "schemas", registry):
        for file in (top / of["vendor"] / of["name"] / of["format"]).glob("*-*-*"):
            try:
                found.append((read_version(file.name), file))
            except ValueError:  # a file that is no version of anything
                continue
    if not found:
        what = f"{registry} has no version of {of['vendor']}/{of['name']}"
        raise DataError(what, "a schema that is new begins with 1-0-0")
    return _Side(str(max(found)[1]), _read(max(found)[1]))


def _read(file: Path) -> Schema:
    try:
        schema = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        remedy = "name a schema, or a grammar in a .yaml file"
        raise DataError(f"{file} is no JSON: {error}", remedy) from error
    except OSError as error:
        raise DataError(f"{file} can't be read: {error.strerror}", "check the path") from error
    own = schema.get("self") if isinstance(schema, dict) else None
    if not isinstance(own, dict) or not {"vendor", "name", "format", "version"} <= set(own):
        raise DataError(f"{file} is no Iglu schema: it has no `self`", "name one that has")
    return dict(schema)
