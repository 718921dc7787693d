"""A gap: bytes of a log that were gone before they could be read.

A hole in the data that nobody sees is worse than the hole. So a gap becomes an event of its own,
for those who look at the data, and a dead letter, for those who look at the shipper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from shipper.event.batch import pack
from shipper.event.builder import event_builder
from shipper.event.chunk import Parse, Recipe, Reject
from shipper.event.entities import Origin
from shipper.model import Parsed

GAP_SCHEMA = "iglu:org.logfilesource/gap/jsonschema/1-0-0"
_MOST = 2**53 - 1


class Gap(NamedTuple):
    """At least *size* bytes are missing from *offset* on in the log *path*."""

    path: str
    offset: int
    size: int
    cause: str


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


def gap_schema() -> dict[str, Any]:
    """Return the Iglu schema of the event."""
    vendor, name, form, version = GAP_SCHEMA.removeprefix("iglu:").split("/")
    count = {"type": "integer", "minimum": 0, "maximum": _MOST}
    return {
        "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/"
        "schema/jsonschema/1-0-0#",
        "description": "Bytes of a log that were gone before they could be read",
        "self": {"vendor": vendor, "name": name, "format": form, "version": version},
        "type": "object",
        "properties": {
            "path": {"type": "string", "maxLength": 4096, "description": "Path of the log"},
            "offset": {**count, "description": "Where the gap begins, in bytes"},
            "bytes": {**count, "description": "How many bytes are missing, at least"},
            "cause": {"type": "string", "maxLength": 255, "description": "What happened"},
        },
        "required": ["path", "offset", "bytes", "cause"],
        "additionalProperties": False,
    }
