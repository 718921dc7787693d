"""What is said of a record beside its fields: which container wrote it, and what was done to it.

Entities are attached to events as self-describing objects. They follow from the path and the
record alone, so that the same record always has the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from shipper.event.ids import EventIds
from shipper.formats.containers import CONTAINER_SCHEMA, container_schema, place_of
from shipper.formats.encodings import UTF_8, Encoding
from shipper.formats.held import RECORD_FLAGS

RECORD_SCHEMA = "iglu:org.logfilesource/record/jsonschema/1-0-0"
_META_SCHEMA = (
    "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
)
_MEANINGS = {
    "truncated": "The end of the record was over a limit and is not here",
    "continued": "The record goes on with one that was over a limit",
    "partial": "The last piece of the record never came",
}


# Asked for each chunk, of which many files that are being written give many.
_place_of = lru_cache(maxsize=1024)(place_of)


class Edges(NamedTuple):
    """Where a chunk does not begin or end with a line: what was taken before its end came."""

    continues: bool = False
    partial: bool = False


class Origin:
    """Where the records of a generation come from: ids, entities, and how the bytes are text."""

    def __init__(
        self,
        eid: EventIds,
        path: str,
        encoding: Encoding = UTF_8,
        bom_length: int = 0,
        edges: Edges | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """*path* is the canonical one, which rotation does not change.

        The file is in *encoding*, and begins with a mark of *bom_length* bytes; *edges* are those
        of the chunk that is read. *facts* are what the container runtime says of the container.
        """
        self.edges = edges or Edges()
        self.eid = eid
        self.encoding = encoding
        self.is_utf_8 = encoding is UTF_8 or encoding == UTF_8
        self.bom_length = bom_length
        place = _place_of(path)
        self._place = place if place is None else {**place, **(facts or {})}
        self._known: dict[tuple[str | None, tuple[str, ...]], tuple[str, ...]] = {}
        self.entities = self.entities_of(None, ())

    def entities_of(self, stream: str | None, flags: tuple[str, ...]) -> tuple[str, ...]:
        """Return the entities of a record of *stream* with *flags*, each as JSON."""
        key = (stream, flags)
        if key not in self._known:
            self._known[key] = tuple(self._make(stream, flags))
        return self._known[key]

    def _make(self, stream: str | None, flags: tuple[str, ...]) -> list[str]:
        container = {**(self._place or {}), **({"stream": stream} if stream else {})}
        made = [_entity(CONTAINER_SCHEMA, container)] if container else []
        if flags:
            made.append(_entity(RECORD_SCHEMA, dict.fromkeys(flags, True)))
        return made


def entity_schemas() -> dict[str, dict[str, Any]]:
    """Return the Iglu schemas of all entities, by URI."""
    return {CONTAINER_SCHEMA: container_schema(), RECORD_SCHEMA: _record_schema()}


def _entity(schema: str, data: Mapping[str, Any]) -> str:
    return orjson.dumps({"schema": schema, "data": data}).decode()


def _record_schema() -> dict[str, Any]:
    vendor, name, form, version = RECORD_SCHEMA.removeprefix("iglu:").split("/")
    return {
        "$schema": _META_SCHEMA,
        "description": "What was done to a record before it became an event",
        "self": {"vendor": vendor, "name": name, "format": form, "version": version},
        "type": "object",
        "properties": {
            flag: {"type": ["boolean", "null"], "description": _MEANINGS[flag]}
            for flag in RECORD_FLAGS
        },
        "additionalProperties": False,
    }
