"""Reads records that name their own fields: JSON, logfmt, pairs, columns, CEF.

Rule 1: keys that the grammar lists are typed by it; others are kept as they are, or left out.
Rule 2: a listed field is looked for under the keys of its `from`, in order, then under its name.
Rule 3: the time is the first of the named keys whose value is a time. Where the time is optional,
a value that is none stays an ordinary field; where it is not, the record is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from shipper.grammar.conversion import value_converter
from shipper.grammar.furthest import END
from shipper.grammar.paths import Path
from shipper.grammar.prefix import ReadRecord
from shipper.grammar.records import DirectiveError, RecordError
from shipper.grammar.shape import Shape
from shipper.grammar.spans import Span, spans_of_values
from shipper.grammar.spec import FieldSpec, GrammarSpec
from shipper.grammar.wording import expected_time, expected_value
from shipper.model import Dropped, Mismatch, Parsed


class KeyedReader:
    """Reads records by a reader of their format and the fields of one grammar."""

    __slots__ = (
        "_always",
        "_by_key",
        "_join",
        "_keep",
        "_keep_time",
        "_listed",
        "_moves",
        "_read",
        "_required",
        "_shape",
        "_times",
        "_trimmed",
    )

    def __init__(self, shape: Shape, read: ReadRecord) -> None:
        spec = shape.spec
        self._shape = shape
        self._read = read
        self._keep = spec.extra == "keep"
        self._join = spec.time.join if spec.time else ()
        self._keep_time = spec.time is not None and spec.time.keep
        self._times = [Path(name) for name in shape.time_fields]
        self._moves = [
            (name, [Path(key) for key in field.keys(name)])
            for name, field in spec.fields.items()
            if field.from_ or "." in name
        ]
        if shape.raw is not None and "." in shape.raw:
            self._moves.append((shape.raw, [Path(shape.raw)]))
        self._by_key, self._always = _triggers(self._moves, spec)
        self._required = tuple(name for name, field in spec.fields.items() if field.required)
        self._trimmed = tuple(name for name, field in spec.fields.items() if field.trim)
        self._listed = {
            name: (value_converter(field), shape.nones(name))
            for name, field in spec.fields.items()
            if not field.derive
        }

    def parse(self, text: str, now_us: int) -> Parsed | None:
        """Return what *text* says, or None if it is no such record."""
        try:
            raw = self._read(text)
        except RecordError:
            return None
        except DirectiveError:
            return Dropped(self._shape.name, {}, None)
        parsed = self._take(raw, now_us)
        return parsed if isinstance(parsed, Parsed) else None

    def explain(self, text: str, now_us: int) -> Mismatch:
        """Return why *text* is refused."""
        try:
            raw = self._read(text)
        except RecordError as error:
            return Mismatch(self._shape.name, error.column, error.expected)
        except DirectiveError:
            return Mismatch(self._shape.name, len(text) + 1, END)
        given = frozenset(raw)
        field = self._take(raw, now_us)
        if isinstance(field, Parsed):
            return Mismatch(self._shape.name, len(text) + 1, END)
        value = raw.get(field)
        place = self.start_of(text, field)
        if not place and isinstance(value, str):  # a format that names no keys
            place = max(0, text.rfind(value))
        return self._bad_value(place + 1, field, given)

    def start_of(self, text: str, field: str) -> int:
        """Return the offset in *text* at which the value of *field* begins, 0 if unknown."""
        keys = self._shape.spec.fields.get(field, FieldSpec()).keys(field)
        return max(_place(text, key) for key in keys)

    def spans(self, text: str, _now_us: int) -> list[Span]:
        """Return where the fields of *text* stand, as far as they stand there as they are."""
        try:
            raw = self._read(text)
        except (RecordError, DirectiveError):
            return []
        named = {
            key: name
            for name, field in self._shape.spec.fields.items()
            for key in reversed(field.keys(name))
        }
        return [s._replace(field=named.get(s.field, s.field)) for s in spans_of_values(text, raw)]

    def _take(self, raw: dict[str, Any], now_us: int) -> Parsed | str:
        """Return the record, or the name of the field that can't be used."""
        shape = self._shape
        if self._join or self._moves:
            self._arrange(raw)
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
            elif self._keep or name == shape.raw:
                fields[name] = value
        missing = self._complete(fields, now_us)
        return missing or Parsed(shape.name, fields, time_us)

    def _complete(self, fields: dict[str, Any], now_us: int) -> str | None:
        """Read further times, derive; return the name of a field that can't be used or misses."""
        shape = self._shape
        if shape.stamps and (bad := shape.stamp(fields, shape.stamps, now_us)):
            return bad
        for name in self._required:
            if name not in fields:
                return name
        for name in self._trimmed:
            if fields.get(name) == "":
                del fields[name]
        if shape.derived:
            shape.derive(fields)
        return None

    def _arrange(self, raw: dict[str, Any]) -> None:
        """Put each listed field under its own name, and a time in parts under one."""
        asked = self._always.union(*map(self._by_key.__getitem__, self._by_key.keys() & raw.keys()))
        for index in sorted(asked):
            name, paths = self._moves[index]
            for path in paths:
                value = path.find(raw)
                if value is not None and value != "":
                    path.remove(raw)
                    raw[name] = value
                    break
            else:
                if name in self._required:  # under its own name it is another program's
                    raw.pop(name, None)
        parts = [raw.get(part) for part in self._join]
        if parts and all(isinstance(part, str) for part in parts):
            for part in self._join:
                del raw[part]
            raw[self._shape.time_fields[0]] = " ".join(map(str, parts))

    def _type(self, name: str, value: Any, fields: dict[str, Any]) -> bool:
        """Put the typed *value* into *fields*; say whether the record can be used."""
        convert, nones = self._listed[name]
        if nones and (value if isinstance(value, str) else str(value)) in nones:
            return True
        if name in self._shape.stamps or name == self._shape.raw:
            fields[name] = value
            return True
        typed = convert(value)
        if typed is None:
            return name in self._shape.droppable
        if typed != "" or name in self._trimmed:  # it is there, though nothing is left of it
            fields[name] = typed
        return True

    def _take_time(self, raw: dict[str, Any], now_us: int) -> int | None:
        """Take the time out of *raw*, or leave it: the first of the named keys that holds one."""
        for path in self._times:
            value = path.find(raw)
            if value is not None:
                time_us = self._shape.read_time(value, now_us)
                if time_us is not None:
                    if not self._keep_time:
                        path.remove(raw)
                    return time_us
        return None

    def _bad_value(self, column: int, field: str, given: frozenset[str]) -> Mismatch:
        """Name the field whose value at *column* can't be used, or that is not *given*."""
        spec = self._shape.spec
        if field in self._shape.time_fields:
            return Mismatch(spec.name, column, expected_time(spec), "bad_time", field)
        if (
            column == 1
            and spec.fields[field].required
            and not given & set(spec.fields[field].keys(field))
        ):
            return Mismatch(spec.name, 1, f"the field {field}", "no_match", field)
        expected = expected_value(spec.fields[field])
        return Mismatch(spec.name, column, expected, "bad_value", field)


def _triggers(
    moves: Sequence[tuple[str, Sequence[Path]]], spec: GrammarSpec
) -> tuple[dict[str, tuple[int, ...]], frozenset[int]]:
    """Return by key which of *moves* it may call for, and those that are to be tried always.

    A record has a few of the keys that a grammar knows; to look for all of them costs more than to
    read it.
    """
    by_key: dict[str, tuple[int, ...]] = {}
    always = set()
    for index, (name, paths) in enumerate(moves):
        field = spec.fields.get(name)
        if (field and field.required) or any("." in path.name for path in paths):
            always.add(index)
            continue
        for path in paths:
            by_key[path.name] = (*by_key.get(path.name, ()), index)
    return by_key, frozenset(always)


def _place(text: str, path: str) -> int:
    """Return where the value of *path* begins, by its last key; the last if that stands twice."""
    named = [part for part in path.split(".") if not part.isdigit()]
    key = re.escape(named[-1] if named else path)
    places = [found.end() for found in re.finditer(rf'"{key}"\s*:\s*|(?<!\S){key}=', text)]
    return places[-1] if places else 0
