"""Pauses after failures: exponential, with full jitter, shared by all who send.

Rule 1: the n-th pause in a row is drawn evenly from 0 to min(longest, first × 2ⁿ): shippers that
        failed together do not come back together.
Rule 2: the other side's `Retry-After` is a lower bound; a pause is never longer than a day.
Rule 3: while failing, one try at a time is under way; its success ends the failing for all.
"""

from __future__ import annotations

import threading
from random import Random

_LONGEST = 86_400.0


class Backoff:
    """The common gate of all senders; times are monotonic seconds."""

    def __init__(self, first: float, longest: float, rng: Random) -> None:
        self._first = first
        self._longest = longest
        self._rng = rng
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0
        self._probing = False

    def enter(self, now: float) -> float:
        """Ask for leave to try: 0 grants it, else come back in so many seconds.

        Whoever was granted leave must call `succeed`, `fail` or `leave`.
        """
        with self._lock:
            if not self._failures:
                return 0.0
            if now < self._until:
                return self._until - now
            if self._probing:
                return self._first
            self._probing = True
            return 0.0

    def leave(self) -> None:
        """Give leave back without having tried."""
        with self._lock:
            self._probing = False

    def succeed(self) -> None:
        """End the failing, for all."""
        with self._lock:
            self._failures, self._probing = 0, False

    def fail(self, now: float, at_least: float = 0.0) -> float:
        """Note a failure and return the pause that follows, *at_least* so many seconds."""
        with self._lock:
            ceiling = min(self._longest, self._first * 2.0 ** min(self._failures, 60))
            pause = min(_LONGEST, at_least + self._rng.uniform(0.0, ceiling))
            self._failures += 1
            self._until = max(self._until, now + pause)
            self._probing = False
            return pause
