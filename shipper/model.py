"""The values that pass between rooms. Nothing here does anything.

line → record → parsed fields → event: see docs/design.md §2 for the words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time comes in through the door: `wall` in seconds since 1970, `monotonic` in seconds."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]


class Report(Protocol):
    """Where rooms report a change of state: a name such as ``file.rotated`` and its facts.

    One call per transition, never one per record, and never a record's content.
    """

    def __call__(self, name: str, /, **facts: object) -> None:
        """Report the transition *name* with its facts."""


class Parsed(NamedTuple):
    """What a grammar made of one record.

    `fields` are JSON values by name; `time_us` is the record's own time in microseconds since
    1970 UTC, or None where the record carries no time.
    """

    grammar: str
    fields: dict[str, Any]
    time_us: int | None


class Dropped(Parsed):
    """A record that a grammar takes and that gives no event: a directive, or one to leave out."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why a grammar could not take a record.

    `column` counts characters from 1; what stands before it was understood. `expected` names the
    pattern or the value that should have come next. `reason` is one of ``no_match``,
    ``bad_value``, ``bad_time``; `field` names the field of the latter two.
    """

    grammar: str
    column: int
    expected: str
    reason: str = "no_match"
    field: str = ""


class Ledger(NamedTuple):
    """What became of the bytes and lines of a file generation, each count one side of a sum.

    read == emitted + filtered + rejected + oversize + blank + what is held of a record that is
    not complete yet, in lines and in bytes. `read` is counted at the file, the others one by one
    at the records. `bytes_lost` was never read: it was gone before its turn came. Bytes include
    line endings; `events` counts what was queued.
    """

    lines_read: int = 0
    bytes_read: int = 0
    lines_emitted: int = 0
    bytes_emitted: int = 0
    lines_filtered: int = 0
    bytes_filtered: int = 0
    lines_rejected: int = 0
    bytes_rejected: int = 0
    lines_oversize: int = 0
    bytes_oversize: int = 0
    lines_blank: int = 0
    bytes_blank: int = 0
    events: int = 0
    bytes_lost: int = 0

    def plus(self, *others: Ledger) -> Ledger:
        """Add up ledgers."""
        return Ledger(*map(sum, zip(self, *others, strict=True)))

    def adds_up(self, lines_held: int = 0, bytes_held: int = 0) -> bool:
        """Tell whether everything that was read has one fate, or is held."""
        fates = self[2:12]
        lines, size = sum(fates[::2]) + lines_held, sum(fates[1::2]) + bytes_held
        return self.lines_read == lines and self.bytes_read == size
