"""Where in a text the fields stand that a grammar reads out of it: for people to see.

Rule 1: a span is said only where the text itself stands. A value that was written with escapes, or
        put together, has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

_DEEPEST = 8
_HEADERS = re.compile(r"(?:\ufeff?#[^\n]*\n)*")


class Span(NamedTuple):
    """The characters from `start` up to `end`, counted from 0, are those of `field`."""

    start: int
    end: int
    field: str


def spans_of_values(text: str, values: Mapping[str, Any]) -> list[Span]:
    """Return where *values*, by key, stand in *text*, which has them in about their order.

    Lines that begin with ``#`` in front of it are headers, and hold none.
    """
    spans: list[Span] = []
    position = _HEADERS.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
    for key, value in _leaves(values, "", _DEEPEST):
        shown = value if isinstance(value, str) else orjson.dumps(value).decode()
        start = text.find(shown, _behind(text, key.rpartition(".")[2], position)) if shown else -1
        if start >= 0:
            position = start + len(shown)
            spans.append(Span(start, position, key))
    return spans


def _leaves(values: Mapping[str, Any], above: str, levels: int) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = f"{above}{key}"
        if isinstance(value, dict) and levels:
            yield from _leaves(value, f"{path}.", levels - 1)
        elif isinstance(value, str | int | float):
            yield path, value


def _behind(text: str, key: str, position: int) -> int:
    """Return where to look for the value of *key*: behind it, where it is written."""
    for written in (f'"{key}"', f"{key}="):
        found = text.find(written, position)
        if found >= 0:
            return found + len(written)
    return position


def moved(spans: list[Span], by: int) -> list[Span]:
    """Return *spans* *by* characters further on; those that begin before the text are left out."""
    return [Span(s.start + by, s.end + by, s.field) for s in spans if s.start + by >= 0]
