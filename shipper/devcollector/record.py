"""What the development collector remembers: exact counts, and the newest requests.

Rule 1: counts go on for ever and stay exact; only the stored requests are bounded, by the number
of events and by their bytes, compressed. The oldest are forgotten first.
Rule 2: a request is kept compressed and as it came; events are decoded again when asked for.
Rule 3: every method may be called from any thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import zstandard

from shipper.devcollector.validate import BadRow, Judgement

_MOST_BODY = 4 * 1024 * 1024


class Counts(NamedTuple):
    """Events seen since the start or the last reset. `total` is `good` + `bad`."""

    total: int
    good: int
    bad: int


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came, but for its body, which stands beside it compressed."""

    vendor: str
    version: str
    query: tuple[tuple[str, str], ...]
    content_type: str | None
    at: str
    ip: str | None
    user_agent: str | None
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A request and what became of its events, given by their places in it."""

    received: Received
    packed: bytes
    good: Sequence[int]
    bad: tuple[BadRow, ...]

    @property
    def events(self) -> int:
        """How many events and bad rows it counts for."""
        return len(self.good) + len(self.bad)

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        errors = sum(len(error) for row in self.bad for error in row.errors)
        query = sum(len(name) + len(value) for name, value in self.received.query)
        return len(self.packed) + errors + query

    @property
    def body(self) -> bytes:
        """The body as it came; empty if it had none."""
        if not self.packed:
            return b""
        return zstandard.ZstdDecompressor().decompress(self.packed, max_output_size=_MOST_BODY)


class Record:
    """The memory of one collector; see the rules above."""

    def __init__(self, *, max_events: int, max_bytes: int = 256 * 1024 * 1024) -> None:
        self.max_events = max_events
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._stored: deque[Stored] = deque()
        self._events = self._bytes = self._good = self._bad = 0

    def add(self, received: Received, body: bytes, judgement: Judgement) -> None:
        """Count and store one judged request."""
        packed = zstandard.ZstdCompressor(level=1).compress(body) if body else b""
        good = _places([event.index for event in judgement.good])
        bad = tuple(BadRow(row.index, row.kind, row.errors) for row in judgement.bad)
        stored = Stored(received, packed, good, bad)
        with self._lock:
            self._good += len(good)
            self._bad += len(bad)
            self._stored.append(stored)
            self._events += stored.events
            self._bytes += stored.size
            self._forget()

    def counts(self) -> Counts:
        """Return the counts, whatever has been forgotten since."""
        with self._lock:
            return Counts(self._good + self._bad, self._good, self._bad)

    def newest(self) -> list[Stored]:
        """Return the stored requests, the newest first."""
        with self._lock:
            return list(reversed(self._stored))

    def reset(self) -> Counts:
        """Forget all and count from zero; return the new counts."""
        with self._lock:
            self._stored.clear()
            self._events = self._bytes = self._good = self._bad = 0
            return Counts(0, 0, 0)

    def _forget(self) -> None:
        while len(self._stored) > 1 and (
            self._events - self._stored[0].events >= self.max_events
            or self._bytes > self._max_bytes
        ):
            oldest = self._stored.popleft()
            self._events -= oldest.events
            self._bytes -= oldest.size


def _places(indexes: list[int]) -> Sequence[int]:
    """Return *indexes*, as a range where they are all of a request: most are, and it is small."""
    whole = range(len(indexes))
    return whole if indexes == list(whole) else tuple(indexes)
