"""A gap: bytes of a log that were gone before they could be read, or events that were dropped.

A hole in the data that nobody sees is worse than the hole. So a gap becomes an event of its own,
for those who look at the data, and a dead letter, for those who look at the shipper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shipper.event.batch import pack
from shipper.event.builder import event_builder
from shipper.event.chunk import Parse, Reject
from shipper.event.entities import Origin
from shipper.event.recipe import Recipe
from shipper.model import Parsed

GAP_SCHEMA = "iglu:org.logfilesource/gap/jsonschema/1-0-0"
_MOST = 2**53 - 1


class Gap(NamedTuple):
    """At least *size* bytes are missing from *offset* on in the log *path*."""

    path: str
    offset: int
    size: int
    cause: str


class Dropped(NamedTuple):
    """Events of one source that were given up for one cause.

    `size` is their bytes, uncompressed; `since` and `until` are when the oldest and the newest of
    them came into the queue, or would have, in milliseconds.
    """

    source: str
    cause: str
    events: int
    size: int
    since: int
    until: int

    def __str__(self) -> str:
        """Return what happened, in words."""
        span = f"{_moment(self.since)} to {_moment(self.until)}"
        return f"{self.events} events of {self.size} bytes are missing: {self.cause}, {span}"


class _Shape:
    schema = GAP_SCHEMA
    atomic: Mapping[str, str] = {}


def with_gap(parse: Parse, gap: Gap, recipe: Recipe, origin: Origin, read_us: int) -> Parse:
    """Return *parse* with the event and the dead letter of *gap* at its end."""
    fields = {"path": gap.path, "offset": gap.offset, "bytes": gap.size, "cause": gap.cause}
    build = event_builder(_Shape(), recipe.envelope)
    eid = origin.eid(gap.offset, f"gap of {gap.size} bytes".encode())
    event = build(Parsed("gap", fields, None), eid, read_us, origin.entities)
    detail = f"at least {gap.size} bytes from offset {gap.offset} on are missing: {gap.cause}"
    return replace(
        parse,
        batches=(*parse.batches, *pack([event], recipe.envelope.max_bytes)),
        rejects=(*parse.rejects, Reject(gap.offset, b"", "", "gap", detail)),
        ledger=parse.ledger._replace(events=parse.ledger.events + 1),
    )


def drop_event(drop: Dropped, recipe: Recipe, eid: str, now_us: int) -> bytes:
    """Return the event that tells of *drop*."""
    span = {"since": _moment(drop.since), "until": _moment(drop.until)}
    fields = {"source": drop.source, "events": drop.events, "bytes": drop.size}
    parsed = Parsed("gap", {**fields, "cause": drop.cause, **span}, None)
    return event_builder(_Shape(), recipe.envelope)(parsed, eid, now_us, ())


def _moment(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def gap_schema() -> dict[str, Any]:
    """Return the Iglu schema of the event."""
    vendor, name, form, version = GAP_SCHEMA.removeprefix("iglu:").split("/")
    count = {"minimum": 0, "maximum": _MOST}
    maybe = {"type": ["integer", "null"], **count}
    text = {"type": ["string", "null"]}
    moment = {**text, "format": "date-time", "maxLength": 32}
    return {
        "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/"
        "schema/jsonschema/1-0-0#",
        "description": "Bytes of a log that were gone before they could be read, or events dropped",
        "self": {"vendor": vendor, "name": name, "format": form, "version": version},
        "type": "object",
        "properties": {
            "path": {**text, "maxLength": 4096, "description": "Path of the log"},
            "offset": {**maybe, "description": "Where the gap begins, in bytes"},
            "source": {**text, "maxLength": 64, "description": "Source of the events"},
            "events": {**maybe, "description": "How many events are missing"},
            "bytes": {
                **{"type": "integer", **count},
                "description": "How many bytes are missing, at least",
            },
            "since": {**moment, "description": "When the first of them was queued, or would be"},
            "until": {**moment, "description": "When the last of them was queued, or would be"},
            "cause": {"type": "string", "maxLength": 255, "description": "What happened"},
        },
        "required": ["bytes", "cause"],
        "additionalProperties": False,
    }
