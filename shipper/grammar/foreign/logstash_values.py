"""What a filter of Logstash reads, and the values of settings in one shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shipper.grammar.foreign.logstash_syntax import Hash, Plugin
from shipper.grammar.reference import GrokError, field_name

WHOLE: Final = ("message", "event.original")
"""The fields in which a line stands before any filter read it."""

COMMON: Final = frozenset(
    ["id", "enable_metric", "periodic_flush", "ecs_compatibility", "tag_on_failure"]
)
"""Settings that change nothing about the events that are made."""


def texts(value: object) -> list[str]:
    """Return one text, or a list of them, as a list."""
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items if isinstance(item, str | int | float)]


def pairs(value: object) -> Iterator[tuple[str, object]]:
    """Yield the keys and values of a hash, or of a list that stands for one."""
    if isinstance(value, Hash):
        yield from ((item.key, item.value) for item in value.items)
    elif isinstance(value, list):
        for index in range(0, len(value) - 1, 2):
            yield str(value[index]), value[index + 1]


def name_of(text: str) -> str:
    """Return the field that Logstash calls *text*, as ours is called: ``[a][b]`` is ``a.b``."""
    try:
        return field_name(text)
    except GrokError:
        return text


def source_of(plugin: Plugin) -> str:
    """Return the field that a filter reads."""
    return name_of(str(plugin.get("source") or "message"))
