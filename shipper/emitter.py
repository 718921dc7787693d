"""The emitter: from the queue to the collector, first in, first out.

Rule 1: stored bytes are sent as they are; only `stm` is stamped, anew at each attempt.
Rule 2: an event leaves the queue as delivered or as a dead letter (`Store.settle`), else it stays.
Rule 3: a bad event blocks nobody: a rejected request is halved until the culprit is alone.
Rule 4: senders back off together (see `backoff`), and a success sets all free.
Rule 5: claims live in memory; a batch that came back is sent before any newer one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from shipper.backoff import Backoff
from shipper.collector.client import Collector
from shipper.collector.verdict import Delivered, Misconfigured, Rejected, Unavailable, Verdict
from shipper.errors import StateBusyError
from shipper.event.batch import compress, pack, unpack
from shipper.model import Clock, Report
from shipper.protocol.envelope import get_query, post_body, post_size
from shipper.store.dead_letters import Buried
from shipper.store.store import Queued, Settlement, Store

# What became of one event of a claim; None: it is still to be sent.
Fate = Delivered | Buried | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How to send: bytes of a request, seconds of pauses.

    `first_pause` and `longest_pause` bound the full-jitter backoff: the n-th pause is drawn
    evenly from 0 to min(longest, first × 2ⁿ). `misconfigured_pause` is the slow retry.
    """

    method: str = "post"
    max_bytes: int = 180_000
    max_get_bytes: int = 8_000
    first_pause: float = 0.5
    longest_pause: float = 60.0
    misconfigured_pause: float = 30.0


