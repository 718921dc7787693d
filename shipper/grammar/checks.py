"""What must hold between the keys of a grammar file, beyond the type of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from shipper.grammar.derive import TABLES
from shipper.grammar.grok import Compiled
from shipper.grammar.spec import FieldSpec, GrammarSpec
from shipper.grammar.suggest import did_you_mean
from shipper.grammar.time_formats import EPOCH_UNITS, TimeFormatError, compile_format
from shipper.grammar.times import TimeReader
from shipper.grammar.zones import require_zone

ATOMIC: Final = ("ip", "ua", "refr", "url", "page", "uid", "duid", "tnuid", "lang")
"""The payload keys of Snowplow's own columns that a field may fill."""

_SCHEMA = re.compile(r"iglu:[\w.-]+/[\w-]+/jsonschema/[1-9]\d*-\d+-\d+", re.ASCII)
_PATTERN_NAME = re.compile(r"[\w-]+", re.ASCII)
_FIELD = "add it to `fields`, with at least a description"


class Fault(NamedTuple):
    """A mistake at a path inside the file."""

    path: tuple[str | int, ...]
    what: str
    remedy: str = ""


def check_spec(spec: GrammarSpec) -> Iterator[Fault]:
    """Yield what is wrong with *spec* whatever its patterns are."""
    if (spec.match is None) == (spec.parse is None):
        yield Fault((), "needs either `match` or `parse`", "give one of the two")
    if spec.extra and not spec.parse:
        yield Fault(
            ("extra",), "belongs to `parse`", "a pattern has no keys but its own: leave out"
        )
    if not _SCHEMA.fullmatch(spec.schema_):
        remedy = "write iglu:vendor/name/jsonschema/1-0-0"
        yield Fault(("schema",), f"{spec.schema_!r} is no Iglu URI", remedy)
    for name in spec.patterns:
        if not _PATTERN_NAME.fullmatch(name):
            yield Fault(("patterns", name), "is no pattern name", "use letters, digits, '_', '-'")
    for name, field in spec.fields.items():
        for fault in _check_field(spec, field):
            yield fault._replace(path=("fields", name, *fault.path))
    yield from _check_names(spec.fields)
    yield from _check_time(spec)
    yield from _check_atomic(spec)
    yield from _check_samples(spec)


def check_captures(spec: GrammarSpec, patterns: Sequence[Compiled]) -> Iterator[Fault]:
    """Yield where the patterns of *spec* and its `fields` and `time` disagree."""
    captured: dict[str, str | None] = {}
    for index, compiled in enumerate(patterns):
        names = {capture.field for capture in compiled.captures}
        yield from _check_described(spec, index, names)
        for capture in compiled.captures:
            captured[capture.field] = capture.type or captured.get(capture.field)
            yield from _check_type(spec, index, capture.field, capture.type)
    described = {name for name, field in spec.fields.items() if not field.derive}
    for name in sorted(described - set(captured)):
        remedy = did_you_mean(name, captured) or "name it in a pattern, or leave it out"
        yield Fault(("fields", name), "no pattern gives this field", remedy)
    for name in spec.time.field if spec.time else ():
        if name not in captured:
            remedy = did_you_mean(name, captured)
            yield Fault(("time", "field"), f"no pattern gives the field {name!r}", remedy)


def _check_described(spec: GrammarSpec, index: int, names: set[str]) -> Iterator[Fault]:
    times = set(spec.time.field) if spec.time else set()
    for name in sorted(names - set(spec.fields) - times):
        yield Fault(("match", index), f"the field {name!r} is not described", _FIELD)
    if spec.time and not spec.time.optional and not names & times:
        remedy = "name it in the pattern, or set `time: {optional: true}`"
        yield Fault(("match", index), "has no time field", remedy)
    if len(names & times) > 1:
        remedy = "leave one to the time, and describe the other in `fields`"
        yield Fault(("match", index), "has two time fields", remedy)


def _check_type(spec: GrammarSpec, index: int, name: str, type_: str | None) -> Iterator[Fault]:
    field = spec.fields.get(name)
    if field and field.type and type_ and field.type != type_:
        what = f"the field {name!r} is {type_} here and {field.type} in `fields`"
        yield Fault(("match", index), what, "leave out one of the two")


def _check_field(spec: GrammarSpec, field: FieldSpec) -> Iterator[Fault]:
    numeric = field.type in ("integer", "number", None)
    textual = field.type in ("string", None)
    if not numeric and (field.minimum, field.maximum) != (None, None):
        yield Fault((), f"a {field.type} has no minimum or maximum", "use type: integer or number")
    if not textual and (field.max_length, field.on_long, field.values) != (None, None, None):
        what = f"max_length, on_long and values do not apply to type {field.type}"
        yield Fault((), what, "use type: string")
    low, high = field.limits()
    if low > high:
        yield Fault(("minimum",), f"minimum {low} is above maximum {high}", "exchange them")
    if field.type == "integer" and not (isinstance(low, int) and isinstance(high, int)):
        yield Fault((), "the limits of an integer are integers", "leave out the fraction")
    if field.derive is not None:
        yield from _check_derive(spec, field.derive)


def _check_derive(spec: GrammarSpec, derive: Mapping[str, str]) -> Iterator[Fault]:
    if len(derive) != 1:
        yield Fault(("derive",), "takes one table and one field", "write {table: field}")
    for name, source in derive.items():
        if name not in TABLES:
            yield Fault(("derive", name), f"unknown table {name!r}", did_you_mean(name, TABLES))
            continue
        table = TABLES[name]
        given = spec.fields.get(source, FieldSpec())
        low, high = given.limits()
        if given.type != "integer" or low < min(table) or high > max(table):
            remedy = f"give it type: integer, minimum: {min(table)}, maximum: {max(table)}"
            yield Fault(("derive", name), f"the field {source!r} has no such limits", remedy)


def _check_names(fields: Mapping[str, FieldSpec]) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for name in fields:
        column = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
        if column in seen:
            what = f"becomes the same warehouse column as {seen[column]!r}"
            yield Fault(("fields", name), what, "name one of them differently")
        seen[column] = name


def _check_time(spec: GrammarSpec) -> Iterator[Fault]:
    if spec.time is None:
        return
    for index, text in enumerate(spec.time.formats):
        try:
            if text not in EPOCH_UNITS:
                compile_format(text)
        except TimeFormatError as error:
            yield Fault(("time", "formats", index), error.what, error.remedy)
    try:
        require_zone(spec.time.timezone)
    except TimeFormatError as error:
        yield Fault(("time", "timezone"), error.what, error.remedy)
    for name in spec.time.field:
        if name in spec.fields:
            what = "is the time of the record, which is no field of its own"
            yield Fault(("fields", name), what, "leave it out of `fields`")


def _check_atomic(spec: GrammarSpec) -> Iterator[Fault]:
    for key, name in spec.atomic.items():
        if key not in ATOMIC:
            yield Fault(("atomic", key), "is no Snowplow column", did_you_mean(key, ATOMIC))
        if name not in spec.fields:
            remedy = did_you_mean(name, spec.fields)
            yield Fault(("atomic", key), f"there is no field {name!r}", remedy)


def _check_samples(spec: GrammarSpec) -> Iterator[Fault]:
    reader = TimeReader(["iso8601"])
    for index, sample in enumerate(spec.samples):
        if reader.read(sample.now, 0) is None:
            what = f"{sample.now!r} is no time"
            yield Fault(("samples", index, "now"), what, "write '2026-11-23T06:55:44Z', quoted")
