"""Nouns for the stories: events, requests, schemas."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

import orjson

from shipper.devcollector.schemas import Memory
from shipper.protocol.iglu import PAYLOAD_DATA, UNSTRUCT_EVENT

ORDER = "iglu:com.example/order_placed/jsonschema/1-0-0"
SCHEMA: dict[str, Any] = {
    "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#",
    "self": {
        "vendor": "com.example",
        "name": "order_placed",
        "format": "jsonschema",
        "version": "1-0-0",
    },
    "type": "object",
    "properties": {
        "total": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
        "placed_at": {"type": ["string", "null"], "format": "date-time"},
    },
    "required": ["total"],
    "additionalProperties": False,
}
SCHEMAS = Memory({ORDER: SCHEMA}, name="the schemas of this test")
JSON_UTF8 = "application/json; charset=utf-8"


def text(value: Any) -> str:
    return orjson.dumps(value).decode()


def eid(number: int) -> str:
    return str(UUID(int=number, version=5))


def order(number: int = 1, **data: Any) -> dict[str, str]:
    """A good event; *data* joins its self-describing data."""
    inner = {"schema": ORDER, "data": {"total": number} | data}
    wrapped = text({"schema": UNSTRUCT_EVENT, "data": inner})
    return {
        "e": "ue",
        "eid": eid(number),
        "dtm": "1795417200123",
        "p": "srv",
        "tv": "test-1",
        "aid": "shop",
        "ue_px": base64.urlsafe_b64encode(wrapped.encode()).decode(),
    }


def page(**more: str) -> dict[str, str]:
    """A good page view."""
    return {"e": "pv", "p": "web", "tv": "test-1", "eid": eid(7), **more}


def envelope(*events: Any, schema: str = PAYLOAD_DATA) -> bytes:
    """The body of a POST."""
    return orjson.dumps({"schema": schema, "data": list(events)})
