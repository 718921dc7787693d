"""The emitter: from the queue to the collector, first in, first out.

Rule 1: stored bytes are sent as they are; only `stm` is stamped, anew at each attempt.
Rule 2: an event leaves the queue as delivered or as a dead letter (`Store.settle`), else it stays.
Rule 3: a bad event blocks nobody: a rejected request is halved until the culprit is alone, and a
        batch that can't be read is set aside alone.
Rule 4: senders back off together (see `backoff`), and a success sets all free.
Rule 5: claims live in memory; a batch that came back is sent before any newer one.
Rule 6: what was sent but could not be settled is settled before anything else is sent.
Rule 7: no request is over the limits; an event that is so by itself is a dead letter.
Rule 8: a turn that has come to something begins no request after `turn_seconds`, so that its
        progress is on disk soon and stopping is quick.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from shipper.backoff import Backoff, Leave
from shipper.collector.client import Collector
from shipper.collector.halving import Halving
from shipper.collector.trouble import Trouble
from shipper.collector.verdict import Delivered, Misconfigured, Rejected, Unavailable, Verdict
from shipper.errors import StateBusyError
from shipper.event.batch import compress, unpack
from shipper.model import Clock, Report
from shipper.protocol.envelope import get_query, post_body, post_size
from shipper.store.dead_letters import Buried
from shipper.store.store import Queued, Settlement, Store


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
    turn_seconds: float = 2.0


class Claims:
    """Which batches are being sent: taken in the order of their ids, given back on failure."""

    def __init__(self, store: Store, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._returned: list[list[Queued]] = []
        self._cursor = 0

    def take(self) -> list[Queued]:
        """Claim the oldest batches that one request can hold; empty if all are claimed."""
        with self._lock:
            if self._returned:
                return self._returned.pop(0)
            claim = self._store.peek(self._cursor, self._max_bytes)
            self._cursor = claim[-1].id if claim else self._cursor
            self._store.claimed = self._cursor
            return claim

    def give_back(self, left: list[Queued]) -> None:
        """End a claim; what is *left* of it is the next to be taken."""
        with self._lock:
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
        self._trouble = Trouble(report, clock)
        self._unsettled: list[tuple[list[Settlement], list[Queued]]] = []
        self._lock = threading.Lock()

    def turn(self) -> float | None:
        """Send one request's worth; return after how many seconds to come again, None if idle."""
        leave = self._backoff.enter(self._clock.monotonic())
        if leave.wait:
            return leave.wait
        try:
            self._settle_late()
            claim = self._claims.take()
        except StateBusyError as error:
            self._fail(leave, "queue.unsettled", error.message)
            return 0.0
        self._trouble.over("queue.unsettled")
        if not claim:
            self._backoff.leave(leave)
            return None
        settlements, verdict = self._deliver(claim)
        if self._settle(leave, claim, settlements):
            self._conclude(leave, verdict)
        return 0.0

    @property
    def trouble(self) -> str:
        """Why nothing could be delivered at the last try, or nothing."""
        return self._trouble.words

    def failing_for(self) -> float:
        """Return for how many seconds now nothing could be delivered; 0 when all is well."""
        return self._trouble.seconds()

    def _settle_late(self) -> None:
        """Settle what could not be settled when it was sent. Raises StateBusyError."""
        with self._lock:
            while self._unsettled:
                settlements, left = self._unsettled[0]
                self._store.settle(settlements, self._now_ms())
                self._claims.give_back(left)
                del self._unsettled[0]

    def _settle(self, leave: Leave, claim: list[Queued], settlements: list[Settlement]) -> bool:
        """Put on record what became of *claim*; tell whether that was possible just now."""
        fared = {settlement.queued.id: settlement for settlement in settlements}
        left = [_left(queued, fared.get(queued.id)) for queued in claim]
        remainder = [queued for queued in left if queued is not None]
        try:
            self._store.settle(settlements, self._now_ms())
        except StateBusyError as error:
            with self._lock:
                self._unsettled.append((settlements, remainder))
            self._fail(leave, "queue.unsettled", error.message)
            return False
        else:
            self._claims.give_back(remainder)
            return True
        finally:
            self._report_buried(settlements)

    def _report_buried(self, settlements: list[Settlement]) -> None:
        counts: Counter[str] = Counter()
        details: dict[str, str] = {}
        for queued, _, buried, _ in settlements:
            for letter in buried:
                counts[queued.source] += 1
                details.setdefault(queued.source, letter.detail)
        for source, count in counts.items():
            self._report("event.buried", source=source, count=count, why=details[source])

    def _now_ms(self) -> int:
        return int(self._clock.wall() * 1000)

    # One claim

    def _deliver(self, claim: list[Queued]) -> tuple[list[Settlement], Verdict | None]:
        """Send the events of *claim*; return what became of its batches, and the last verdict.

        The verdict is None if the collector was not asked.
        """
        load = _Load(claim)
        halving = Halving(load.count, singly=self._sending.method == "get")
        end = self._clock.monotonic() + self._sending.turn_seconds
        last: Verdict | None = None
        while (group := halving.next()) is not None:
            if halving.decided and self._clock.monotonic() > end:
                break
            verdict = self._send(load.part(group), len(group))
            if not isinstance(verdict, Rejected) or verdict.status:
                last = verdict
            if not isinstance(verdict, Delivered | Rejected):
                break
            halving.note(verdict)
        return [*load.damaged, *_settlements(load, halving.fates)], last

    def _send(self, joined: bytes, count: int) -> Verdict:
        sending = self._sending
        if sending.method == "post":
            size = post_size(count, len(joined))
            if size > sending.max_bytes:
                words = f"a request of {size} bytes, over the limit of {sending.max_bytes}"
                return Rejected(0, words)
            return self._collector.post(post_body(joined, self._now_ms()))
        query = get_query(joined, self._now_ms())
        size = self._collector.request_line(query)
        if size > sending.max_get_bytes:
            words = f"a request line of {size} bytes, over the limit of {sending.max_get_bytes}"
            return Rejected(0, words)
        return self._collector.get(query)

    # What follows from a verdict

    def _conclude(self, leave: Leave, verdict: Verdict | None) -> None:
        match verdict:
            case None:
                self._backoff.leave(leave)
            case Delivered() | Rejected():
                self._backoff.succeed(leave)
                self._trouble.over()
            case Unavailable(why, wish, words):
                self._fail(leave, "collector.unavailable", why, words, at_least=wish or 0.0)
            case Misconfigured(why, words):
                pause = self._sending.misconfigured_pause
                self._fail(leave, "collector.misconfigured", why, words, at_least=pause)

    def _fail(
        self, leave: Leave, event: str, why: str, words: str = "", *, at_least: float = 0.0
    ) -> None:
        pause = self._backoff.fail(leave, self._clock.monotonic(), at_least)
        self._trouble.failing(event, why, words, pause)


