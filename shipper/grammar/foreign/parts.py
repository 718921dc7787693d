"""What a grammar in the making is made of, and what could not be taken over.

Rule 1: what is not taken over is a Loss, with its place and the reason; nothing is left out without
        one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

FieldType = Literal["integer", "number", "boolean", "string"]


class Loss(NamedTuple):
    """Something that was not taken over: where it stands, what it is, and why."""

    where: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.why}"


Lose = Callable[[str, str, str], None]
"""Takes note of a Loss: (where, what, why)."""


class Losses:
    """Collects losses, each once."""

    def __init__(self) -> None:
        self._found: dict[Loss, None] = {}

    def __call__(self, where: str, what: str, why: str) -> None:
        """Take note of a loss."""
        self._found[Loss(where, what, why)] = None

    def all(self) -> tuple[Loss, ...]:
        """Return them in the order of their lines."""
        return tuple(sorted(self._found, key=lambda loss: _line(loss.where)))


def _line(where: str) -> int:
    number = where.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


@dataclass(slots=True)
class Time:
    """Where the time of a record stands, and how it is written; `zone` empty: the source's."""

    field: str
    formats: list[str]
    zone: str = ""
    keep: bool = False


@dataclass(slots=True)
class Foreign:
    """A grammar of another shipper, in our words but for its name in ours.

    `match` are patterns that are searched in a line, as the other shipper does it; or `parse` names
    a notation, and `options` are its keys in a grammar file. `types` are those that were written
    outside the patterns, by field. `fields` are the fields of a notation that are known.
    """

    name: str
    origin: str
    where: str
    match: list[str] = field(default_factory=list)
    parse: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    types: dict[str, FieldType] = field(default_factory=dict)
    time: Time | None = None
    patterns: dict[str, str] = field(default_factory=dict)
    rename: dict[str, str] = field(default_factory=dict)
    constant: dict[str, str] = field(default_factory=dict)
    drop: list[str] = field(default_factory=list)


def grammar_name(text: str, otherwise: str = "converted") -> str:
    """Return *text* as a grammar can be named: ``k8s-nginx`` becomes ``k8s_nginx``."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:80]
    if not name:
        return otherwise
    return name if name[0].isalpha() else f"{otherwise}_{name}"
