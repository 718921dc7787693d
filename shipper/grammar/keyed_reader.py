"""Reads records that name their own fields: JSON objects and logfmt.

Rule 1: keys that the grammar lists are typed by it; others are kept as they are, or left out.
Rule 2: the time is the first of the named keys whose value is a time. Where the time is optional,
a value that is none stays an ordinary field; where it is not, the record is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from shipper.grammar.conversion import value_converter
from shipper.grammar.furthest import END
from shipper.grammar.records import RecordError
from shipper.grammar.shape import Shape
from shipper.grammar.wording import expected_time, expected_value
from shipper.model import Mismatch, Parsed

ReadRecord = Callable[[str], dict[str, Any]]


class KeyedReader:
    """Reads records by a reader of their format and the fields of one grammar."""

    __slots__ = ("_keep", "_listed", "_read", "_shape")

    def __init__(self, shape: Shape, read: ReadRecord) -> None:
        self._shape = shape
        self._read = read
        self._keep = shape.spec.extra == "keep"
        self._listed = {
            name: (value_converter(spec), shape.nones(name))
            for name, spec in shape.spec.fields.items()
            if not spec.derive
        }

    def parse(self, text: str, now_us: int) -> Parsed | None:
        """Return what *text* says, or None if it is no such record."""
        try:
            raw = self._read(text)
        except RecordError:
            return None
        parsed = self._take(raw, now_us)
        return parsed if isinstance(parsed, Parsed) else None

    def explain(self, text: str, now_us: int) -> Mismatch:
        """Return why *text* is refused."""
        try:
            raw = self._read(text)
        except RecordError as error:
            return Mismatch(self._shape.name, error.column, error.expected)
        field = self._take(raw, now_us)
        if isinstance(field, Parsed):
            return Mismatch(self._shape.name, len(text) + 1, END)
        return self._bad_value(text, field)

    def _take(self, raw: dict[str, Any], now_us: int) -> Parsed | str:
        """Return the record, or the name of the field that can't be used."""
        shape = self._shape
        time_us = self._take_time(raw, now_us)
        if time_us is None and not shape.optional:
            return shape.time_fields[0]
        fields: dict[str, Any] = {}
        for name, value in raw.items():
            if value is None or value == "":
                continue
            if name in self._listed:
                if not self._type(name, value, fields):
                    return name
            elif self._keep:
                fields[name] = value
        shape.derive(fields)
        return Parsed(shape.name, fields, time_us)

    def _type(self, name: str, value: Any, fields: dict[str, Any]) -> bool:
        """Put the typed *value* into *fields*; say whether the record can be used."""
        convert, nones = self._listed[name]
        if value in nones:
            return True
        typed = convert(value)
        if typed is None:
            return name in self._shape.droppable
        fields[name] = typed
        return True

    def _take_time(self, raw: dict[str, Any], now_us: int) -> int | None:
        """Move the time out of *raw*: the first of the named keys whose value is one."""
        for name in self._shape.time_fields:
            if name in raw:
                time_us = self._shape.read_time(raw[name], now_us)
                if time_us is not None:
                    del raw[name]
                    return time_us
        return None

    def _bad_value(self, text: str, field: str) -> Mismatch:
        """Name the field and the column of its value, the last where its key stands twice."""
        key = re.escape(field)
        places = [found.end() for found in re.finditer(rf'"{key}"\s*:\s*|(?<!\S){key}=', text)]
        column = (places[-1] if places else 0) + 1
        spec = self._shape.spec
        if field in self._shape.time_fields:
            return Mismatch(spec.name, column, expected_time(spec), "bad_time", field)
        expected = expected_value(spec.fields[field])
        return Mismatch(spec.name, column, expected, "bad_value", field)
