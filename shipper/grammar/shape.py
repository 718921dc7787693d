"""What all readers of records share: from the texts or values of fields to a Parsed.

Rule 1: an empty text and a `none` value give no field.
Rule 2: a value that can't be used loses the record, or only the field where it says `drop`.
Rule 3: the time field is consumed: it becomes `time_us` and is no field any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        "read_time",
        "spec",
        "time_fields",
    )

    def __init__(self, spec: GrammarSpec) -> None:
        """Prepare *spec*, whose types are all resolved. Raises TimeFormatError."""
        self.spec = spec
        self.name = spec.name
        self.time_fields = spec.time.field if spec.time else ()
        self.optional = spec.time is None or spec.time.optional
        self.read_time = (
            TimeReader(spec.time.formats, spec.time.timezone).read if spec.time else _no_time
        )
        self.droppable = frozenset(n for n, f in spec.fields.items() if f.on_error == "drop")
        self.derived = tuple(_derived(spec.fields))

    def nones(self, field: str) -> tuple[str, ...]:
        """Return the texts, other than the empty one, that stand for "no value" in *field*."""
        spec = self.spec.fields.get(field)
        return tuple(text for text in spec.none if text) if spec else ()

    def derive(self, fields: dict[str, Any]) -> None:
        """Add the fields that follow from others."""
        for name, table, source in self.derived:
            if source in fields:
                fields[name] = table[fields[source]]


def _no_time(_value: object, _now_us: int) -> None:
    return None


def _derived(fields: Mapping[str, FieldSpec]) -> list[tuple[str, Mapping[Any, str], str]]:
    return [
        (name, TABLES[table], source)
        for name, spec in fields.items()
        if spec.derive
        for table, source in spec.derive.items()
    ]
