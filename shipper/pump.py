"""The pump: from files to the queue.

Rule 1: batches, rejects, checkpoint and ledger of a chunk commit together (`Store.commit`), so a
        crash repeats work and never loses it.
Rule 2: a tailer advances only after its chunk is committed; a failed commit changes nothing, and
        the same bytes are read again.
Rule 3: a turn is bounded in bytes, so that stopping is quick and no file starves another.
Rule 4: a full queue pauses the pump: it stops reading, and the log files keep what waits. The
        sweep goes on, so that files which are rotated away meanwhile are held. By other policies
        events are dropped, and told of (see `room`).
Rule 5: what is new comes first: files with old content get what a turn has left, at no more than
        their rate (see `lanes`).
Rule 6: sweeps come soon after a sweep that found something, and less and less often after those
        that did not; together they take no more than a small part of the time.
Rule 7: the more files are busy, the longer the pump rests between turns: asking a file, and
        committing what it has, costs more than a few lines do, so lines are gathered.
Rule 8: where the state can't be written just now, a second passes before it is tried again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shipper.errors import StateBusyError
from shipper.event.piece import Parser
from shipper.lanes import Allowance, Speed
from shipper.model import Clock, Ledger, Report
from shipper.room import Limits, Room
from shipper.store.store import Store
from shipper.tail.chunk import Changed, Chunk
from shipper.tail.fleet import Fleet, Source
from shipper.tail.tailer import Tailer
from shipper.turn import Turn, predecessor

# A file that grew within this many seconds is hot: it is asked again and again, hint or no hint.
_HOT = 2.0
# A turn that read this many bytes is followed by the next one at once.
_MUCH = 64 * 1024
# What the pump rests for each file that it read, and for each that it asked; at the longest.
_PER_READ, _PER_ASKED, _LONGEST_REST = 0.0005, 0.00003, 0.5
# Where a turn reads this many bytes of each file, lines are gathered enough (rule 7).
_GATHERED = 4096
# Sweeps take this part of the time at most: quiet ones, those that hints ask for, and quiet ones
# where nothing else tells of new lines.
_QUIET, _NUDGED, _DEAF = 0.01, 0.1, 0.05
_RETRY = 1.0

BUSY = "state_unavailable"
"""A reason for which reading pauses: the state can't be written just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace(Limits):
    """How much and how often the pump reads: seconds and bytes.

    Sweeps are between `brisk_sweep` and `sweep` apart, or `nudged_sweep` after a hint. `breath`
    follows a turn that read little: a busy writer's lines are gathered, not committed one by one;
    of many files it is longer.
    `poll` is how often hot files are asked. `backfill` limits the bytes a second of old content.
    """

    sweep: float = 2.0
    brisk_sweep: float = 0.1
    nudged_sweep: float = 0.02
    breath: float = 0.01
    poll: float = 0.02
    turn_bytes: int = 4 << 20
    backfill: int | None = None


class Lag(NamedTuple):
    """How far behind the reading is: files and bytes of them at the last sweep, and what was read.

    `unfinished` bytes stand in last lines without an end; they are no lag, and taken for read.
    `speed` is how many bytes a second were read of late.
    """

    files: int = 0
    bytes: int = 0
    read: int = 0
    unfinished: int = 0
    speed: float = 0.0

    @property
    def unread(self) -> int:
        """How many bytes wait to be read."""
        return self.bytes - self.read

    @property
    def eta(self) -> float | None:
        """In how many seconds it will all be read at this speed; None: nobody knows."""
        return self.unread / self.speed if self.speed >= 1 else None if self.unread else 0.0


class _Read(NamedTuple):
    """What a turn read: bytes, whether there is `more` at once, and how long to rest (rule 7)."""

    size: int
    more: bool
    rest: float


