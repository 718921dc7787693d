"""What the reading thread does now and then beside reading: notes for those who look, tidying up.

Rule 1: a chore that the state has no time for just now is done later; reading goes on.
"""

from __future__ import annotations

from contextlib import suppress

from shipper.errors import StateBusyError
from shipper.model import Clock
from shipper.pump import Pump
from shipper.service.books import Books
from shipper.store.store import Store
from shipper.tail.fleet import Fleet

_NOTE = 5.0
_TIDY = 3_600.0


class Chores:
    """Call `turn` after each turn of the pump."""

    def __init__(self, store: Store, books: Books, fleet: Fleet, pump: Pump, clock: Clock) -> None:
        self._store = store
        self._books = books
        self._fleet = fleet
        self._pump = pump
        self._clock = clock
        self._note_due = self._tidy_due = float("-inf")

    def turn(self) -> None:
        """Do what is due: how fast it goes is noted, rows of files that are gone are summed up."""
        now = self._clock.monotonic()
        with suppress(StateBusyError):
            if now >= self._note_due:
                self._note_due = now + _NOTE
                lag = self._pump.lag
                at_ms = int(self._clock.wall() * 1000)
                self._store.note_pace(lag.speed, lag.unread, at_ms)
            # Not before the first sweep is over: till then nobody knows which files are there.
            if now >= self._tidy_due and self._pump.swept:
                more = self._books.collect(self._fleet.rows())
                self._tidy_due = now + (0.0 if more else _TIDY)
