"""The emitter: from the queue to the collector, first in, first out.

Rule 1: stored bytes are sent as they are; only `stm` is stamped, anew at each attempt.
Rule 2: an event leaves the queue as delivered or as a dead letter (`Store.settle`), else it stays.
Rule 3: a bad event blocks nobody: it is found by halving and buried, or set aside while the rest
        goes on (`sending.delivery`); a batch that can't be read is set aside alone.
Rule 4: senders back off together (see `backoff`), and a success sets all free.
Rule 5: what came back is sent before anything newer (`sending.claims`).
Rule 6: what was sent but could not be settled is settled before anything else is sent
        (`sending.outbox`).
Rule 7: no request is over the limits; an event that is so by itself is a dead letter.
Rule 8: no more requests are in flight than the collector answers in good time
        (`sending.concurrency`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from shipper.backoff import Backoff, Leave
from shipper.collector.client import Collector
from shipper.collector.verdict import Delivered, Misconfigured, Rejected, Unavailable, Verdict
from shipper.errors import StateBusyError
from shipper.protocol.envelope import get_query, post_body, post_size
from shipper.sending.claims import Aside, Claim, Claims
from shipper.sending.concurrency import Concurrency
from shipper.sending.delivery import Chance, Delivery, Manner
from shipper.sending.health import Health
from shipper.sending.outbox import Outbox
from shipper.sending.tally import Tally
from shipper.store.store import Settlement

# How soon a sender looks again that had no leave to have a request in flight.
_LOOK_AGAIN = 0.25
# How soon the state is tried again: as soon as reading does, for nobody else is troubled by it.
_TRY_DISK_AGAIN = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How to send: bytes and events of a request, seconds of pauses.

    `linger` is what a request that is far from full may wait for more. `first_pause` and
    `longest_pause` bound the full-jitter backoff: the n-th pause is drawn evenly from 0 to
    min(longest, first × 2ⁿ). `misconfigured_pause` is the slow retry. An event that failed
    `suspect_tries` times over `suspect_seconds` while others passed is given up. Between `least`
    and `most` requests are in flight.
    """

    method: str = "post"
    max_bytes: int = 180_000
    max_events: int = 1_000_000
    max_get_bytes: int = 8_000
    linger: float = 0.0
    first_pause: float = 0.5
    longest_pause: float = 60.0
    misconfigured_pause: float = 30.0
    suspect_tries: int = 5
    suspect_seconds: float = 600.0
    least: int = 1
    most: int = 64
    turn_seconds: float = 2.0

    def manner(self) -> Manner:
        """Return how a claim is treated."""
        return Manner(
            most=1 if self.method == "get" else self.max_events,
            turn_seconds=self.turn_seconds,
            tries=self.suspect_tries,
            seconds=self.suspect_seconds,
            first_pause=self.first_pause,
            longest_pause=self.longest_pause,
        )


