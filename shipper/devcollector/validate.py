"""Judges what trackers send, as Enrich would: which events are good, and why the others are bad.

Rule 1: nothing raises, whatever the request holds; every request gets a judgement.
Rule 2: what breaks the envelope (content type, JSON, payload_data, one bad key in one event) makes
ONE bad row of the whole POST. What comes after counts one bad row an event.
Rule 3: parameters of a POST's query string join every event and win over its own keys. They are
not held against payload_data, as Enrich doesn't.
Rule 4: every error names the event, the key or JSON path, what is wrong and what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shipper.devcollector.schemas import SchemaSource, told_at, violations
from shipper.protocol.payload import EVENT_TYPES, examine
from shipper.protocol.post import TOLD, RefusedPostError, event_name, events_of
from shipper.protocol.selfdescribing import Described

MAX_PAYLOAD_BYTES: Final = 1_048_576
"""The collector's default ``maxPayloadSize``: what is larger is taken, and is one bad row."""


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


def judge_post(
    body: bytes, content_type: str | None, query: Mapping[str, str], schemas: SchemaSource
) -> Judgement:
    """Judge a POST to tp2. An empty *body* counts as none; *query* as in Rule 3."""
    if len(body) > MAX_PAYLOAD_BYTES:
        return _one_bad("size_violation", f"body: {_too_large(len(body))}")
    try:
        events = events_of(body, content_type, query)
    except RefusedPostError as error:
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
        told = tuple(f"{event_name(index, parameters)}: {reason}" for reason in reasons[:TOLD])
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
