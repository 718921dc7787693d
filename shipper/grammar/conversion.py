"""Converters: the text or JSON value of a field in, its typed value out, None for "can't be used".

Rule 1: numbers are ASCII, exactly ``-?digits`` and for `number` a fraction and an exponent; what
Python's int() and float() take beyond that (underscores, blanks, other scripts, nan, inf) is not.
Rule 2: every value that comes out is one that JSON and the field's schema can hold.
Rule 3: a number beyond its limits is the nearest of them where the field says ``clamp``.
Rule 4: conversions of short texts are remembered, in a bounded table, where they are likely to
repeat; an integer of a wide range is not, for then the table costs more than it saves.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from shipper.grammar.durations import read_duration
from shipper.grammar.spec import ADDRESS_LENGTH, FieldSpec
from shipper.grammar.times import TimeReader
from shipper.grammar.wording import iso_time

Convert = Callable[[str], Any]
ConvertValue = Callable[[Any], Any]

ConvertTime = Callable[[object, int], str | None]

_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LONGEST_INTEGER: Final = 40  # more digits than any limit has
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_ACCEPTED: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    **dict.fromkeys(("integer", "number", "duration"), (int, float)),
}
"""The JSON values, beside text, that a type takes as they are; a string takes any as JSON."""

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
    convert = _typed(spec)
    if spec.map:
        meaning, of_type = spec.map, convert
        convert = lambda text: of_type(meaning.get(text, text))  # noqa: E731 - one of two steps
    if spec.trim:
        whole, cut = convert, _without_line_end if spec.trim == "line_end" else str.strip
        convert = lambda text: whole(cut(text))  # noqa: E731 - one of two steps
    return convert


def _without_line_end(text: str) -> str:
    return text.rstrip("\r\n")


def time_converter(spec: FieldSpec) -> ConvertTime:
    """Return the function (text or number, now in µs) → the time as UTC, of a `timestamp` field."""
    read = TimeReader(spec.formats, spec.timezone or "UTC").read

    def convert(value: object, now_us: int) -> str | None:
        time_us = read(value, now_us)
        return None if time_us is None else iso_time(time_us)

    return convert


def _typed(spec: FieldSpec) -> Convert:
    if spec.values is not None:
        return {value: value for value in spec.values}.get
    convert = _MAKERS.get(spec.type or "string", _string)(spec)
    low, high = spec.limits()
    repeats = spec.type in ("number", "duration", "ip") or (
        spec.type == "integer" and high - low < _MEMO_SIZE
    )
    return _Memo(convert).__getitem__ if repeats else convert


def value_converter(spec: FieldSpec) -> ConvertValue:
    """Return the converter from a JSON value, not null, to the value of a field.

    A text is converted as in a line. A string field takes any other value as its JSON text.
    """
    from_text = text_converter(spec)
    accepted = _ACCEPTED.get(spec.type or "", ())

    def convert(value: Any) -> Any:
        if isinstance(value, str):
            return from_text(value)
        if spec.type in ("string", "enum") or (spec.map and not isinstance(value, dict | list)):
            return from_text(orjson.dumps(value).decode())
        if isinstance(value, bool) != (spec.type == "boolean") or not isinstance(value, accepted):
            return None
        if spec.type == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)
        return from_text(repr(value))

    return convert


def _integer(spec: FieldSpec) -> Convert:
    low, high = spec.limits()
    clamps = spec.on_error == "clamp"

    def convert(text: str) -> Any:
        plain = len(text) < 19 and text.isdigit() and text.isascii()  # nearly always, and quick
        if not plain and _INTEGER.fullmatch(text) is None:
            return None
        if len(text) <= _LONGEST_INTEGER:
            value = int(text)
        else:
            value = -(10**_LONGEST_INTEGER) if text[0] == "-" else 10**_LONGEST_INTEGER
        if low <= value <= high:
            return value
        return min(max(value, low), high) if clamps else None

    return convert


def _number(spec: FieldSpec) -> Convert:
    limit = _limited(spec)
    return lambda text: limit(float(text)) if _NUMBER.fullmatch(text) else None


def _duration(spec: FieldSpec) -> Convert:
    limit, unit = _limited(spec), spec.unit or "s"
    given_in = spec.given_in or unit

    def convert(text: str) -> float | None:
        value = read_duration(text, unit, given_in)
        return None if value is None else limit(value)

    return convert


def _limited(spec: FieldSpec) -> Callable[[float], float | None]:
    """Return the function from a number to what the limits of *spec* leave of it."""
    low, high = spec.limits()
    if spec.on_error == "clamp":
        return lambda value: float(min(max(value, low), high))
    return lambda value: value if low <= value <= high else None


def _string(spec: FieldSpec) -> Convert:
    longest = spec.longest()
    if spec.truncates():
        return lambda text: text[:longest]
    return lambda text: text if len(text) <= longest else None


def _boolean(_spec: FieldSpec) -> Convert:
    return lambda text: _BOOLEANS.get(text.lower())


def _uuid(_spec: FieldSpec) -> Convert:
    return lambda text: text if _UUID.fullmatch(text) else None


def _ip(_spec: FieldSpec) -> Convert:
    return _address


def _address(text: str) -> str | None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return None
    return text if len(text) <= ADDRESS_LENGTH else None


_MAKERS: Final[dict[str, Callable[[FieldSpec], Convert]]] = {
    "integer": _integer,
    "number": _number,
    "duration": _duration,
    "boolean": _boolean,
    "ip": _ip,
    "uuid": _uuid,
}
"""Makes the converter of each type; what is none of them is a string."""