class _Load:
    """The events of a claim, joined as they are stored; batches that can't be read are apart."""

    def __init__(self, claim: Sequence[Queued]) -> None:
        self.sound: list[Queued] = []
        self.damaged: list[Settlement] = []
        bodies: list[bytes] = []
        for queued in claim:
            try:
                bodies.append(_opened(queued))
            except ValueError as error:
                detail = f"{queued.batch.events} events lost to damage in the queue: {error}"
                buried = Buried(queued.batch.body, "damaged", detail)
                self.damaged.append(Settlement(queued, 0, [buried]))
            else:
                self.sound.append(queued)
        self.count = sum(queued.batch.events for queued in self.sound)
        self.joined = b"\n".join(bodies)

    @cached_property
    def events(self) -> list[bytes]:
        return self.joined.split(b"\n")

    def part(self, group: range) -> bytes:
        """Return the events of *group*, joined."""
        if len(group) == self.count:
            return self.joined
        return b"\n".join(self.events[group.start : group.stop])


def _opened(queued: Queued) -> bytes:
    """Return the events of a batch. Raises ValueError if they are not what the queue says."""
    batch = queued.batch
    joined = unpack(batch)
    if (len(joined), joined.count(b"\n") + 1) != (batch.size, batch.events):
        raise ValueError(f"its {len(joined)} bytes are not the {batch.size} of its row")
    return joined


def _left(queued: Queued, settlement: Settlement | None) -> Queued | None:
    """Return what is left to send of *queued*."""
    if settlement is None:
        return queued
    return queued._replace(batch=settlement.left) if settlement.left else None


def _settlements(load: _Load, fates: Sequence[Delivered | Rejected | None]) -> Iterator[Settlement]:
    """Say of each batch in *load* what became of its events, if anything did."""
    start = 0
    for queued in load.sound:
        mine = slice(start, start + queued.batch.events)
        start = mine.stop
        own = fates[mine]
        fate = own[0]
        # Events that went together have one fate: comparing by identity is quick.
        if own.count(fate) < len(own) or isinstance(fate, Rejected):
            yield _settlement(queued, load.events[mine], own)
        elif fate is not None:
            yield Settlement(queued, len(own))


def _settlement(
    queued: Queued, events: Sequence[bytes], fates: Sequence[Delivered | Rejected | None]
) -> Settlement:
    pairs = list(zip(events, fates, strict=True))
    left = [event for event, fate in pairs if fate is None]
    return Settlement(
        queued,
        delivered=sum(isinstance(fate, Delivered) for fate in fates),
        buried=[
            Buried(event, fate.reason, str(fate))
            for event, fate in pairs
            if isinstance(fate, Rejected)
        ],
        left=compress(left) if left else None,
    )
