"""The intake: what requests bring goes into the queue, and only then are they answered.

Rule 1: whoever waits is told after the commit is on the disk, or why there is none.
Rule 2: what came while one commit was under way shares the next: a commit costs the disk the same
        for one event as for a thousand.
Rule 3: where the queue may not grow, nothing is taken, by any policy but `drop_oldest`, which
        makes room: the tracker keeps its events and comes again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from shipper.errors import StateBusyError
from shipper.event.batch import pack
from shipper.model import Clock, Report
from shipper.room import Limits, Room
from shipper.store.store import Store

SOURCE = "receiver"
"""The source that received events are counted under."""

STOPPED = "shipper is stopping"

# A turn takes so many bytes of events at most: what is behind them waits no longer for it.
_TURN_BYTES = 4 << 20


class Waiting(NamedTuple):
    """Events that wait for their commit; `done` is called with why there is none, or nothing."""

    events: list[bytes]
    done: Callable[[str], None]


class Intake:
    """Takes events from any thread; one thread calls `turn`."""

    def __init__(
        self,
        store: Store,
        report: Report,
        limits: Limits,
        max_bytes: int,
        clock: Clock,
        bells: tuple[Callable[[], None], Callable[[], None]],
    ) -> None:
        """Two *bells* are rung: when there is something to take, and when something was queued."""
        self._store = store
        self._report = report
        self._limits = limits
        self._max_bytes = max_bytes
        self._clock = clock
        self._offered, self._queued = bells
        self._room = Room(store)
        self._waiting: deque[Waiting] = deque()
        self._closing = threading.Lock()
        self._closed = False
        self.refuses = ""
        """Why nothing was taken at the last try."""

    def offer(self, events: list[bytes], done: Callable[[str], None]) -> None:
        """Ask for *events* to be queued; *done* is called from the thread that turns."""
        with self._closing:
            if not self._closed:
                self._waiting.append(Waiting(events, done))
                self._offered()
                return
        done(STOPPED)

    def turn(self) -> float | None:
        """Take what waits, in one transaction; return 0 if more does."""
        group = list(self._next())
        if not group:
            return None
        why = STOPPED
        try:
            why = self._commit(group)
        finally:
            for waiting in group:
                waiting.done(why)
        if not why:
            self._queued()
        self._tell(why)
        return 0.0 if self._waiting else None

    def close(self) -> None:
        """Take no more, and send away who still waits."""
        with self._closing:
            self._closed = True
        while self._waiting:
            self._waiting.popleft().done(STOPPED)

    def _next(self) -> Iterator[Waiting]:
        size = 0
        while self._waiting and size < _TURN_BYTES:
            waiting = self._waiting.popleft()
            size += sum(map(len, waiting.events))
            yield waiting

    def _commit(self, group: list[Waiting]) -> str:
        """Queue the events of *group*; return why that could not be, if it could not."""
        now_ms = int(self._clock.wall() * 1000)
        try:
            room = self._room.ask(self._limits, now_ms)
            if room.pause or room.drop:
                return room.pause or "the queue is full"
            events = (event for waiting in group for event in waiting.events)
            self._store.received.take(SOURCE, list(pack(events, self._max_bytes)), now_ms)
        except StateBusyError as error:
            return error.message
        return ""

    def _tell(self, why: str) -> None:
        if why and not self.refuses:
            self._report("receiver.refusing", why=why)
        elif self.refuses and not why:
            self._report("receiver.accepting", after=self.refuses)
        self.refuses = why