class Claims:
    """Which batches are being sent: taken in the order of their ids, given back on failure."""

    def __init__(self, store: Store, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._returned: list[list[Queued]] = []
        self._cursor = 0
        self.taken = 0

    def take(self) -> list[Queued]:
        """Claim the oldest batches that one request can hold; empty if all are claimed."""
        with self._lock:
            if self._returned:
                claim = self._returned.pop(0)
            else:
                claim = self._store.peek(self._cursor, self._max_bytes)
                self._cursor = claim[-1].id if claim else self._cursor
            self.taken += bool(claim)
            return claim

    def done(self, left: list[Queued]) -> None:
        """End a claim; what is *left* of it is the next to be taken."""
        with self._lock:
            self.taken -= 1
            if left:
                self._returned.append(left)
                self._returned.sort(key=lambda claim: claim[0].id)


class Emitter:
    """Sends what the queue holds. Any number of threads may call `turn`."""

    def __init__(
        self,
        store: Store,
        collector: Collector,
        report: Report,
        *,
        sending: Sending,
        clock: Clock,
        rng: Random,
    ) -> None:
        self._store = store
        self._collector = collector
        self._report = report
        self._sending = sending
        self._clock = clock
        self._claims = Claims(store, sending.max_bytes)
        self._backoff = Backoff(sending.first_pause, sending.longest_pause, rng)
        self._unsettled: list[tuple[list[Settlement], list[Queued]]] = []
        self._lock = threading.Lock()
        self._trouble = ""
        self._failing_since: float | None = None

    def turn(self) -> float | None:
        """Send one request's worth; return after how many seconds to come again, None if idle."""
        if wait := self._backoff.enter(self._clock.monotonic()):
            return wait
        try:
            claim = self._claims.take() if self._settle_late() else []
        except StateBusyError as error:
            self._fail("queue.unsettled", error.message, 0.0)
            return 0.0
        if not claim:
            self._backoff.leave()
            return None
        settlements, verdict = self._deliver(claim)
        self._settle(claim, settlements)
        self._conclude(verdict)
        return 0.0

    @property
    def trouble(self) -> str:
        """Why nothing could be delivered at the last try, or nothing."""
        return self._trouble

    def failing_for(self) -> float:
        """Return for how many seconds now nothing could be delivered; 0 when all is well."""
        since = self._failing_since
        return self._clock.monotonic() - since if since is not None else 0.0

    def _settle_late(self) -> bool:
        """Settle what could not be settled when it was sent; tell whether nothing is left so."""
        with self._lock:
            while self._unsettled:
                settlements, left = self._unsettled[0]
                self._store.settle(settlements, self._now_ms())
                self._claims.done(left)
                del self._unsettled[0]
        return True

    def _settle(self, claim: list[Queued], settlements: list[Settlement]) -> None:
        settled = {s.queued.id for s in settlements if s.left is None}
        partly = {s.queued.id: s.queued._replace(batch=s.left) for s in settlements if s.left}
        left = [partly.get(q.id, q) for q in claim if q.id not in settled]
        try:
            self._store.settle(settlements, self._now_ms())
        except StateBusyError as error:
            # What was delivered must not be sent again only because the disk is full just now.
            self._unsettled.append((settlements, left))
            self._report("queue.unsettled", why=error.message)
        else:
            self._claims.done(left)
        for settlement in settlements:
            for buried in settlement.buried:
                self._report("event.buried", source=settlement.queued.source, why=buried.detail)

    def _now_ms(self) -> int:
        return int(self._clock.wall() * 1000)

    # One request

    def _deliver(self, claim: list[Queued]) -> tuple[list[Settlement], Verdict]:
        """Send the events of *claim*; return what became of its batches, and the last verdict."""
        try:
            joined = b"\n".join([unpack(queued.batch) for queued in claim])
        except ValueError as error:
            return [_damaged(queued, error) for queued in claim], Delivered()
        count = sum(queued.batch.events for queued in claim)
        sending = self._sending
        if sending.method == "post" and post_size(count, len(joined)) <= sending.max_bytes:
            verdict = self._send(joined)
            if isinstance(verdict, Delivered):
                return [Settlement(queued, queued.batch.events) for queued in claim], verdict
            if not isinstance(verdict, Rejected):
                return [], verdict
        fates, verdict = self._isolate(joined.split(b"\n"))
        return list(_settlements(claim, joined.split(b"\n"), fates)), verdict

    def _isolate(self, events: list[bytes]) -> tuple[list[Fate], Verdict]:
        """Send *events* in as many requests as it takes to find the ones that are refused."""
        fates: list[Fate] = [None] * len(events)
        ranges = self._ranges(events)
        while ranges:
            start, stop = ranges.pop()
            verdict = self._send(b"\n".join(events[start:stop]))
            match verdict:
                case Delivered():
                    fates[start:stop] = [verdict] * (stop - start)
                case Rejected() if stop - start == 1:
                    fates[start] = Buried(events[start], "rejected", str(verdict))
                case Rejected():
                    middle = (start + stop) // 2
                    ranges += [(middle, stop), (start, middle)]
                case Misconfigured() | Unavailable():
                    return fates, verdict
        return fates, Delivered()

    def _ranges(self, events: list[bytes]) -> list[tuple[int, int]]:
        """Divide *events* into requests within the limits, the last to be sent first."""
        if self._sending.method == "get":
            return [(i, i + 1) for i in reversed(range(len(events)))]
        ranges: list[tuple[int, int]] = []
        start = 0
        for batch in pack(events, self._sending.max_bytes):
            ranges.append((start, start + batch.events))
            start += batch.events
        return ranges[::-1]

    def _send(self, joined: bytes) -> Verdict:
        if self._sending.method == "post":
            return self._collector.post(post_body(joined, self._now_ms()))
        query = get_query(joined, self._now_ms())
        size = self._collector.request_line(query)
        if size > self._sending.max_get_bytes:
            limit = self._sending.max_get_bytes
            return Rejected(414, f"not sent: its request line has {size} bytes, over {limit}")
        return self._collector.get(query)

    # What follows from a verdict

    def _conclude(self, verdict: Verdict) -> None:
        match verdict:
            case Delivered() | Rejected():
                self._backoff.succeed()
                self._well()
            case Unavailable():
                self._fail("collector.unavailable", verdict.why, verdict.retry_after or 0.0)
            case Misconfigured():
                pause = self._sending.misconfigured_pause
                self._fail("collector.misconfigured", verdict.why, pause)

    def _fail(self, event: str, why: str, at_least: float) -> None:
        now = self._clock.monotonic()
        pause = self._backoff.fail(now, at_least)
        with self._lock:
            if self._failing_since is None:
                self._failing_since = now
            news, self._trouble = self._trouble != why, why
        if news:
            self._report(event, why=why, next_try_seconds=round(pause, 1))

    def _well(self) -> None:
        with self._lock:
            since, self._failing_since = self._failing_since, None
            self._trouble = ""
        if since is not None:
            seconds = round(self._clock.monotonic() - since, 1)
            self._report("collector.available", after_seconds=seconds)


def _settlements(
    claim: Iterable[Queued], events: list[bytes], fates: list[Fate]
) -> Iterator[Settlement]:
    """Say of each batch of *claim* what became of its events."""
    start = 0
    for queued in claim:
        mine = slice(start, start + queued.batch.events)
        start = mine.stop
        own = list(zip(events[mine], fates[mine], strict=True))
        left = [event for event, fate in own if fate is None]
        yield Settlement(
            queued,
            delivered=sum(isinstance(fate, Delivered) for _, fate in own),
            buried=[fate for _, fate in own if isinstance(fate, Buried)],
            left=compress(left) if left else None,
        )


def _damaged(queued: Queued, error: ValueError) -> Settlement:
    return Settlement(queued, 0, [Buried(queued.batch.body, "damaged", str(error))])
