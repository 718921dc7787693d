"""Reads a record that is one JSON object.

Rule 1: numbers are exact or stay text: an integer beyond 64 bits, a number beyond a double, and a
fraction of more digits than a double can tell apart become strings of their digits. NaN and
Infinity, which are no JSON but are written by common programs, are null.
Rule 2: what comes out can be written as JSON again: half a surrogate pair becomes U+FFFD, and
nesting is limited.
Rule 3: of a key that stands twice the last value counts, as in every common reader.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import orjson

from shipper.grammar.records import RecordError

MAX_DEPTH: Final = 200
_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1

# Any 18 digits in a row show as 3 in a row among every sixth character: a sixth of the work.
_STEP = 6
_HINT = re.compile(r"[0-9.]{3}")
_LONG_NUMBER = re.compile(r"[0-9.]{18}")
_DIGITS = 17  # that a double can tell apart

_EXPECTED = {
    "Expecting value": "a value",
    "Expecting property name enclosed in double quotes": "a key in double quotes",
    "Expecting ':' delimiter": "':'",
    "Expecting ',' delimiter": "',' or a closing bracket",
    "Illegal trailing comma before end of object": "a key in double quotes",
    "Illegal trailing comma before end of array": "a value",
    "Invalid control character at": "no bare control character",
    "Unterminated string starting at": "a closing '\"'",
    "Extra data": "end of line",
}


def read_object(text: str) -> dict[str, Any]:
    """Return the object that *text* is. Raises RecordError."""
    value = _read(text)
    if type(value) is not dict:
        raise RecordError(1, "a JSON object")
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise RecordError(1, f"at most {MAX_DEPTH} levels of nesting")
    return _mended(value) if "\\ud" in text or "\\uD" in text else value


def _read(text: str) -> Any:
    if _HINT.search(text[_STEP - 1 :: _STEP]) and _LONG_NUMBER.search(text):
        return _read_exactly(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # wrong, or one of the few things that the other reader takes
        return _read_exactly(text)


def _read_exactly(text: str) -> Any:
    """Read with the standard library: ten times slower, but it keeps digits and names columns."""
    try:
        return json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_no_value)
    except json.JSONDecodeError as error:
        raise RecordError(error.pos + 1, _EXPECTED.get(error.msg, error.msg)) from error
    except RecursionError:
        raise RecordError(1, f"at most {MAX_DEPTH} levels of nesting") from None


def _integer(digits: str) -> int | str:
    if len(digits) > 20:
        return digits
    value = int(digits)
    return value if _INT64_MIN <= value <= _UINT64_MAX else digits


def _float(digits: str) -> float | str:
    value = float(digits)
    if not math.isfinite(value):
        return digits
    mantissa = digits.partition("e")[0].partition("E")[0].replace(".", "").lstrip("-0")
    return value if len(mantissa.rstrip("0")) <= _DIGITS else digits


def _no_value(_word: str) -> None:
    return None


def _depth(value: Any) -> int:
    """Return how deep the containers stand in each other, without recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        children = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        level = children
    return depth


def _mended(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_mended(key): _mended(inner) for key, inner in value.items()}
        case list():
            return [_mended(inner) for inner in value]
        case _:
            return value
