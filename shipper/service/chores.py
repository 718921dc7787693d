"""What the reading thread does now and then beside reading: notes for those who look, tidying up.

Rule 1: a chore that the state has no time for just now is done later; reading goes on.
Rule 2: a chore is short: what takes longer is done in steps, each a turn.
Rule 3: where the disk has no room for a commit, the write-ahead log is written back: that makes
        room, and else nobody does it before the next commit that succeeds.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from shipper.errors import StateBusyError
from shipper.model import Clock
from shipper.pump import Pump
from shipper.service.books import Books
from shipper.service.drops import Teller
from shipper.service.letters import Keeper
from shipper.service.notes import Notes
from shipper.store.store import Store
from shipper.tail.fleet import Fleet

_NOTE = 5.0
_TIDY = 3_600.0
_STEP = 0.02
_RETRY = 1.0


class Beside(NamedTuple):
    """Who is called at each note."""

    teller: Teller
    keeper: Keeper
    notes: Notes


class Chores:
    """Call `turn` after each turn of the pump."""

    def __init__(
        self, store: Store, books: Books, fleet: Fleet, pump: Pump, clock: Clock, beside: Beside
    ) -> None:
        self._store = store
        self._books = books
        self._fleet = fleet
        self._pump = pump
        self._clock = clock
        self._beside = beside
        self._note_due = self._tidy_due = self._step_due = float("-inf")
        self._retry_at = float("-inf")
        self._shrinks = False

    def turn(self) -> float | None:
        """Do what is due; return after how many seconds there is more to do, if there is.

        How fast it goes is noted, drops are told of, rows of files that are gone are summed up,
        and space that a backlog left behind is given back to the disk.
        """
        now = self._clock.monotonic()
        if now < self._retry_at:
            return None
        more, pressed = None, self._pump.pressed
        try:
            more = self._do(now)
        except StateBusyError:
            pressed = True
        if pressed:
            self._retry_at = now + _RETRY
            with suppress(StateBusyError):
                self._store.space.write_back(least=1)
        return more

    def close(self) -> None:
        """Do what must not wait for the next start."""
        with suppress(StateBusyError):
            self._beside.teller.tell(all_=True)
        with suppress(StateBusyError):
            self._beside.notes.close()

    def _do(self, now: float) -> float | None:
        if now >= self._note_due:
            self._note_due = now + _NOTE
            self._beside.notes.turn()
            self._beside.teller.tell()
            self._beside.keeper.turn()
            self._store.space.write_back()
            self._store.arrivals.admit()  # of a program that died; those that live see to theirs
            self._shrinks = True
        # Not before the first sweep is over: till then nobody knows which files are there.
        if now >= self._tidy_due and self._pump.swept:
            more = self._books.collect(self._fleet.rows())
            self._tidy_due = now + (0.0 if more else _TIDY)
        if self._shrinks and now >= self._step_due:
            self._step_due = now + _STEP
            self._shrinks = self._store.space.shrink()
            return _STEP if self._shrinks else None
        return None
