"""Judges what trackers send, as Enrich would: which events are good, and why the others are bad.

Rule 1: nothing raises, whatever the request holds; every request gets a judgement.
Rule 2: what breaks the envelope (content type, JSON, payload_data, one bad key in one event) makes
ONE bad row of the whole POST. What comes after counts one bad row an event.
Rule 3: parameters of a POST's query string join every event and win over its own keys. They are
not held against payload_data, as Enrich doesn't.
Rule 4: every error names the event, the key or JSON path, what is wrong and what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shipper.devcollector.schemas import SchemaSource, told_at, violations
from shipper.protocol.iglu import PAYLOAD_DATA, SchemaKey, same_family
from shipper.protocol.payload import EVENT_TYPES, envelope_reasons, examine
from shipper.protocol.selfdescribing import Described, kind

CONTENT_TYPES: Final = (
    "application/json",
    "application/json; charset=utf-8",
    "application/json; charset=UTF-8",
)
MAX_PAYLOAD_BYTES: Final = 1_048_576
"""The collector's default ``maxPayloadSize``: what is larger is taken, and is one bad row."""

_TOLD = 20
_ADDED: Final = {"ua": 1, "tnuid": 2, "sid": 3, "stm": 3, "ttm": 4}
"""Keys that payload_data 1-0-0 did not have, by the addition that brought them."""


@dataclass(frozen=True, slots=True)
class GoodEvent:
    """An event that Enrich would pass: its place in the request and what a filter asks for."""

    index: int
    parameters: Mapping[str, str]
    event_type: str
    schema: str | None
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadRow:
    """What Enrich would write to its bad stream.

    `index` is the event's place in the request, None when the whole request is one bad row.
    `kind` is the name of the bad row's schema, as in ``schema_violations``.
    """

    index: int | None
    kind: str
    errors: tuple[str, ...]
    parameters: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one request."""

    good: tuple[GoodEvent, ...]
    bad: tuple[BadRow, ...]


class _RefusedError(ValueError):
    """The whole request is refused; `reasons` say why."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


def judge_post(
    body: bytes, content_type: str | None, query: Mapping[str, str], schemas: SchemaSource
) -> Judgement:
    """Judge a POST to tp2. An empty *body* counts as none; *query* as in Rule 3."""
    if len(body) > MAX_PAYLOAD_BYTES:
        return _one_bad("size_violation", f"body: {_too_large(len(body))}")
    try:
        events = _events(body, content_type, query)
    except _RefusedError as error:
        return _one_bad("tracker_protocol_violations", *error.reasons)
    return _judge_events([{**event, **query} for event in events], schemas)


def judge_get(query: Mapping[str, str], schemas: SchemaSource) -> Judgement:
    """Judge a GET of the pixel. Unknown keys are ignored, and of the required ones only `e` is."""
    if not query:
        what = "query string: is empty; it must hold the event, as in ?e=pv&p=web&tv=x-1"
        return _one_bad("tracker_protocol_violations", what)
    return _judge_events([query], schemas)


def unknown_adapter(vendor: str, version: str) -> Judgement:
    """Judge a request to a path that Enrich has no adapter for."""
    what = (
        f"path: Enrich has no adapter for /{vendor[:80]}/{version[:80]}; trackers send to "
        "/com.snowplowanalytics.snowplow/tp2 (a path of your own must be mapped to it in the "
        "collector's 'paths')"
    )
    return _one_bad("adapter_failures", what)


def _one_bad(kind_: str, *errors: str) -> Judgement:
    return Judgement((), (BadRow(None, kind_, errors),))


def _too_large(size: int) -> str:
    return (
        f"has {size:,} bytes; the collector writes no payload above {MAX_PAYLOAD_BYTES:,} to its "
        "stream: send fewer events in a request"
    )


def _events(
    body: bytes, content_type: str | None, query: Mapping[str, str]
) -> list[dict[str, str]]:
    if not body:
        return _bodiless(content_type, query)
    if content_type is None or content_type.lower() not in CONTENT_TYPES:
        raise _RefusedError(_wrong_content_type(content_type))
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _RefusedError(_not_json(body, error)) from error
    version, data = _envelope(document)
    reasons = list(_first_reasons(data, version))
    if reasons:
        raise _RefusedError(*reasons)
    return data