class Emitter:
    """Sends what the queue holds. Any number of threads may call `turn`."""

    def __init__(
        self, outbox: Outbox, collector: Collector, *, sending: Sending, rng: Random
    ) -> None:
        self.tally = Tally()
        self._outbox = outbox
        self._collector = collector
        self._sending = sending
        self._manner = sending.manner()
        self._now = outbox.clock.monotonic
        self._trouble = outbox.trouble
        self._chance = Chance(self._now, rng)
        self._claims = Claims(outbox.store, sending.max_bytes, linger=sending.linger)
        self._backoff = Backoff(sending.first_pause, sending.longest_pause, rng)
        self._concurrency = Concurrency(sending.least, sending.most, self._now)
        self._health = Health()
        self._alone = ""
        self._passed_at = self._now()

    def turn(self) -> float | None:
        """Send one request's worth; return after how many seconds to come again, None if idle."""
        leave = self._backoff.enter(self._now())
        if leave.wait:
            return leave.wait
        if not self._concurrency.enter():
            self._backoff.leave(leave)
            return _LOOK_AGAIN
        try:
            return self._granted(leave)
        finally:
            self._concurrency.leave()

    def settle(self) -> None:
        """Before the end: put on record what was sent and is not yet. Raises StateBusyError."""
        self._outbox.catch_up()

    @property
    def trouble(self) -> str:
        """Why nothing could be delivered at the last try, or nothing."""
        if self._trouble.words or self._only_suspects_for() == 0:
            return self._trouble.words
        return self._alone

    @property
    def trouble_reason(self) -> str:
        """What `trouble` is a case of: of a closed set, or nothing."""
        if kind := self._trouble.kind:
            return kind.rpartition(".")[2]
        return "set_aside" if self.trouble else ""

    @property
    def in_flight_limit(self) -> int:
        """How many requests may be in flight at present."""
        return self._concurrency.limit

    def failing_for(self) -> float:
        """Return for how many seconds now nothing could be delivered; 0 when all is well."""
        return self._trouble.seconds() or self._only_suspects_for()

    def set_aside(self) -> Aside:
        """Return how many events are set aside, and for how long the oldest of them."""
        return self._claims.aside(self._now())

    def _only_suspects_for(self) -> float:
        """Return for how long nothing passed while there are events that are set aside."""
        return min(self.set_aside().oldest_seconds, self._now() - self._passed_at)

    def _granted(self, leave: Leave) -> float | None:
        try:
            self._outbox.catch_up()
            claim = self._claims.take(self._now(), failing=self._backoff.failing)
        except StateBusyError as error:
            self._fail_to_settle(leave, error)
            return 0.0
        self._trouble.over("queue.unsettled")
        if not isinstance(claim, Claim):
            self._backoff.leave(leave)
            return claim
        delivery = Delivery(claim, self._send, self._manner, self._health, self._chance)
        delivery.run()
        if delivery.first_strike:
            self._report_suspect(claim, delivery.last)
        if self._settle(leave, claim, delivery.settlements()):
            self._conclude(leave, delivery)
        return 0.0

    def _settle(self, leave: Leave, claim: Claim, settlements: list[Settlement]) -> bool:
        """Put on record what became of *claim*; tell whether that was possible just now."""
        try:
            self._outbox.settle(settlements, partial(self._claims.give_back, claim))
        except StateBusyError as error:
            self._fail_to_settle(leave, error)
            return False
        return True

    def _report_suspect(self, claim: Claim, verdict: Verdict | None) -> None:
        sources = ",".join(sorted({queued.source for queued in claim.batches}))
        events = sum(queued.batch.events for queued in claim.batches)
        self._outbox.report("event.suspected", source=sources, among=events, why=verdict)

    # One request

    def _send(self, events: Sequence[bytes]) -> Verdict:
        sending, count = self._sending, len(events)
        began = self._now()
        if sending.method == "post":
            size = post_size(count, sum(map(len, events)) + count - 1)
            if size > sending.max_bytes:
                words = f"a request of {size} bytes, over the limit of {sending.max_bytes}"
                return Rejected(0, words)
            verdict = self._collector.post(post_body(events, self._outbox.now_ms()))
            full = size * 2 > sending.max_bytes or count * 2 > sending.max_events
        else:
            query = get_query(events[0], self._outbox.now_ms())
            size, full = self._collector.request_line(query), True
            if size > sending.max_get_bytes:
                words = f"a request line of {size} bytes, over the limit of {sending.max_get_bytes}"
                return Rejected(0, words)
            verdict = self._collector.get(query)
        took = self._now() - began
        self.tally.note(verdict, size, took)
        self._heed(verdict, took, full)
        return verdict

    def _heed(self, verdict: Verdict, took: float, full: bool) -> None:
        """Let the verdict on a request that *took* so many seconds bear on those to come."""
        match verdict:
            case Delivered():
                self._passed_at = self._now()
                self._claims.passed()
                if full:
                    self._concurrency.answered(took)
            case Unavailable():
                self._concurrency.failed()
            case _:
                pass

    # What follows from a verdict

    def _conclude(self, leave: Leave, delivery: Delivery) -> None:
        match delivery.last:
            case Unavailable() as verdict if delivery.kept_alone and not self._backoff.failing:
                self._alone = str(verdict)
                self._backoff.leave(leave)
            case Misconfigured() if delivery.in_doubt and self._health.others_may_tell():
                self._backoff.leave(leave)
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

    def _fail_to_settle(self, leave: Leave, error: StateBusyError) -> None:
        pause = self._backoff.fail(leave, self._now(), at_most=_TRY_DISK_AGAIN)
        self._trouble.failing("queue.unsettled", error.message, "", pause)

    def _fail(
        self, leave: Leave, event: str, why: str, words: str = "", *, at_least: float = 0.0
    ) -> None:
        pause = self._backoff.fail(leave, self._now(), at_least)
        self._trouble.failing(event, why, words, pause)
