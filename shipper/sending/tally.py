"""What became of requests, counted since the start; who keeps the state puts it on record."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from shipper.collector.verdict import Verdict

REQUESTS = "requests:"
"""What the names of the counts of requests begin with; the verdict follows, in small letters."""

SENT_BYTES: Final = "sent:bytes"
"""The count of bytes of request bodies and lines, delivered or not."""

SENT_MS: Final = "sent:ms"
"""The count of milliseconds that answers took, or their absence."""


class Tally:
    """Counts of requests. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0

    def note(self, verdict: Verdict, size: int, seconds: float) -> None:
        """Count a request of *size* bytes that was answered, or given up, after *seconds*."""
        with self._lock:
            self._counts[REQUESTS + type(verdict).__name__.lower()] += 1
            self._counts[SENT_BYTES] += size
            self._seconds += seconds

    def counts(self) -> Counter[str]:
        """Return the counts by name."""
        with self._lock:
            return self._counts + Counter({SENT_MS: int(self._seconds * 1000)})