def _bodiless(content_type: str | None, query: Mapping[str, str]) -> list[dict[str, str]]:
    if content_type is None and query:
        return [{}]  # Enrich then takes the query string for the event, as in a GET
    raise _RefusedError(f"body: is empty; it must be {_SHAPE}")


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
    """Return the addition of payload_data (4 in 1-0-4) and the events. Raises _RefusedError."""
    if not isinstance(document, dict) or document.keys() != {"schema", "data"}:
        said = (
            f"has the keys {sorted(document)!r:.200}"
            if isinstance(document, dict)
            else kind(document)
        )
        raise _RefusedError(f"body: is no envelope ({said}); it must be {_SHAPE}")
    schema, data = document["schema"], document["data"]
    if not isinstance(schema, str):
        raise _RefusedError(f"schema: must be {PAYLOAD_DATA}, not {kind(schema)}")
    addition = _addition(schema)
    if not isinstance(data, list):
        raise _RefusedError(f"data: must be an array of events, not {kind(data)}")
    if not data:
        raise _RefusedError("data: is an empty array; it must hold at least one event")
    return addition, data


def _addition(schema: str) -> int:
    try:
        key = SchemaKey.parse(schema)
    except ValueError as error:
        raise _RefusedError(f"schema: {error}") from error
    addition = int(key.version.rpartition("-")[2])
    if not same_family(key, PAYLOAD_DATA) or addition > 4:
        raise _RefusedError(f"schema: is {key}; it must be {PAYLOAD_DATA}, or 1-0-0 to 1-0-3")
    return addition


def _first_reasons(data: list[Any], addition: int) -> Iterator[str]:
    """Tell the first reasons why the events break payload_data, so many that they can be read."""
    told = 0
    for index, event in enumerate(data):
        for reason in _event_reasons(event, addition):
            if told == _TOLD:
                yield "and more of the kind in this or later events"
                return
            told += 1
            yield f"{_name(index, event)}: {reason}"


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


def _name(index: int, event: Any) -> str:
    eid = event.get("eid") if isinstance(event, dict) else None
    return f"event {index} (eid {eid[:36]})" if isinstance(eid, str) else f"event {index}"


def _judge_events(events: Iterable[Mapping[str, str]], schemas: SchemaSource) -> Judgement:
    judged = [_judge_event(index, event, schemas) for index, event in enumerate(events)]
    return Judgement(
        tuple(each for each in judged if isinstance(each, GoodEvent)),
        tuple(each for each in judged if isinstance(each, BadRow)),
    )


def _judge_event(
    index: int, parameters: Mapping[str, str], schemas: SchemaSource
) -> GoodEvent | BadRow:
    reasons, described = examine(parameters)
    event_type = event_type_of(parameters)
    if "e" not in parameters:
        reasons.append(f"e: is missing; it must be one of {', '.join(EVENT_TYPES)}")
    for schema, data, where in described:
        reasons += told_at(where, violations(schema, data, schemas))
    if reasons or event_type is None:
        told = tuple(f"{_name(index, parameters)}: {reason}" for reason in reasons[:_TOLD])
        return BadRow(index, "schema_violations", told, parameters)
    contexts = tuple(str(schema) for schema, _, where in described if where.startswith("c"))
    return GoodEvent(index, parameters, event_type, schema_of(event_type, described), contexts)


def event_type_of(parameters: Mapping[str, str]) -> str | None:
    """Return Enrich's name for the event, such as ``unstruct``; None if there is none."""
    return EVENT_TYPES.get(parameters.get("e", ""))


_SCHEMA_OF_TYPE: Final = {
    "struct": "iglu:com.google.analytics/event/jsonschema/1-0-0",
    **{
        name: f"iglu:com.snowplowanalytics.snowplow/{name}/jsonschema/1-0-0"
        for name in ("page_view", "page_ping", "transaction", "transaction_item")
    },
}


def schema_of(event_type: str, described: Iterable[Described]) -> str | None:
    """Return the schema that Enrich writes beside an event: its own, or the one of its type."""
    if event_type != "unstruct":
        return _SCHEMA_OF_TYPE[event_type]
    return next((str(each.schema) for each in described if each.where.startswith("ue_")), None)
