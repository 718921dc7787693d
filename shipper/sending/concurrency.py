"""How many requests may be in flight: as many as the collector answers without queueing them.

Rule 1: while all that is allowed is in use and answers come as quickly as with few in flight, one
        more is allowed per round trip; when answers are late, or are failures, a part of it less.
Rule 2: what is late is told by the quickest round trips seen (`floor`). It is measured anew, with
        half of the requests in flight, from time to time: the way to the collector may change.
Rule 3: only requests that are about full tell: a small one is quick on a slow collector, too.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

_LATE = 1.4
_NOISE = 0.002  # seconds by which a round trip may differ for no reason
_LESS, _LESS_AFTER_FAILURE = 0.9, 0.7
_FLOOR_LASTS = 300.0


class Concurrency:
    """The number of requests that may be in flight, between *least* and *most*."""

    def __init__(self, least: int, most: int, now: Callable[[], float]) -> None:
        self._least = least
        self._most = most
        self._now = now
        self._lock = threading.Lock()
        self._in_flight = 0
        self._reached = False
        self.limit = least
        self._floor = math.inf
        self._floor_until = math.inf
        self._calm_until = -math.inf
        self._begin(now())

    def enter(self) -> bool:
        """Ask for leave to have a request in flight; whoever gets it calls `leave` at the end."""
        with self._lock:
            if self._in_flight >= self.limit:
                return False
            self._in_flight += 1
            self._reached = self._reached or self._in_flight >= self.limit
            return True

    def leave(self) -> None:
        """End a request."""
        with self._lock:
            self._in_flight -= 1

    def answered(self, seconds: float) -> None:
        """Note the round trip of a request that was about full and was answered as it should."""
        with self._lock:
            now = self._now()
            self._sum += seconds
            self._count += 1
            mean = self._sum / self._count
            # A window is a round trip long, and long enough for each request in flight to tell.
            if self._count >= self.limit and now - self._began >= min(mean, self._floor):
                self._adjust(mean, now)

    def failed(self) -> None:
        """Note that a request failed for want of capacity, or so it seems."""
        with self._lock:
            now = self._now()
            if now >= self._calm_until:  # those that fail together are one failure
                self._shrink(_LESS_AFTER_FAILURE)
                self._calm_until = now + min(self._floor, 1.0)
            self._begin(now)

    def _adjust(self, mean: float, now: float) -> None:
        if now >= self._floor_until:
            self._floor, self._floor_until = math.inf, math.inf
            self._shrink(0.5)
        elif mean > self._floor * _LATE + _NOISE:
            self._shrink(_LESS)
        else:
            if mean < self._floor:
                self._floor = mean
                self._floor_until = min(self._floor_until, now + _FLOOR_LASTS)
            if self._reached:
                self.limit = min(self._most, self.limit + 1)
        self._begin(now)

    def _shrink(self, part: float) -> None:
        self.limit = max(self._least, min(self.limit - 1, math.floor(self.limit * part)))

    def _begin(self, now: float) -> None:
        self._began, self._sum, self._count = now, 0.0, 0
        self._reached = self._in_flight >= self.limit
