"""The body of a POST to tp2: from bytes to events, or the reasons why Enrich would refuse it all.

Rule 1: what breaks the envelope (content type, JSON, payload_data, one bad key in one event) costs
the whole POST, so it is refused as a whole.
Rule 2: every reason names the event, the key or JSON path, what is wrong and what would be right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from shipper.protocol.iglu import PAYLOAD_DATA, SchemaKey, same_family
from shipper.protocol.payload import envelope_reasons
from shipper.protocol.selfdescribing import kind

CONTENT_TYPES: Final = (
    "application/json",
    "application/json; charset=utf-8",
    "application/json; charset=UTF-8",
)
"""What Enrich compares the header with."""

TOLD: Final = 20
"""How many reasons are told of one request, or of one event."""

_ADDED: Final = {"ua": 1, "tnuid": 2, "sid": 3, "stm": 3, "ttm": 4}
"""Keys that payload_data 1-0-0 did not have, by the addition that brought them."""


class RefusedPostError(ValueError):
    """The whole request is refused; `reasons` say why."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


def events_of(
    body: bytes, content_type: str | None, query: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return the events of a POST to tp2, none of *query* in them. Raises RefusedPostError.

    An empty *body* counts as none: with neither it nor a content type, *query* is the event.
    """
    if not body:
        return _bodiless(content_type, query)
    if content_type is None or content_type.lower() not in CONTENT_TYPES:
        raise RefusedPostError(_wrong_content_type(content_type))
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedPostError(_not_json(body, error)) from error
    version, data = _envelope(document)
    reasons = list(_first_reasons(data, version))
    if reasons:
        raise RefusedPostError(*reasons)
    return data


def _bodiless(content_type: str | None, query: Mapping[str, str]) -> list[dict[str, str]]:
    if content_type is None and query:
        return [{}]  # Enrich then takes the query string for the event, as in a GET
    raise RefusedPostError(f"body: is empty; it must be {_SHAPE}")


_SHAPE: Final = f'{{"schema": "{PAYLOAD_DATA}", "data": [EVENT, …]}}'


def _wrong_content_type(content_type: str | None) -> str:
    said = "is missing" if content_type is None else f"is {content_type[:100]!r}"
    return f"Content-Type: {said}; it must be exactly one of: {' | '.join(CONTENT_TYPES)}"


def _not_json(body: bytes, error: orjson.JSONDecodeError) -> str:
    hint = ""
    if body[:2] == b"\x1f\x8b":
        hint = "; it looks gzipped, and collectors do not decompress: send it plain"
    return f"body: is not JSON: {error}{hint}; it must be {_SHAPE}"


def _envelope(document: Any) -> tuple[int, list[Any]]:
    """Return the addition of payload_data (4 in 1-0-4) and the events. Raises RefusedPostError."""
    if not isinstance(document, dict) or document.keys() != {"schema", "data"}:
        said = (
            f"has the keys {sorted(document)!r:.200}"
            if isinstance(document, dict)
            else kind(document)
        )
        raise RefusedPostError(f"body: is no envelope ({said}); it must be {_SHAPE}")
    schema, data = document["schema"], document["data"]
    if not isinstance(schema, str):
        raise RefusedPostError(f"schema: must be {PAYLOAD_DATA}, not {kind(schema)}")
    addition = _addition(schema)
    if not isinstance(data, list):
        raise RefusedPostError(f"data: must be an array of events, not {kind(data)}")
    if not data:
        raise RefusedPostError("data: is an empty array; it must hold at least one event")
    return addition, data


def _addition(schema: str) -> int:
    try:
        key = SchemaKey.parse(schema)
    except ValueError as error:
        raise RefusedPostError(f"schema: {error}") from error
    addition = int(key.version.rpartition("-")[2])
    if not same_family(key, PAYLOAD_DATA) or addition > 4:
        raise RefusedPostError(f"schema: is {key}; it must be {PAYLOAD_DATA}, or 1-0-0 to 1-0-3")
    return addition


def _first_reasons(data: list[Any], addition: int) -> Iterator[str]:
    """Tell the first reasons why the events break payload_data, so many that they can be read."""
    told = 0
    for index, event in enumerate(data):
        for reason in _event_reasons(event, addition):
            if told == TOLD:
                yield "and more of the kind in this or later events"
                return
            told += 1
            yield f"{event_name(index, event)}: {reason}"


def _event_reasons(event: Any, addition: int) -> list[str]:
    if not isinstance(event, dict):
        return [f"must be an object of strings, not {kind(event)}"]
    reasons = envelope_reasons(event)
    if addition < 4:
        reasons += [
            f"{key}: payload_data 1-0-{addition} does not have it; declare {PAYLOAD_DATA}"
            for key, since in _ADDED.items()
            if since > addition and key in event
        ]
    return reasons


def event_name(index: int, event: Any) -> str:
    """Name an event for a message: its place in the request, and its id if it has one."""
    eid = event.get("eid") if isinstance(event, dict) else None
    return f"event {index} (eid {eid[:36]})" if isinstance(eid, str) else f"event {index}"
