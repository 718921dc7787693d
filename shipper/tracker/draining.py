"""Sending in the foreground: until nothing waits, or it has failed often enough."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import NamedTuple

from shipper.emitter import Emitter
from shipper.errors import StateBusyError
from shipper.tracker.committer import left_of
from shipper.tracker.outcome import Callback, Outcome
from shipper.tracker.queueing import Queue

# How soon it is looked again while what waits is set aside, or in the hands of another.
_LOOK = 0.1


class Drained(NamedTuple):
    """Events `delivered`, `refused` for good, and `left` waiting; the last failure and its status.

    `status` is 0 where no answer came, None if nothing failed.
    """

    delivered: int
    refused: int
    left: int
    status: int | None
    why: str


class Tally:
    """Counts what became of requests, and passes it on."""

    def __init__(self, callback: Callback | None) -> None:
        self._callback = callback
        self.delivered = self.failures = 0
        self.last: Outcome | None = None

    def __call__(self, outcome: Outcome) -> None:
        """Take one outcome."""
        if outcome.delivered:
            self.delivered += outcome.count
            self.failures = 0
        else:
            self.failures += 1
            self.last = outcome
        if self._callback is not None:
            self._callback(outcome)


def run_to_end(
    emitter: Emitter, queue: Queue, tally: Tally, retries: int, deadline: float
) -> Drained:
    """Turn *emitter* until nothing waits, *retries* failed as well, or the deadline (monotonic)."""
    refused = queue.store.dead_letters.events()
    while left_of(deadline) and tally.failures <= retries:
        wait = emitter.turn()
        if wait is None and not queue.waiting(queue.newest()):
            break
        if tally.failures <= retries:
            time.sleep(min(_LOOK if wait is None else wait, left_of(deadline)))
    with suppress(StateBusyError):
        emitter.settle()
    last = tally.last
    return Drained(
        tally.delivered,
        queue.store.dead_letters.events() - refused,
        queue.waiting(queue.newest()),
        None if last is None else last.status,
        "" if last is None else last.why,
    )
