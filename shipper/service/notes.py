"""Notes of how it goes: what others read out of the state, while this program runs or after it.

Rule 1: what is noted was counted in memory, so that noting costs a transaction now and then and
        reading and sending cost nothing.
Rule 2: a note that the state has no time for is not lost: its counts go into the next.
"""

from __future__ import annotations

from collections import Counter

from shipper.emitter import Emitter
from shipper.model import Clock
from shipper.pump import Pump
from shipper.sending.tally import REQUESTS
from shipper.store.dead_letters import FILED
from shipper.store.history import STEP_SECONDS, Condition, Flow, Levels, Step
from shipper.store.received import RECEIVED
from shipper.store.store import Store


class Notes:
    """Notes of one configuration's pump and emitter, both new. One thread calls it."""

    def __init__(self, store: Store, pump: Pump, emitter: Emitter, clock: Clock) -> None:
        """Raises StateBusyError."""
        self._store = store
        self._pump = pump
        self._emitter = emitter
        self._clock = clock
        self._noted: Counter[str] = Counter()  # counts of requests that are on record
        self._flow, self._step_at = self._counted(self._noted), clock.monotonic()  # the last step

    def turn(self) -> None:
        """Note what holds, and what happened since the last step if that is over.

        Raises StateBusyError: nothing was noted.
        """
        self._note(self._clock.monotonic())

    def close(self) -> None:
        """Note what is left to note. Raises StateBusyError."""
        self._note(self._clock.monotonic(), last=True)

    def _note(self, now: float, *, last: bool = False) -> None:
        pump, wall_ms = self._pump, int(self._clock.wall() * 1000)
        self._store.note_pace(pump.lag.speed, pump.lag.unread, wall_ms)
        counts = self._emitter.tally.counts()
        flow, lasted = self._counted(counts), now - self._step_at
        step = None
        if lasted >= (0.001 if last else STEP_SECONDS):
            happened = flow.since(self._flow)
            step = Step(wall_ms // 1000, int(lasted * 1000), happened, self._levels(wall_ms))
        condition = condition_of(pump, self._emitter, self._clock)
        self._store.history.note(condition, counts - self._noted, step)
        self._noted = counts
        if step is not None:
            self._flow, self._step_at = flow, now

    def _counted(self, requests: Counter[str]) -> Flow:
        read, on_record = self._pump.books, self._store.counters()
        by_name: Counter[str] = Counter()
        for (name, _), value in on_record.items():
            by_name[FILED if name.startswith(FILED) else name] += value
        return Flow(
            lines_read=read.lines_read,
            bytes_read=read.bytes_read,
            events_made=read.events,
            events_received=by_name[RECEIVED],
            events_delivered=by_name["delivered"],
            requests_delivered=requests[f"{REQUESTS}delivered"],
            requests_rejected=requests[f"{REQUESTS}rejected"],
            requests_misconfigured=requests[f"{REQUESTS}misconfigured"],
            requests_unavailable=requests[f"{REQUESTS}unavailable"],
            dead_letters_filed=by_name[FILED],
        )

    def _levels(self, wall_ms: int) -> Levels:
        queue = self._store.backlog()
        oldest = queue.oldest_ms
        return Levels(
            lag_bytes=self._pump.lag.unread,
            queue_events=queue.events,
            queue_bytes=queue.stored_bytes,
            queue_oldest_seconds=None if oldest is None else max(0, wall_ms - oldest) // 1000,
        )


def condition_of(pump: Pump, emitter: Emitter, clock: Clock) -> Condition:
    """Return what stands in the way of *pump* and *emitter* at this moment."""
    aside = emitter.set_aside()
    return Condition(
        int(clock.wall() * 1000),
        pump.pause_reason,
        pump.paused,
        emitter.trouble_reason,
        emitter.trouble,
        round(emitter.failing_for(), 1),
        aside.events,
        round(aside.oldest_seconds, 1),
    )
