"""What must hold between the keys that say how a record is read: `match`, `parse`, `then`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from shipper.grammar.fault import Fault
from shipper.grammar.spec import GrammarSpec
from shipper.grammar.suggest import did_you_mean

_PARSED: Final = ("json", "logfmt", "kv", "csv", "w3c", "cef", "leef")
_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "extra": _PARSED,
    "prefix": _PARSED,
    "columns": ("csv", "w3c"),
    "min_columns": ("csv", "w3c"),
    "separator": ("csv", "w3c", "kv"),
    "quote": ("csv", "w3c", "kv"),
    "assign": ("kv",),
    "bare": ("kv",),
    "duplicates": ("kv",),
}
"""The formats that a key goes with."""


def check_reading(spec: GrammarSpec) -> Iterator[Fault]:
    """Yield what is wrong with how *spec* reads records."""
    whole = spec.then is not None and spec.then.field is None
    if (spec.match is not None) + (spec.parse is not None) + whole != 1:
        yield Fault((), "needs either `match` or `parse`", "give one of the two")
    for key, formats in _OPTIONS.items():
        if getattr(spec, key) not in (None, ()) and spec.parse not in formats:
            what = "belongs to `parse`" if formats == _PARSED else f"belongs to {_kinds(formats)}"
            yield Fault((key,), what, f"does not apply to {_how(spec)}: leave out")
    yield from _check_columns(spec)
    if spec.then is not None:
        yield from _check_then(spec)


def _check_columns(spec: GrammarSpec) -> Iterator[Fault]:
    if spec.parse == "csv" and spec.columns is None:
        yield Fault((), "`parse: csv` needs `columns`", "name them in order: columns: [a, b]")
    for key in ("separator", "quote"):
        if spec.parse != "kv" and len(getattr(spec, key) or "") > 1:
            yield Fault((key,), "is longer than a character", "write one, such as ','")
    seen: set[str] = set()
    for index, name in enumerate(spec.columns or ()):
        if name and name in seen:
            yield Fault(("columns", index), f"the column {name!r} stands twice", "name each once")
        seen.add(name)
    if spec.min_columns and spec.columns and spec.min_columns > len(spec.columns):
        yield Fault(("min_columns",), f"there are only {len(spec.columns)} columns", "lower it")


def _check_then(spec: GrammarSpec) -> Iterator[Fault]:
    then = spec.then
    if then is None:
        return
    described = spec.fields.get(then.field or "")
    if described and described.type not in (None, "string"):
        yield Fault(("then", "field"), f"{then.field!r} is no text", "give it type: string")
    if then.otherwise == "keep" and described is None:
        what = f"the field {then.field!r} is kept, but not described"
        yield Fault(("then", "field"), what, "add it to `fields`, with at least a description")
    if then.outer_time and spec.fields.get(then.outer_time) is None:
        remedy = did_you_mean(then.outer_time, spec.fields) or "describe it, type: timestamp"
        yield Fault(("then", "outer_time"), f"there is no field {then.outer_time!r}", remedy)
    elif then.outer_time and spec.fields[then.outer_time].type != "timestamp":
        yield Fault(("then", "outer_time"), "is no timestamp", "give the field type: timestamp")
    if spec.name in then.grammar:
        place = ("then", "grammar", then.grammar.index(spec.name))
        yield Fault(place, f"the grammar {spec.name} refers to itself", "name another")


def _how(spec: GrammarSpec) -> str:
    return f"parse: {spec.parse}" if spec.parse else "patterns"


def _kinds(formats: tuple[str, ...]) -> str:
    return " and ".join(f"parse: {name}" for name in formats)
