"""Finds values inside nested records by keys joined with dots: ``request.headers.Host.0``.

Rule 1: a key that is written with its dots, ``{"a.b": 1}``, goes before one inside another.
Rule 2: a number is a key of an object, or else a place in a list, from 0.
Rule 3: what is taken is gone from the record, and so is an object that it leaves empty.
"""

from __future__ import annotations

from typing import Any


class Path:
    """Where a value stands in a record."""

    __slots__ = ("_parts", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._parts = tuple(name.split("."))

    def find(self, record: dict[str, Any]) -> Any:
        """Return the value, None if there is none."""
        if self.name in record:
            return record[self.name]
        node: Any = record
        for part in self._parts:
            node = _child(node, part)
            if node is None:
                return None
        return node

    def remove(self, record: dict[str, Any]) -> None:
        """Take the value out of *record*."""
        if self.name in record:
            del record[self.name]
            return
        trail: list[tuple[Any, str]] = []
        node: Any = record
        for part in self._parts:
            trail.append((node, part))
            node = _child(node, part)
        for parent, part in reversed(trail):
            _remove(parent, part)
            if parent:
                return


def _child(node: Any, part: str) -> Any:
    if isinstance(node, dict):
        return node.get(part)
    if isinstance(node, list) and part.isascii() and part.isdigit() and int(part) < len(node):
        return node[int(part)]
    return None


def _remove(parent: Any, part: str) -> None:
    """Take *part* out; of a list only its last, for the others keep their places."""
    if isinstance(parent, dict):
        del parent[part]
    elif int(part) == len(parent) - 1:
        parent.pop()
