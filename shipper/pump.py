"""The pump: from files to the queue.

Rule 1: batches, rejects, checkpoint and ledger of a chunk commit together (`Store.commit`), so a
        crash repeats work and never loses it.
Rule 2: a tailer advances only after its chunk is committed; a failed commit changes nothing, and
        the same bytes are read again.
Rule 3: a turn is bounded in bytes, so that stopping is quick and no file starves another.
Rule 4: a full queue pauses the pump: it stops reading, and the log files keep what waits. The
        sweep goes on, so that files which are rotated away meanwhile are held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shipper.errors import StateBusyError
from shipper.event.chunk import Recipe
from shipper.model import Clock, Report
from shipper.store.store import Store
from shipper.tail.fleet import Fleet
from shipper.tail.tailer import Changed, Chunk, Tailer
from shipper.turn import Turn, predecessor

# A file that grew within this many seconds is asked again at each turn, hint or no hint.
_HOT = 2.0
# A turn that read this many bytes is followed by the next one at once.
_MUCH = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much and how often the pump reads: seconds and bytes.

    `breath` follows a turn that read little: a busy writer's lines are gathered, not committed
    one by one.
    """

    sweep: float = 0.25
    nudged_sweep: float = 0.02
    breath: float = 0.01
    turn_bytes: int = 4 << 20
    queue_bytes: int = 10_000_000_000


class Lag(NamedTuple):
    """How far behind the reading was at the last sweep: files, and bytes of them.

    `unfinished` bytes stand in last lines without an end; they are no lag.
    """

    files: int = 0
    bytes: int = 0
    read: int = 0
    unfinished: int = 0


class Pump:
    """Reads files, makes events of them, queues them. One thread calls `turn`."""

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        recipes: Mapping[str, Recipe],
        report: Report,
        *,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._recipes = recipes
        self._report = report
        self._pace = pace
        self._clock = clock
        # Whose records are not all complete; after a start, whoever has some on record.
        self._holding: set[Tailer] = set()
        self._sweep_due = float("-inf")
        self._nudge_due = float("-inf")
        self._nudged = False
        self._paused = ""
        self.turned_at = clock.monotonic()
        self.caught_up = False
        self.lag = Lag()

    @property
    def paused(self) -> str:
        """Why nothing is read just now, or nothing."""
        return self._paused

    def nudge(self) -> None:
        """Note a hint: something happened to the files. Any thread may call it."""
        self._nudged = True

    def turn(self) -> float | None:
        """Read what there is, up to a bound.

        Returns after how many seconds to come again; None: at the next hint or sweep.
        """
        self.turned_at = self._clock.monotonic()
        try:
            swept = self._sweep(self.turned_at)
            if self._store.used_bytes() >= self._pace.queue_bytes:
                self._pause("the queue is full")
                return None
            size = self._read(self.turned_at, swept=swept)
        except StateBusyError as error:
            self._pause(error.message)
            return None
        self._resume()
        if size:
            return 0.0 if size >= _MUCH else self._pace.breath
        return self._pace.nudged_sweep if self._nudged else None

    def _read(self, now: float, *, swept: bool) -> int:
        """Read and commit; return the bytes."""
        self._fleet.poll(now, _HOT)
        ready = self._fleet.ready(now)
        chunks = self._chunks(ready, now)
        waiting = self._late(now)
        if chunks or waiting:
            self._commit(chunks, waiting, now)
        if swept or ready:
            settled = swept and not ready and not self._holding
            self.caught_up = settled and not self._fleet.crowded
        return sum(chunk.width for _, chunk in chunks)

    def _sweep(self, now: float) -> bool:
        if now < (self._nudge_due if self._nudged else self._sweep_due):
            return False
        self._nudged = False
        self._fleet.sweep(now)
        # Sweeping takes no more than a tenth of the time, however many files there are.
        took = self._clock.monotonic() - now
        self._sweep_due = now + max(self._pace.sweep, 10 * took)
        self._nudge_due = now + max(self._pace.nudged_sweep, 10 * took)
        tailers = self._fleet.tailers()
        self._holding |= {tailer for tailer in tailers if tailer.checkpoint.held.opens}
        size, unread = sum(t.size for t in tailers), sum(t.unread for t in tailers)
        unfinished = sum(t.partial for t in tailers)
        self.lag = Lag(len(tailers), size, size - unread, unfinished)
        return True

    def _chunks(self, ready: list[Tailer], now: float) -> list[tuple[Tailer, Chunk]]:
        """Read one chunk of each file that has something, within the bound of a turn."""
        chunks: list[tuple[Tailer, Chunk]] = []
        room = self._pace.turn_bytes
        for tailer in ready:
            if room <= 0:
                break
            if self._recipes[tailer.checkpoint.source].policy.rules and predecessor(tailer, ready):
                continue
            final = self._fleet.final(tailer, now)
            try:
                chunk = tailer.read(final=final)
            except OSError as error:
                self._fleet.trouble(tailer, error)
                continue
            if isinstance(chunk, Changed):
                self._fleet.changed(tailer, chunk, now)
            elif chunk is not None:
                chunks.append((tailer, chunk))
                room -= chunk.width
            elif final:
                self._fleet.retire(tailer)
        return chunks

    def _commit(self, chunks: list[tuple[Tailer, Chunk]], late: list[Tailer], now: float) -> None:
        """Commit what was read, and what was held for too long; then advance (rule 2)."""
        wall = self._clock.wall()
        turn = Turn(self._recipes, int(wall * 1_000_000))
        for tailer, chunk in chunks:
            turn.read(tailer, chunk, predecessor(tailer, self._holding))
        moved = set(turn.tailers)  # what these held went on with a line, here or in another file
        for tailer in late:
            if tailer not in moved:
                turn.flush(tailer)
        self._store.commit(turn.progress, int(wall * 1000))
        turn.advance(now)
        touched = self._holding.union(turn.tailers)
        self._holding = {tailer for tailer in touched if tailer.checkpoint.held.opens}

    def _late(self, now: float) -> list[Tailer]:
        """Return the tailers at the end of their file that have held lines for too long."""
        if not self._holding:
            return []
        alive = set(self._fleet.tailers())
        self._holding &= alive
        return [
            tailer
            for tailer in self._holding
            if not tailer.unread
            and now - max(tailer.served_at, tailer.grew_at)
            >= self._recipes[tailer.checkpoint.source].policy.flush_after
        ]

    def _pause(self, why: str) -> None:
        self.caught_up = False
        if self._paused != why:
            self._paused = why
            self._report("pump.paused", why=why)

    def _resume(self) -> None:
        if self._paused:
            self._report("pump.resumed", after=self._paused)
            self._paused = ""
