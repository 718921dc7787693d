"""What docs/configuration.md must say, made from the models: one table row a key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from shipper.config import sentences
from shipper.config.models import Config

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"


def examples() -> list[str]:
    """Every YAML block of the page."""
    return re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.S | re.M)


def rows(group: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """One table row a key that holds a value; groups have none of their own."""
    for (key, inner), field in zip(
        sentences.fields(group), group.model_fields.values(), strict=True
    ):
        if inner is None:
            words = f"`{prefix}{key}` | {_default(field)} | {_allowed(field)}"
            yield f"| {words} | {field.description} |"
        else:
            listed = get_origin(field.annotation) is tuple
            yield from rows(inner, f"{prefix}{key}{'[].' if listed else '.'}")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return "none" if value in (None, (), {}) else f"`{_amount(field, value)}`"


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    least = next((m.ge for m in field.metadata if isinstance(m, Ge)), None)
    most = next((m.le for m in field.metadata if isinstance(m, Le)), None)
    if least is None or most is None:
        return ""
    return f"{_amount(field, least)} to {_amount(field, most)}"


def _kind(field: FieldInfo) -> tuple[Any, list[Any]]:
    """Return the type of a value that is not None, and what is noted of it."""
    kind, notes = field.annotation, list(field.metadata)
    if get_origin(kind) in (Union, UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        notes += more
    return kind, notes


def _amount(field: FieldInfo, value: Any) -> str:
    kind, notes = _kind(field)
    if kind is float:
        milliseconds = round(value * 1_000)
        units = (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")
        return _in_units(milliseconds, units)
    if kind is int and not any(isinstance(note, WithJsonSchema) for note in notes):
        return f"{value:,}"
    if kind is int:
        units = (10**9, "GB"), (10**6, "MB"), (10**3, "kB"), (1_048_576, "MiB"), (1_024, "KiB")
        return _in_units(value, units)
    return str(value).lower() if kind is bool else str(value)


def _in_units(value: int, units: tuple[tuple[int, str], ...]) -> str:
    if isinstance(value, int):
        for size, unit in units:
            if value and value % size == 0:
                return f"{value // size:,}{unit}"
    return str(value)
