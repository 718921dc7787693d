"""Keeping the dead letters: their limits, and a warning when they grow fast.

Rule 1: what is discarded by a limit is counted, and said in the log: once for each time it is due.
Rule 2: a turn is short: it deletes a bounded number of letters; the next goes on.
"""

from __future__ import annotations

from collections import Counter

from shipper.model import Clock, Report
from shipper.store.dead_letters import STEP, Selection
from shipper.store.store import Store

_MINUTE = 60.0
_FAST = 1_000
_QUIET = 600.0
# Below its limit by this part: so letters go in groups, not one by one.
_MARGIN = 16


class Keeper:
    """Call `turn` every few seconds."""

    def __init__(
        self,
        store: Store,
        report: Report,
        clock: Clock,
        *,
        max_bytes: int | None = None,
        max_age: float | None = None,
    ) -> None:
        """Discard the oldest over *max_bytes*, and what is older than *max_age* seconds."""
        self._store = store
        self._report = report
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._counts: Counter[tuple[str, str]] | None = None
        self._look_due = float("-inf")
        self._warned_at = float("-inf")

    def turn(self) -> None:
        """Do what is due. Raises StateBusyError."""
        self._by_age()
        self._by_size()
        self._growth()

    def _by_age(self) -> None:
        if self._max_age is None:
            return
        before_ms = int((self._clock.wall() - self._max_age) * 1000)
        count = self._store.dead_letters.discard(Selection(before_ms=before_ms), most=STEP)
        if count:
            self._report("dead_letters.discarded", count=count, why="they were over max_age")

    def _by_size(self) -> None:
        most = self._max_bytes
        if most is None or self._bytes() < most:
            return
        count = 0
        for _ in range(_MARGIN):
            count += self._store.dead_letters.discard(Selection(), most=self._share())
            if self._bytes() < most - most // _MARGIN:
                break
        self._report("dead_letters.discarded", count=count, why="they were over max_bytes")

    def _share(self) -> int:
        """Return how many letters are about a sixteenth of all."""
        return min(STEP, self._store.counting.on_record("letters").entries // _MARGIN + 1)

    def _bytes(self) -> int:
        return self._store.counting.on_record("letters").stored_bytes

    def _growth(self) -> None:
        now = self._clock.monotonic()
        if now < self._look_due:
            return
        self._look_due = now + _MINUTE
        counts = Counter(
            {(source, why): count for source, why, count in self._store.dead_letters.reasons()}
        )
        grown = counts - self._counts if self._counts is not None else Counter()
        self._counts = counts
        if grown.total() >= _FAST and now - self._warned_at >= _QUIET:
            self._warned_at = now
            ((source, why), most) = grown.most_common(1)[0]
            self._report(
                "dead_letters.growing",
                count=grown.total(),
                seconds=int(_MINUTE),
                source=source,
                why=why,
                of_these=most,
            )
