"""What a process has of its own of an emitter: a connection, and the threads that it needs.

Rule 1: there is one committer (asynchronous), or one mover (blocking), or none of both (blocking,
        against power cuts): then the caller puts events into the queue himself.
Rule 2: who calls from one of these threads, as a callback does, never waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shipper.errors import StateBusyError
from shipper.tracker.committer import Committer, left_of
from shipper.tracker.mover import Mover
from shipper.tracker.outcome import LOG
from shipper.tracker.queueing import Queue
from shipper.tracker.receipt import Receipt, Settled
from shipper.tracker.sender import Sender


class Works(NamedTuple):
    """What a process has of its own."""

    queue: Queue
    committer: Committer | None
    mover: Mover | None
    sender: Sender | None

    def add(self, payloads: Sequence[bytes], event_id: str) -> Receipt:
        """Store *payloads*; the receipt bears *event_id*, and is done when they are safe."""
        if self.committer:
            receipt = Receipt(event_id)
            self.committer.add(payloads, receipt)
            return receipt
        if self.mover:
            self.queue.keep(payloads)
            self.mover.ring()
        else:
            self.queue.add(payloads)
            self.news()
        return Settled(event_id)

    def news(self) -> None:
        """Say that something was queued."""
        if self.sender:
            self.sender.ring()

    @property
    def runs_here(self) -> bool:
        """Whether the caller is one of the threads that call functions of the program's."""
        return any(each is not None and each.runs_here for each in (self.committer, self.sender))

    def settle_in(self, timeout: float) -> int:
        """Have all that was added before in the queue; return how many events are not."""
        if self.committer:
            return self.committer.drain(timeout)
        try:
            if self.queue.admit():
                self.news()
        except StateBusyError as error:
            LOG.warning("what was tracked is safe, but can't be queued just now: %s", error)
        return self.queue.store.arrivals.count()

    def end(self, deadline: float) -> None:
        """Let the threads end, up to the *deadline* (monotonic), and close the queue."""
        threads = (self.committer, self.mover, self.sender)
        ended = [each.stop(left_of(deadline)) for each in threads if each is not None]
        if all(ended):  # else a thread may be using it: the process's end closes it as well
            self.queue.close()
