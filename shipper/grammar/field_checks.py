"""What must hold between the keys of one field of a grammar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from shipper.grammar.derive import TABLES
from shipper.grammar.fault import Fault
from shipper.grammar.spec import FieldSpec, GrammarSpec
from shipper.grammar.suggest import did_you_mean
from shipper.grammar.time_formats import EPOCH_UNITS, TimeFormatError, compile_format
from shipper.grammar.zones import require_zone

_NUMERIC: Final = ("integer", "number", "duration")
_FITTING: Final[Mapping[str, tuple[str, ...]]] = {
    "minimum": _NUMERIC,
    "maximum": _NUMERIC,
    "max_length": ("string",),
    "on_long": ("string",),
    "values": ("string", "enum"),
    "formats": ("timestamp",),
    "timezone": ("timestamp",),
    "unit": ("duration",),
    "given_in": ("duration",),
}
"""The types that a key goes with."""

_NEEDED: Final = {
    "enum": ("values", "values: [on, off]"),
    "timestamp": ("formats", "formats: [iso8601]"),
    "duration": ("unit", "unit: ms"),
}
_OF_PARSE: Final = ("from", "required", "trim")


def check_field(spec: GrammarSpec, field: FieldSpec) -> Iterator[Fault]:
    """Yield what is wrong with *field* of *spec*."""
    yield from _check_keys(field)
    if not spec.parse:
        yield from _check_parse_keys(field)
    low, high = field.limits()
    if low > high:
        yield Fault(("minimum",), f"minimum {low} is above maximum {high}", "exchange them")
    if field.type == "integer" and not (isinstance(low, int) and isinstance(high, int)):
        yield Fault((), "the limits of an integer are integers", "leave out the fraction")
    if field.on_error == "clamp" and field.type not in (*_NUMERIC, None):
        what = f"a {field.type} has no limits to clamp to"
        yield Fault(("on_error",), what, "use reject or drop")
    yield from check_formats(field.formats, field.timezone or "UTC")
    if field.derive is not None:
        yield from _check_derive(spec, field.derive)


def check_formats(formats: tuple[str, ...], timezone: str) -> Iterator[Fault]:
    """Yield what is wrong with the *formats* of a time, and its *timezone*."""
    for index, text in enumerate(formats):
        try:
            if text not in EPOCH_UNITS:
                compile_format(text)
        except TimeFormatError as error:
            yield Fault(("formats", index), error.what, error.remedy)
    try:
        require_zone(timezone)
    except TimeFormatError as error:
        yield Fault(("timezone",), error.what, error.remedy)


def _check_keys(field: FieldSpec) -> Iterator[Fault]:
    given = {
        key for key in _FITTING if getattr(field, key) is not None and getattr(field, key) != ()
    }
    for key in sorted(given):
        fitting = _FITTING[key]
        if field.type not in (*fitting, None):
            what = f"{key} does not apply to type {field.type}"
            yield Fault((key,), what, f"use type: {' or '.join(fitting)}")
    key, remedy = _NEEDED.get(field.type or "", ("", ""))
    if key and key not in given:
        yield Fault((), f"a field of type {field.type} needs `{key}`", f"such as {remedy}")


def _check_parse_keys(field: FieldSpec) -> Iterator[Fault]:
    for key in _OF_PARSE:
        if getattr(field, "from_" if key == "from" else key):
            what = "belongs to `parse`"
            yield Fault((key,), what, "a pattern says by itself what its fields are: leave out")


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
