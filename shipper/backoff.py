"""Pauses after failures: exponential, with full jitter, shared by all who send.

Rule 1: the n-th pause in a row is drawn evenly from 0 to min(longest, first × 2ⁿ): shippers that
        failed together do not come back together.
Rule 2: the other side's `Retry-After` is a lower bound; a pause is never longer than a day.
Rule 3: while failing, one try at a time is under way; a success ends the failing for all.
Rule 4: tries that were under way together and fail together are one failure. Whoever was granted
        leave before the last failure neither lengthens the pauses nor ends the present try.
Rule 5: a success does not forget all: each takes a fifth of what is remembered of the failures. Of
        many that come back to a collector that can't serve all at once, each so finds its pace.
"""

from __future__ import annotations

import threading
from random import Random
from typing import NamedTuple

_LONGEST = 86_400.0
# How soon to look again whether the one try under way has succeeded.
_LOOK_AGAIN = 0.5
# Measured with a thousand shippers (benchmarks.herd): to forget all at once makes twice as many
# requests in vain; to remember longer makes pauses long where half of the requests fail.
_KEPT = 0.8
_MOST_KEPT = 8.0


class Leave(NamedTuple):
    """Leave to try if `wait` is 0, else ask again in so many seconds. `round` is the gate's own."""

    wait: float
    round: int


class Backoff:
    """The common gate of all senders; times are monotonic seconds."""

    def __init__(self, first: float, longest: float, rng: Random) -> None:
        self._first = first
        self._longest = longest
        self._rng = rng
        self._lock = threading.Lock()
        self._failures = 0
        self._memory = 0.0
        self._round = 0
        self._until = 0.0
        self._probing = False

    @property
    def failing(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    def enter(self, now: float) -> Leave:
        """Ask for leave to try.

        Whoever is granted it must hand it to `succeed`, `fail` or `leave`.
        """
        with self._lock:
            if self._failures:
                if now < self._until:
                    return Leave(self._until - now, self._round)
                if self._probing:
                    return Leave(min(self._first, _LOOK_AGAIN), self._round)
                self._probing = True
            return Leave(0.0, self._round)

    def leave(self, leave: Leave) -> None:
        """Give *leave* back without having tried."""
        with self._lock:
            if leave.round == self._round:
                self._probing = False

    def succeed(self, _leave: Leave) -> None:
        """End the failing, for all."""
        with self._lock:
            self._failures, self._probing = 0, False
            self._memory *= _KEPT

    def fail(
        self, leave: Leave, now: float, at_least: float = 0.0, *, at_most: float = _LONGEST
    ) -> float:
        """Note a failure and return the pause that follows, of *at_least* and *at_most* seconds."""
        with self._lock:
            if self._failures and leave.round != self._round:
                self._until = max(self._until, now + min(_LONGEST, at_least))
                return max(0.0, self._until - now)
            self._failures = self._failures or int(self._memory)
            ceiling = min(self._longest, self._first * 2.0 ** min(self._failures, 60))
            pause = min(at_most, at_least + self._rng.uniform(0.0, ceiling))
            self._failures += 1
            self._memory = min(float(self._failures), _MOST_KEPT)
            self._round += 1
            self._until = now + pause
            self._probing = False
            return pause
