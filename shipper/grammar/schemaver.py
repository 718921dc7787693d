"""Which part of a schema's version has to rise when the schema changes: SchemaVer.

Rule 1: ADDITION: every event of the past is still valid, and no column changes.
Rule 2: REVISION: some events of the past may no longer be valid.
Rule 3: MODEL: events of the past are not valid, or a warehouse needs another column: a property
        that has to be there, comes or goes; one that may be missing becomes one that may not, or
        the other way (Redshift can't alter that); another type; a whole number that outgrows its
        column (Redshift and Databricks have three sizes).
Rule 4: what is not understood counts as REVISION. Published versions never change, so even a new
        description is an ADDITION.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

Schema = Mapping[str, Any]
Version = tuple[int, int, int]


_COLUMNS: Final = ((2**15 - 1, "SMALLINT"), (2**31 - 1, "INT"))


class Level(IntEnum):
    """Which part of MODEL-REVISION-ADDITION has to rise."""

    NONE = 0
    ADDITION = 1
    REVISION = 2
    MODEL = 3


class Change(NamedTuple):
    """One difference: what asks for which level, at which property; empty for the whole."""

    level: Level
    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.level.name:<8} {self.place or 'the schema'}: {self.what}"


def compare(old: Schema, new: Schema) -> list[Change]:
    """Return what has changed from *old* to *new*, the gravest first."""
    before, after = old.get("properties", {}), new.get("properties", {})
    changes = list(_whole(old, new))
    changes += [_gone(name, old) for name in before if name not in after]
    for name in after:
        if name not in before:
            changes.append(_come(name, old, new))
        else:
            changes += _property(name, old, new)
    return sorted(changes, key=lambda change: -change.level)


def needed(changes: list[Change]) -> Level:
    """Return the level that the gravest of *changes* asks for."""
    return max((change.level for change in changes), default=Level.NONE)


def read_version(text: str) -> Version:
    """Return the three numbers of *text*. Raises ValueError."""
    model, revision, addition = (int(part) for part in text.split("-"))
    return model, revision, addition


def next_version(old: Version, level: Level) -> Version:
    """Return the first version after *old* that *level* allows."""
    model, revision, addition = old
    match level:
        case Level.MODEL:
            return model + 1, 0, 0
        case Level.REVISION:
            return model, revision + 1, 0
        case Level.ADDITION:
            return model, revision, addition + 1
        case Level.NONE:
            return old


def _whole(old: Schema, new: Schema) -> Iterator[Change]:
    if old.get("description") != new.get("description"):
        yield Change(Level.ADDITION, "", "another description")
    was, is_ = _open(old), _open(new)
    if was and not is_:
        yield Change(Level.REVISION, "", "other properties are no longer allowed")
    if is_ and not was:
        yield Change(Level.ADDITION, "", "other properties are allowed now")
    known = ("properties", "required", "description", "additionalProperties", "self")
    for key in sorted((set(old) | set(new)) - set(known)):
        if old.get(key) != new.get(key):
            yield Change(Level.REVISION, "", f"{key} changes")


def _open(schema: Schema) -> bool:
    return schema.get("additionalProperties", True) is not False


def _gone(name: str, old: Schema) -> Change:
    if name in old.get("required", ()):
        return Change(Level.MODEL, name, "is gone, and had to be there")
    return Change(Level.REVISION, name, "is gone: events that have it are no longer valid")


def _come(name: str, old: Schema, new: Schema) -> Change:
    if name in new.get("required", ()):
        return Change(Level.MODEL, name, "is new and has to be there")
    if _open(old):
        return Change(Level.REVISION, name, "is new; events may have had such a key of any type")
    return Change(Level.ADDITION, name, "is new")


def _property(name: str, old: Schema, new: Schema) -> Iterator[Change]:
    was, is_ = old["properties"][name], new["properties"][name]
    before, after = (name in schema.get("required", ()) for schema in (old, new))
    if after and not before:
        yield Change(Level.MODEL, name, "has to be there now")
    if before and not after:
        yield Change(Level.MODEL, name, "may be missing now")
    yield from _types(name, was, is_, same_need=before == after)
    compared = {"type", *_COMPARISONS}
    for key in sorted((set(was) | set(is_)) - compared):
        if was.get(key) != is_.get(key):
            yield Change(Level.REVISION, name, f"{key} changes")
    for key, comparison in _COMPARISONS.items():
        if was.get(key) != is_.get(key):
            yield comparison(name, key, was, is_)


def _types(name: str, was: Schema, is_: Schema, *, same_need: bool) -> Iterator[Change]:
    before, after = _type_set(was), _type_set(is_)
    if before - {"null"} != after - {"null"}:
        what = f"the type changes from {_named(before)} to {_named(after)}"
        yield Change(Level.MODEL, name, what)
    elif same_need and before != after:
        if "null" in after:
            yield Change(Level.ADDITION, name, "may be null now")
        else:
            yield Change(Level.REVISION, name, "may no longer be null")
    elif "integer" in after and _column(was) != _column(is_):
        what = f"its column changes from {_column(was)} to {_column(is_)}"
        yield Change(Level.MODEL, name, what)


def _type_set(rule: Schema) -> set[str]:
    named = rule.get("type", [])
    return {named} if isinstance(named, str) else set(named)


def _named(types: set[str]) -> str:
    return " or ".join(sorted(types - {"null"})) or "anything"


def _column(rule: Schema) -> str:
    """Return the column that Redshift has for a whole number."""
    high = rule.get("maximum", 2**63)
    return next((column for most, column in _COLUMNS if high <= most), "BIGINT")


def _upper(name: str, key: str, was: Schema, is_: Schema) -> Change:
    return _limit(name, key, was, is_, wider=_at(is_, key, 1) > _at(was, key, 1))


def _lower(name: str, key: str, was: Schema, is_: Schema) -> Change:
    return _limit(name, key, was, is_, wider=_at(is_, key, -1) < _at(was, key, -1))


def _at(rule: Schema, key: str, sign: int) -> float:
    return float(rule.get(key, sign * float("inf")))


def _limit(name: str, key: str, was: Schema, is_: Schema, *, wider: bool) -> Change:
    level = Level.ADDITION if wider else Level.REVISION
    return Change(
        level, name, f"{key} changes from {was.get(key, 'none')} to {is_.get(key, 'none')}"
    )


def _enum(name: str, _key: str, was: Schema, is_: Schema) -> Change:
    if "enum" not in is_:
        return Change(Level.ADDITION, name, "any value is allowed now")
    if "enum" not in was:
        return Change(Level.REVISION, name, "only some values are allowed now")
    gone = [value for value in was["enum"] if value not in is_["enum"] and value is not None]
    if gone:
        return Change(Level.REVISION, name, f"no longer allowed: {', '.join(map(str, gone))}")
    come = [value for value in is_["enum"] if value not in was["enum"] and value is not None]
    return Change(Level.ADDITION, name, f"allowed now: {', '.join(map(str, come)) or 'null'}")


def _format(name: str, _key: str, was: Schema, is_: Schema) -> Change:
    what = f"the format changes from {was.get('format', 'none')} to {is_.get('format', 'none')}"
    return Change(Level.MODEL, name, what)


def _description(name: str, _key: str, _was: Schema, _is: Schema) -> Change:
    return Change(Level.ADDITION, name, "another description")


_COMPARISONS: Final[dict[str, Callable[[str, str, Schema, Schema], Change]]] = {
    "maximum": _upper,
    "maxLength": _upper,
    "minimum": _lower,
    "minLength": _lower,
    "enum": _enum,
    "format": _format,
    "description": _description,
}
