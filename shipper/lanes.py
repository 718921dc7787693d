"""Two lanes: what is new is read first, what is old at no more than its rate, and when it is done.

Rule 1: while there is news, old content gets a part of a turn only, so that turns stay short.
Rule 2: a rate is kept over any second: what was not used is kept for one second, no longer.
"""

from __future__ import annotations

import math

_MEMORY = 20.0  # seconds over which the speed is taken


class Allowance:
    """How many bytes of old content may be read now, at *rate* bytes a second (None: any)."""

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._left = 0.0
        self._at = float("-inf")

    def left(self, now: float) -> float:
        """Return the bytes that may be read at *now*."""
        if self._rate is None:
            return math.inf
        passed = min(1.0, now - self._at)
        self._at = now
        self._left = min(self._left + passed * self._rate, float(self._rate))
        return self._left

    def spend(self, size: int) -> None:
        """Note that *size* bytes were read; more than were left are made up for later."""
        self._left -= size


class Speed:
    """How fast something goes of late, in units a second."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._weight = 0.0
        self._at: float | None = None
        self._since = 0

    def add(self, amount: int) -> None:
        """Note that *amount* was done."""
        self._since += amount

    def at(self, now: float) -> float:
        """Return the speed at *now*: what was done counts less the longer ago it was."""
        passed = now - (self._at if self._at is not None else now)
        if passed > 0:
            keep = math.exp(-passed / _MEMORY)
            self._sum = self._sum * keep + self._since / passed * (1 - keep)
            self._weight = self._weight * keep + 1 - keep
        if passed > 0 or self._at is None:
            self._at, self._since = now, 0
        return self._sum / self._weight if self._weight else 0.0
