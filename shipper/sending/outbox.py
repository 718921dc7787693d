"""The outbox: what stays of sending when the emitter goes, as it does with its configuration.

Rule 1: an outage goes on, and ends, from one emitter to the next (`trouble`).
Rule 2: what was sent and could not be put on record is kept, and put there before anything else is
        sent, by whichever emitter: so nothing is sent again because the configuration changed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from shipper.collector.trouble import Trouble
from shipper.errors import StateBusyError
from shipper.model import Clock, Report
from shipper.store.store import Settlement, Store


class _Late(NamedTuple):
    settlements: Sequence[Settlement]
    then: Callable[[], None]


class Outbox:
    """The queue of *store* as those who send it see it. Any thread may use it."""

    def __init__(self, store: Store, report: Report, clock: Clock) -> None:
        self.store = store
        self.report = report
        self.clock = clock
        self.trouble = Trouble(report, clock)
        self._late: list[_Late] = []
        self._lock = threading.Lock()

    @property
    def unsettled(self) -> int:
        """How many events were delivered, and that is not on record yet."""
        with self._lock:
            return sum(settled.delivered for late in self._late for settled in late.settlements)

    def settle(self, settlements: Sequence[Settlement], then: Callable[[], None]) -> None:
        """Put on record what became of events, and call *then*.

        Raises StateBusyError if that can't be just now: `catch_up` does it.
        """
        try:
            self.store.settle(settlements, self.now_ms())
        except StateBusyError:
            with self._lock:
                self._late.append(_Late(settlements, then))
            raise
        else:
            then()
        finally:
            self._report_buried(settlements)

    def catch_up(self) -> None:
        """Put on record what could not be put there when it was sent. Raises StateBusyError."""
        with self._lock:
            while self._late:
                self.store.settle(self._late[0].settlements, self.now_ms())
                self._late.pop(0).then()

    def now_ms(self) -> int:
        """Return the time of day, in milliseconds."""
        return int(self.clock.wall() * 1000)

    def _report_buried(self, settlements: Sequence[Settlement]) -> None:
        counts: Counter[str] = Counter()
        details: dict[str, str] = {}
        for queued, _, buried, _ in settlements:
            for letter in buried:
                counts[queued.source] += 1
                details.setdefault(queued.source, letter.detail)
        for source, count in counts.items():
            self.report("event.buried", source=source, count=count, why=details[source])
