"""Entities that a person writes into the configuration, held to what an event can carry."""

from __future__ import annotations

import math
from typing import Any

from shipper.config.fields import wrong
from shipper.protocol.iglu import SchemaKey

# Enrich takes JSON 50 levels deep, its smaller relatives 40; the wrappers round an entity take 4.
MAX_DEPTH = 30


def iglu_uri(text: str) -> str:
    """Return *text* if it is an Iglu URI with a full version. Raises PydanticCustomError."""
    try:
        SchemaKey.parse(text)
    except ValueError as error:
        remedy = "write it like iglu:com.example/host/jsonschema/1-0-0"
        raise wrong(str(error), remedy) from error
    return text


def json_object(data: dict[str, Any]) -> dict[str, Any]:
    """Return *data* if JSON can carry it. Raises PydanticCustomError."""
    _check(data, MAX_DEPTH)
    return data


def _check(value: object, levels: int) -> None:
    if levels == 0:
        raise wrong(f"is nested deeper than {MAX_DEPTH} levels", "make it flatter")
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check(inner, levels - 1)
    elif not _is_json_scalar(value):
        raise wrong("holds a number that JSON can't carry", "put it in quotes")


def _is_json_scalar(value: object) -> bool:
    match value:
        case bool() | str() | None:
            return True
        case int():
            return -(2**63) <= value < 2**64
        case float():
            return math.isfinite(value)
        case _:
            return False