class Pump:
    """Reads files, makes events of them, queues them. One thread calls `turn`."""

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        parser: Parser,
        report: Report,
        *,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._parser = parser
        self._report = report
        self._pace = pace
        self._clock = clock
        # Whose records are not all complete; after a start, whoever has some on record.
        self._holding: set[Tailer] = set()
        self._sweep_due = self._nudge_due = float("-inf")
        self._interval = 0.0
        self._nudged = False
        self._hints: deque[str] = deque()
        self._allowance = Allowance(pace.backfill)
        self._speed = Speed()
        self._room = Room(store)
        self._paused = self.pause_reason = ""
        self._reasons: set[str] = set()  # that were told since reading paused
        self._retry_at = float("-inf")
        self.turned_at = clock.monotonic()
        self.caught_up = False
        self.done = False  # caught up, no stream will bring more, and no file may turn out to
        self.swept = False
        self.commits = 0
        self.lag = Lag()
        self.books = Ledger()  # of what was committed since this pump began
        # Whether hints tell of new lines in all files, so that sweeps need not.
        self.hinted = False

    @property
    def paused(self) -> str:
        """Why nothing is read just now, or nothing."""
        return self._paused

    @property
    def pressed(self) -> bool:
        """Whether the state could not be written at the last try, or the disk is nearly full."""
        return self._retry_at > self.turned_at or self._room.short

    @property
    def hot(self) -> bool:
        """Whether some file is busy."""
        return self._fleet.hot(self.turned_at, _HOT)

    @property
    def idle(self) -> float:
        """In how many seconds the next sweep is due."""
        return max(0.0, self._sweep_due - self._clock.monotonic())

    def nudge(self, path: str | None = None) -> None:
        """Note a hint: the file at *path* grew, or something happened. Any thread may call it."""
        if path is None:
            self._nudged = True
        else:
            self._hints.append(path)

    def turn(self) -> float | None:
        """Read what there is, up to a bound.

        Returns after how many seconds to come again; None: at the next hint or sweep.
        """
        self.turned_at = now = self._clock.monotonic()
        if now < self._retry_at:
            return self._retry_at - now
        try:
            swept = self._sweep(now)
            room = self._room.ask(self._pace, int(self._clock.wall() * 1000))
            if room.pause:
                self._pause(room.pause, room.reason)
                return None
            read = self._read(now, swept=swept, drop=room.drop)
        except StateBusyError as error:
            self._pause(error.message, BUSY)
            self._retry_at = now + _RETRY
            return _RETRY
        self._resume()
        if read.size:
            return 0.0 if read.size >= _MUCH and read.more else max(self._pace.breath, read.rest)
        if self._nudged:
            return self._pace.nudged_sweep
        return max(self._pace.poll, read.rest) if self.hot else None

    def drain(self, kept: Sequence[Source] = ()) -> None:
        """Commit what was taken out of streams, as reading ends; those of *kept* sources go on.

        It can't be read again, so it goes into the queue even if that is full.
        """
        streams, now = self._fleet.streams, self._clock.monotonic()
        try:
            streams.cut_off(now, kept)
            while cut := streams.cut():
                chunks = [(t, chunk) for t in cut if (chunk := self._chunk(t, now))]
                if chunks:
                    self._commit(chunks, [], now)
        except StateBusyError as error:
            self._pause(error.message, BUSY)

    def _read(self, now: float, *, swept: bool, drop: str = "") -> _Read:
        """Read and commit."""
        self._heed(now)
        asked = self._fleet.poll(now, _HOT)
        ready = self._fleet.ready(now)
        chunks = self._chunks(ready, now)
        waiting = self._late(now)
        if chunks or waiting:
            self._commit(chunks, waiting, now, drop=drop)
        if swept or ready:
            settled = swept and not ready and not self._holding
            self.caught_up = settled and not self._fleet.crowded
        more = self._fleet.streams.flowing or self._fleet.in_doubt
        self.done = self.caught_up and not more
        size = sum(chunk.width for _, chunk in chunks)
        self._speed.add(size)
        if size:
            unread = self._unread()
            there = max(self.lag.bytes, unread)  # files grow, and come, between two sweeps
            self.lag = self.lag._replace(bytes=there, read=there - unread)
        more = size >= _GATHERED * len(chunks) or any(tailer.ready for tailer in ready)
        return _Read(size, more, min(_PER_READ * len(chunks) + _PER_ASKED * asked, _LONGEST_REST))

    def _heed(self, now: float) -> None:
        """Look at the files that hints name."""
        hints = {self._hints.popleft() for _ in range(len(self._hints))}
        for path in hints:
            if not self._fleet.hint(path, now):
                self._nudged = True

    def _sweep(self, now: float) -> bool:
        if now < (self._nudge_due if self._nudged else self._sweep_due):
            return False
        self._nudged = False
        self._fleet.look(now)
        self._schedule(now, self._clock.monotonic() - now)
        self._fleet.take_up(now)
        self.swept = True
        held = {t for t in self._fleet.arrivals() if t.checkpoint.held.opens}
        self._holding |= held
        self.lag = self._measure(now)
        return True

    def _schedule(self, now: float, took: float) -> None:
        """Say when the next sweep is due, after a look that took *took* seconds (rule 6)."""
        pace = self._pace
        if self._fleet.stirred or not self.caught_up:
            self._interval = pace.brisk_sweep
        else:
            self._interval = min(2 * self._interval, pace.sweep)
        share = _QUIET if self.hinted else _DEAF
        self._sweep_due = now + max(min(self._interval, pace.sweep), took / share)
        self._nudge_due = now + max(pace.nudged_sweep, took / _NUDGED)

    def _measure(self, now: float) -> Lag:
        tailers = self._fleet.tailers()
        size = unfinished = 0
        for tailer in tailers:  # in one loop, and nothing but attributes: there may be many
            size += tailer.size
            unfinished += tailer.partial
        return Lag(len(tailers), size, size - self._unread(), unfinished, self._speed.at(now))

    def _unread(self) -> int:
        return sum(tailer.unread for tailer in self._fleet.awake())

    def _chunks(self, ready: list[Tailer], now: float) -> list[tuple[Tailer, Chunk]]:
        """Read one chunk of each file that has something, within the bounds of a turn (rule 5)."""
        room = self._pace.turn_bytes
        free = [tailer for tailer in ready if self._may_begin(tailer, ready)]
        chunks = self._lane([tailer for tailer in free if not tailer.old], room, now)
        room = (room if not chunks else room // 4) - sum(chunk.width for _, chunk in chunks)
        old = self._lane(
            [tailer for tailer in free if tailer.old], min(room, self._allowance.left(now)), now
        )
        self._allowance.spend(sum(chunk.width for _, chunk in old))
        return chunks + old

    def _may_begin(self, tailer: Tailer, ready: list[Tailer]) -> bool:
        """Tell whether no rotated file has to be read before (see `turn`, rule 2)."""
        rules = self._parser.recipes[tailer.checkpoint.source].policy.rules
        return rules is None or predecessor(tailer, ready) is None

    def _lane(self, tailers: list[Tailer], room: float, now: float) -> list[tuple[Tailer, Chunk]]:
        chunks: list[tuple[Tailer, Chunk]] = []
        for tailer in tailers:
            if room <= 0:
                break
            chunk = self._chunk(tailer, now)
            if chunk is not None:
                chunks.append((tailer, chunk))
                room -= chunk.width
        return chunks

    def _chunk(self, tailer: Tailer, now: float) -> Chunk | None:
        """Read a chunk; whatever else shows is taken note of."""
        final = self._fleet.final(tailer, now)
        try:
            chunk = tailer.read(final=final, early=tailer.overdue(now))
        except OSError as error:
            self._fleet.trouble(tailer, error)
            return None
        if isinstance(chunk, Changed):
            self._fleet.changed(tailer, chunk, now)
            return None
        if chunk is None and final:
            self._fleet.retire(tailer)
        return chunk

    def _commit(
        self, chunks: list[tuple[Tailer, Chunk]], late: list[Tailer], now: float, drop: str = ""
    ) -> None:
        """Commit what was read, and what was held for too long; then advance (rule 2).

        Events are dropped for the cause *drop*, if there is one.
        """
        wall = self._clock.wall()
        turn = Turn(self._parser, int(wall * 1_000_000))
        for tailer, chunk in chunks:
            turn.read(tailer, chunk, predecessor(tailer, self._holding))
        moved = set(turn.tailers)  # what these held went on with a line, here or in another file
        for tailer in late:
            if tailer not in moved:
                turn.flush(tailer)
        at_ms = int(wall * 1000)
        self._store.commit(turn.progress, at_ms, durable=turn.perishable, drop=drop)
        turn.advance(now)
        self.commits += 1
        self.books = self.books.plus(*(parse.ledger for _, parse, _ in turn.progress))
        touched = self._holding.union(turn.tailers)
        self._holding = {tailer for tailer in touched if tailer.checkpoint.held.opens}

    def _late(self, now: float) -> list[Tailer]:
        """Return the tailers at the end of their file that have held lines for too long."""
        if not self._holding:
            return []
        self._holding = {tailer for tailer in self._holding if self._fleet.reads(tailer)}
        return [
            tailer
            for tailer in self._holding
            if not tailer.unread
            and now - max(tailer.opened_at, tailer.served_at, tailer.grew_at)
            >= self._parser.recipes[tailer.checkpoint.source].policy.flush_after
        ]

    def _pause(self, why: str, reason: str) -> None:
        self.caught_up = self.done = False
        self._paused, self.pause_reason = why, reason
        if why not in self._reasons:  # one pause may have several, in turns
            self._reasons.add(why)
            self._report("pump.paused", why=why)

    def _resume(self) -> None:
        if self._paused:
            self._report("pump.resumed", after=self._paused)
            self._paused = self.pause_reason = ""
            self._reasons.clear()
