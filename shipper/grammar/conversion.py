"""Converters: the text or JSON value of a field in, its typed value out, None for "can't be used".

Rule 1: numbers are ASCII, exactly ``-?digits`` and for `number` a fraction and an exponent; what
Python's int() and float() take beyond that (underscores, blanks, other scripts, nan, inf) is not.
Rule 2: every value that comes out is one that JSON and the field's schema can hold.
Rule 3: conversions of short texts are remembered, in a bounded table, where they are likely to
repeat; an integer of a wide range is not, for then the table costs more than it saves.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from shipper.grammar.spec import FieldSpec

Convert = Callable[[str], Any]
ConvertValue = Callable[[Any], Any]

_INTEGER = re.compile(r"-?[0-9]{1,40}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?")
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_MEMO_SIZE: Final = 4096
_MEMO_LENGTH: Final = 40


class _Memo(dict[str, Any]):
    """Remembers what a converter answered; looked up as `memo[text]`, which is C code on a hit."""

    def __init__(self, convert: Convert) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> Any:
        value = self._convert(text)
        if value is not None and len(text) <= _MEMO_LENGTH:
            if len(self) >= _MEMO_SIZE:
                self.clear()
            self[text] = value
        return value


def text_converter(spec: FieldSpec) -> Convert:
    """Return the converter from a text to the value of a field described by *spec*."""
    if spec.values is not None:
        return {value: value for value in spec.values}.get
    match spec.type:
        case "integer":
            low, high = spec.limits()
            few = high - low < _MEMO_SIZE
            return _Memo(_integer(spec)).__getitem__ if few else _integer(spec)
        case "number":
            return _Memo(_number(spec)).__getitem__
        case "boolean":
            return lambda text: _BOOLEANS.get(text.lower())
        case "ip":
            return _Memo(_address).__getitem__
        case _:
            return _string(spec)


def value_converter(spec: FieldSpec) -> ConvertValue:
    """Return the converter from a JSON value, not null, to the value of a field.

    A text is converted as in a line. A string field takes any other value as its JSON text.
    """
    from_text = text_converter(spec)
    accepted: tuple[type, ...] = {"boolean": (bool,), "ip": ()}.get(spec.type or "", (int, float))

    def convert(value: Any) -> Any:
        if isinstance(value, str):
            return from_text(value)
        if spec.type == "string":
            return from_text(orjson.dumps(value).decode())
        if isinstance(value, bool) != (spec.type == "boolean") or not isinstance(value, accepted):
            return None
        if spec.type == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)
        return from_text(repr(value))

    return convert


def _integer(spec: FieldSpec) -> Convert:
    low, high = spec.limits()

    def convert(text: str) -> int | None:
        plain = len(text) < 19 and text.isdigit() and text.isascii()  # nearly always, and quick
        if not plain and _INTEGER.fullmatch(text) is None:
            return None
        value = int(text)
        return value if low <= value <= high else None

    return convert


def _number(spec: FieldSpec) -> Convert:
    low, high = spec.limits()

    def convert(text: str) -> float | None:
        if _NUMBER.fullmatch(text) is None:
            return None
        value = float(text)
        return value if low <= value <= high else None

    return convert


def _string(spec: FieldSpec) -> Convert:
    longest = spec.longest()
    if spec.truncates():
        return lambda text: text[:longest]
    return lambda text: text if len(text) <= longest else None


def _address(text: str) -> str | None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return None
    return text if len(text) <= ADDRESS_LENGTH else None


ADDRESS_LENGTH: Final = 64
"""The longest address, in characters: 45 for IPv6 with an IPv4 tail, the rest for a zone id."""
