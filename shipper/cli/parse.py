"""``shipper parse``: one line in, exactly one JSON object out, in the same order."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import orjson

from shipper.cli.options import (
    chosen,
    directories_option,
    library,
    names_option,
    patterns_option,
    timezone_option,
)

if TYPE_CHECKING:
    from shipper.grammar.auto import Auto
    from shipper.grammar.grammar import Grammar

Render = Callable[[int, str], Any]


@click.command()
@names_option
@directories_option
@patterns_option
@timezone_option
@click.option("--json-input", is_flag=True, help="Each input line is a JSON string: one record.")
@click.option("--event", is_flag=True, help="Print the Snowplow event instead.")
@click.argument("file", type=click.File("rb"), default="-")
def parse(
    *,
    names: str,
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    timezone: str,
    json_input: bool,
    event: bool,
    file: IO[bytes],
) -> None:
    """Parse lines of FILE (or standard input), print one JSON object each.

    \b
    A line that a grammar takes: {"grammar": …, "time": …, "fields": {…}}
    One that gives no event:     the same, and "filtered": true
    A line that none takes:      {"grammar": null, "error": {"grammar", "column", "expected"}}

    \b
    Examples:
      shipper parse -g nginx_access /var/log/nginx/access.log
      tail -f app.log | shipper parse -g auto
    """
    grammars = chosen(names, library(directories, pattern_directories, timezone))
    render: Render = _as_event(grammars) if event else _as_fields(grammars)
    out = sys.stdout.buffer
    records = _records(file, getattr(file, "name", "input"), json_input=json_input)
    for number, text in enumerate(records):
        out.write(orjson.dumps(render(number, text)) + b"\n")
    out.flush()


def _records(lines: Iterable[bytes], name: str, *, json_input: bool) -> Iterator[str]:
    for number, raw in enumerate(lines, start=1):
        line = raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")
        yield _string(line, f"{name}:{number}") if json_input else line


def _string(line: str, where: str) -> str:
    """Return the string that *line* is in JSON. Raises DataError."""
    from shipper.errors import DataError

    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, str):
        what = f"{where}: is not a JSON string"
        raise DataError(what, "with --json-input each line is one string, in quotes")
    # Half of a surrogate pair is no text; everywhere else it is replaced while decoding.
    return record.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _as_fields(grammars: Sequence[Grammar | Auto]) -> Render:
    from shipper.grammar.grammar import at_work
    from shipper.grammar.reading import as_shown, read_record

    works = at_work(grammars, {})
    return lambda _number, text: as_shown(read_record(works, text, time.time_ns() // 1000))


def _as_event(grammars: Sequence[Grammar | Auto]) -> Render:
    from shipper.event.builder import Envelope
    from shipper.event.chunk import take_in_order
    from shipper.event.entities import Origin
    from shipper.event.ids import EventIds
    from shipper.event.recipe import Recipe
    from shipper.formats.held import Record

    recipe = Recipe(grammars, Envelope())
    steps = recipe.at_work({})
    # There is no file, so the ids are as good as any: the same input gives the same ones.
    origin = Origin(EventIds(uuid.uuid5(uuid.NAMESPACE_URL, "shipper parse")), "")

    def render(number: int, text: str) -> Any:
        record = Record(number, text.encode(), text, 1, 0, None, None)
        event = take_in_order(record, steps, recipe, origin, time.time_ns() // 1000)
        if isinstance(event, bytes):
            return orjson.Fragment(event)
        grammar, reason, detail = event
        return {"grammar": None, "error": {"grammar": grammar, "reason": reason, "why": detail}}

    return render
