"""Reads lengths of time as people and programs write them: `1.5s`, `1m30s`, `00:01:02.5`, `17`.

Rule 1: the arithmetic is decimal, so that 0.1 s are 100 ms and not a little more.
Rule 2: a bare number has the unit that the field names; a text with units of its own needs none.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
"""The units that a field may have, in nanoseconds."""

_WORDS: Final = {
    **{unit: unit for unit in NANOSECONDS},
    **dict.fromkeys(("nsec", "nsecs", "nanosecond", "nanoseconds"), "ns"),
    **dict.fromkeys(("µs", "μs", "usec", "usecs", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("msec", "msecs", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
}
_BARE = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_CLOCK = re.compile(
    r"(-?)(?:([0-9]{1,6})[ -])?([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])(?:[.,]([0-9]{1,9}))?"
)
_PART = re.compile(r" ?([0-9]{1,30}(?:\.[0-9]{1,30})?) ?([a-zµμ]{1,12})")


def read_duration(text: str, unit: str, given_in: str) -> float | None:
    """Return how many *unit* the duration *text* has, or None if it is none.

    A number without a unit counts *given_in*.
    """
    nanos = _bare(text, given_in)
    if nanos is None:
        nanos = _clock(text)
    if nanos is None:
        nanos = _parts(text)
    return None if nanos is None else float(nanos / NANOSECONDS[unit])


def _bare(text: str, unit: str) -> Decimal | None:
    return Decimal(text) * NANOSECONDS[unit] if _BARE.fullmatch(text) else None


def _clock(text: str) -> Decimal | None:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    sign, days, hours, minutes, seconds, fraction = found.groups(default="0")
    whole = ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    nanos = Decimal(f"{whole}.{fraction}") * NANOSECONDS["s"]
    return -nanos if sign == "-" else nanos


def _parts(text: str) -> Decimal | None:
    """Add up ``1h2m3.5s``: each part with a unit, the greater before the smaller."""
    nanos, position, last = Decimal(0), int(text.startswith("-")), NANOSECONDS["d"] + 1
    while position < len(text):
        found = _PART.match(text, position)
        unit = NANOSECONDS.get(_WORDS.get(found[2], ""), 0) if found else 0
        if not found or not 0 < unit < last:
            return None
        nanos += Decimal(found[1]) * unit
        position, last = found.end(), unit
    if last > NANOSECONDS["d"] or text[0] == " ":
        return None
    return -nanos if text.startswith("-") else nanos
