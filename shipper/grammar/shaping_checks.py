"""What must hold between the keys that shape the events of a grammar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite

from shipper.grammar.conditions import check_conditions
from shipper.grammar.fault import Fault
from shipper.grammar.patterns import PatternBook
from shipper.grammar.redaction import check_redaction
from shipper.grammar.shaping import is_loose, renamed_fields, shaped_spec
from shipper.grammar.shaping_spec import Condition
from shipper.grammar.spec import INT64, MAX_STRING, GrammarSpec
from shipper.grammar.suggest import did_you_mean


def check_shaping(spec: GrammarSpec, book: PatternBook) -> Iterator[Fault]:
    """Yield what is wrong with the shape that *spec* asks for; its `fields` are all there are."""
    yield from _check_names(spec)
    for name, value in spec.constant.items():
        if not _fits(value):
            yield Fault(("constant", name), "is no value for an event", "shorten it")
    fields = renamed_fields(spec)
    for name, how in spec.redact.items():
        for fault in check_redaction(how, fields.get(name), book):
            yield fault._replace(path=("redact", name, *fault.path))
    for fault in check_conditions(spec.drop_when, book):
        yield fault._replace(path=("drop_when", *fault.path))
    if spec.sample:
        for fault in check_conditions(spec.sample.when, book):
            yield fault._replace(path=("sample", "when", *fault.path))
    yield from _check_kind(spec)


def _check_names(spec: GrammarSpec) -> Iterator[Fault]:
    """Yield names that no field has, and new ones that a field has already."""
    taken = set(spec.fields) - set(spec.rename)
    for old, new in spec.rename.items():
        if old not in spec.fields:
            yield Fault(("rename", old), "there is no such field", did_you_mean(old, spec.fields))
        if new in taken:
            yield Fault(("rename", old), f"there is a field {new!r} already", "choose another name")
        taken.add(new)
    for name in spec.constant:
        if name in taken:
            yield Fault(("constant", name), "there is a field of that name", "name it differently")
    if is_loose(spec):  # which fields a record has is not known
        return
    known = {*taken, *spec.constant}
    used: list[tuple[tuple[str | int, ...], str]] = [
        *((("redact", name), name) for name in spec.redact),
        *((("drop", index), name) for index, name in enumerate(spec.drop)),
        *(_fields_of("drop_when", spec.drop_when)),
    ]
    if spec.sample:
        yield from _unknown(_fields_of("when", spec.sample.when), shaped_spec(spec).fields)
    yield from _unknown(used, known)


def _fields_of(
    key: str, conditions: Iterable[Condition]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    place = ("sample", "when") if key == "when" else (key,)
    for index, condition in enumerate(conditions):
        for name in condition:
            yield (*place, index, name), name


def _unknown(
    used: Iterable[tuple[tuple[str | int, ...], str]], known: Iterable[str]
) -> Iterator[Fault]:
    names = frozenset(known)
    for place, name in used:
        if name not in names:
            yield Fault(place, f"there is no field {name!r}", did_you_mean(name, names))


def _check_kind(spec: GrammarSpec) -> Iterator[Fault]:
    """Yield where the kind of event and what it is made of disagree."""
    for kind, parts in (("page_view", spec.page_view), ("struct", spec.struct)):
        if (spec.event == kind) != (parts is not None):
            needed = f"`event: {kind}` needs `{kind}`" if parts is None else "has no effect"
            remedy = "say which fields it is made of" if parts is None else f"set event: {kind}"
            yield Fault((kind,) if parts else ("event",), needed, remedy)
    for key in ("url", "page", "refr") if spec.page_view else ():
        if key in spec.atomic:
            yield Fault(("atomic", key), "is said by `page_view`", "leave it out here")
    given = shaped_spec(spec).fields
    for kind, parts in (("page_view", spec.page_view), ("struct", spec.struct)):
        named = parts.model_dump(exclude={"base"}, exclude_none=True) if parts else {}
        for key, name in named.items():
            if name not in given and not is_loose(spec):
                remedy = did_you_mean(name, given)
                yield Fault((kind, key), f"there is no field {name!r}", remedy)


def _fits(value: object) -> bool:
    match value:
        case bool():
            return True
        case int():
            return INT64[0] <= value <= INT64[1]
        case float():
            return isfinite(value)
        case str():
            return 0 < len(value) <= MAX_STRING
        case _:
            return False
