"""What all readers of records share: from the texts or values of fields to a Parsed.

Rule 1: an empty text and a `none` value give no field.
Rule 2: a value that can't be used loses the record, or only the field where it says `drop`.
Rule 3: the text that `then` hands to another grammar stays as it is until that has seen it.
Rule 4: the time field is consumed: it becomes `time_us` and is no field any more, unless the
grammar says `keep`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shipper.grammar.conversion import time_converter
from shipper.grammar.derive import TABLES
from shipper.grammar.spec import FieldSpec, GrammarSpec
from shipper.grammar.times import TimeReader


class Shape:
    """The parts of a grammar that a reader works with, prepared for speed."""

    __slots__ = (
        "derived",
        "droppable",
        "name",
        "optional",
        "raw",
        "read_time",
        "spec",
        "stamps",
        "time_fields",
    )

    def __init__(self, spec: GrammarSpec) -> None:
        """Prepare *spec*, whose types are all resolved. Raises TimeFormatError."""
        self.spec = spec
        self.name = spec.name
        self.time_fields = _time_fields(spec)
        self.optional = spec.time is None or spec.time.optional
        self.read_time = (
            TimeReader(spec.time.formats, spec.time.timezone or "UTC").read
            if spec.time
            else _no_time
        )
        self.droppable = frozenset(n for n, f in spec.fields.items() if f.on_error == "drop")
        self.stamps = {
            n: time_converter(f) for n, f in spec.fields.items() if f.type == "timestamp"
        }
        self.raw = spec.then.field if spec.then else None
        self.derived = tuple(_derived(spec.fields))

    def nones(self, field: str) -> tuple[str, ...]:
        """Return the texts, other than the empty one, that stand for "no value" in *field*."""
        spec = self.spec.fields.get(field)
        return tuple(text for text in spec.none if text) if spec else ()

    def stamp(self, fields: dict[str, Any], names: Iterable[str], now_us: int) -> str | None:
        """Turn the times *names* of *fields* into UTC; return the first that can't be used."""
        for name in names:
            if (text := fields.get(name)) is not None:
                value = self.stamps[name](text, now_us)
                if value is not None:
                    fields[name] = value
                elif name in self.droppable:
                    del fields[name]
                else:
                    return name
        return None

    def derive(self, fields: dict[str, Any]) -> None:
        """Add the fields that follow from others."""
        for name, table, source in self.derived:
            if source in fields:
                fields[name] = table[fields[source]]


def _time_fields(spec: GrammarSpec) -> tuple[str, ...]:
    """Return the fields that may hold the time; of a time in parts, the name of the whole."""
    if spec.time is None:
        return ()
    return spec.time.field or (" ".join(spec.time.join),)


def _no_time(_value: object, _now_us: int) -> None:
    return None


def _derived(fields: Mapping[str, FieldSpec]) -> list[tuple[str, Mapping[Any, str], str]]:
    return [
        (name, TABLES[table], source)
        for name, spec in fields.items()
        if spec.derive
        for table, source in spec.derive.items()
    ]
