"""What PromQL expressions ask for: the names and labels that have to exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TARGET_LABELS = {"job", "instance"}
"""Labels that Prometheus adds to whatever it scrapes."""

_SELECTOR = re.compile(r"\b((?:shipper|process)_\w+|up)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|ignoring|group_left)\s*\(([^)]*)\)")


class Selector(NamedTuple):
    """A metric, and the values that its labels are compared with."""

    name: str
    labels: dict[str, str]


def selectors(expression: str) -> Iterator[Selector]:
    for name, inside in _SELECTOR.findall(expression):
        yield Selector(name, {label: value for label, _, value in _MATCHER.findall(inside)})


def grouped(expression: str) -> set[str]:
    """The labels that sums are made by, or that sides are joined on."""
    return {name.strip() for names in _GROUPING.findall(expression) for name in names.split(",")}
