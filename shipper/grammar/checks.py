"""What must hold between the keys of a grammar file, beyond the type of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from shipper.grammar.fault import Fault
from shipper.grammar.field_checks import check_field, check_formats
from shipper.grammar.grok import Compiled
from shipper.grammar.reading_checks import check_reading
from shipper.grammar.spec import FieldSpec, GrammarSpec
from shipper.grammar.suggest import did_you_mean
from shipper.grammar.times import TimeReader

ATOMIC: Final = ("ip", "ua", "refr", "url", "page", "uid", "duid", "tnuid", "lang")
"""The payload keys of Snowplow's own columns that a field may fill."""

_SCHEMA = re.compile(r"iglu:[\w.-]+/[\w-]+/jsonschema/[1-9]\d*-\d+-\d+", re.ASCII)
_PATTERN_NAME = re.compile(r"[\w-]+", re.ASCII)
_FIELD = "add it to `fields`, with at least a description"


def check_spec(spec: GrammarSpec) -> Iterator[Fault]:
    """Yield what is wrong with *spec* whatever its patterns are."""
    yield from check_reading(spec)
    if not _SCHEMA.fullmatch(spec.schema_):
        remedy = "write iglu:vendor/name/jsonschema/1-0-0"
        yield Fault(("schema",), f"{spec.schema_!r} is no Iglu URI", remedy)
    for name in spec.patterns:
        if not _PATTERN_NAME.fullmatch(name):
            yield Fault(("patterns", name), "is no pattern name", "use letters, digits, '_', '-'")
    for name, field in spec.fields.items():
        for fault in check_field(spec, field):
            yield fault._replace(path=("fields", name, *fault.path))
    yield from _check_names(spec.fields)
    yield from _check_time(spec)
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
    for name in sorted(_expected(spec) - set(captured)):
        remedy = did_you_mean(name, captured) or "name it in a pattern, or leave it out"
        place = ("fields", name) if name in spec.fields else ("then", "field")
        yield Fault(place, "no pattern gives this field", remedy)
    for name in spec.time.field if spec.time else ():
        if name not in captured:
            remedy = did_you_mean(name, captured)
            yield Fault(("time", "field"), f"no pattern gives the field {name!r}", remedy)


def _expected(spec: GrammarSpec) -> set[str]:
    """Return the fields that patterns have to give."""
    given_otherwise = {name for name, field in spec.fields.items() if field.derive}
    if spec.then and spec.then.outer_time:
        given_otherwise.add(spec.then.outer_time)
    inner = {spec.then.field} if spec.then and spec.then.field else set()
    return (set(spec.fields) | inner) - given_otherwise


def _check_described(spec: GrammarSpec, index: int, names: set[str]) -> Iterator[Fault]:
    times = set(spec.time.field) if spec.time else set()
    inner = {spec.then.field} if spec.then else set()
    for name in sorted(names - set(spec.fields) - times - inner):
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
    for fault in check_formats(spec.time.formats, spec.time.timezone or "UTC"):
        yield fault._replace(path=("time", *fault.path))
    if bool(spec.time.field) == bool(spec.time.join):
        yield Fault(("time",), "needs either `field` or `join`", "say where the time stands")
    if spec.time.join and not spec.parse:
        yield Fault(("time", "join"), "belongs to `parse`", "put both parts into one group")
    if spec.time.keep and not (spec.parse and spec.time.field):
        remedy = "with patterns name the group twice: (?<start>(?<at>…))"
        yield Fault(("time", "keep"), "belongs to `parse` and `field`", remedy)
    for name in () if spec.time.keep else (*spec.time.field, *spec.time.join):
        if name in spec.fields:
            what = "is the time of the record, which is no field of its own"
            yield Fault(("fields", name), what, "leave it out of `fields`")


def check_atomic(spec: GrammarSpec) -> Iterator[Fault]:
    """Yield the columns of Snowplow's, and the fields for them, that there are not."""
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
