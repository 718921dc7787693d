"""Spool directories: files of events that PHP's File emitter, or anybody, left to be sent.

A line is one event: a flat JSON object of strings, as trackers send in the `data` of a POST.

Rule 1: a file is taken by one rename, into a directory of our own beside it: of two who want it,
        PHP's own workers or another shipper, one gets it.
Rule 2: it is taken when nothing was done to it for a time, since PHP copies into place. Whatever is
        written into it later is taken, too: it is deleted when it is quiet and all is read.
Rule 3: events, bad lines and how far it was read commit together; the file is deleted after that.
        So no line is lost, and none is queued twice.
Rule 4: a line that is no event is a dead letter, with the reasons, and the rest goes on.
Rule 5: a full queue takes nothing: the files are the buffer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple
from uuid import uuid4

import orjson

from shipper.errors import StateBusyError
from shipper.event.batch import pack
from shipper.model import Clock, Report
from shipper.protocol.selfdescribing import kind
from shipper.receiver.intake import SOURCE
from shipper.receiver.payloads import NOBODY, InvalidEventsError, stored
from shipper.room import Limits, Room
from shipper.serving.wire import MAX_BODY_BYTES
from shipper.store.received import BadLine, Harvest
from shipper.store.store import Store

OWN: Final = ".shipper"
"""The directory in a spool that holds what was taken."""

# What is looked for, and for how many seconds nothing may have been done to it. What a PHP worker
# has in hand is sent within seconds: an hour later that worker is dead.
PLACES: Final = (
    ("w*/events-*.log", 2.0),
    ("w*/consuming-*.log", 3_600.0),
    ("failed-logs/*.log", 2.0),
    ("*.ndjson", 2.0),
)
_QUIET: Final = 2.0
# So much of a file is taken in one transaction.
_STEP: Final = 1 << 20


class _Line(NamedTuple):
    offset: int
    raw: bytes
    whole: bool


class Spool:
    """Takes what lies in *directories*. One thread calls `turn`."""

    def __init__(
        self,
        directories: Sequence[Path],
        store: Store,
        report: Report,
        limits: Limits,
        max_bytes: int,
        clock: Clock,
    ) -> None:
        self._directories = directories
        self._store = store
        self._report = report
        self._limits = limits
        self._max_bytes = max_bytes
        self._clock = clock
        self._room = Room(store)
        self._troubles: dict[Path, str] = {}
        self._swept = False

    def turn(self) -> float | None:
        """Take a step of one file; return 0 if there may be more to do just now."""
        try:
            if not self._swept:
                self._sweep_marks()
            now_ms = int(self._clock.wall() * 1000)
            room = self._room.ask(self._limits, now_ms)
            if room.pause or room.drop:
                return None
            return 0.0 if any(self._try(directory) for directory in self._directories) else None
        except StateBusyError:
            return None

    def _sweep_marks(self) -> None:
        """Forget the marks of files that were deleted just before a crash."""
        if not all(each.is_dir() for each in self._directories):
            return  # not mounted yet, perhaps
        there = {path.name for each in self._directories for path in _entries(each / OWN)}
        marked = self._store.received.marked()
        self._store.received.forget(name for name in marked if name not in there)
        self._swept = True

    def _try(self, directory: Path) -> bool:
        """Take a step in *directory*; tell whether there was something to do."""
        try:
            worked = self._step(directory)
        except OSError as error:
            why = error.strerror or str(error)
            if self._troubles.get(directory) != why:
                self._troubles[directory] = why
                remedy = "give this user read and write access to it and what is in it"
                where = error.filename or directory
                self._report("spool.unreadable", path=where, why=why, remedy=remedy)
            return False
        if self._troubles.pop(directory, None):
            self._report("spool.readable", path=directory)
        return worked

    def _step(self, directory: Path) -> bool:
        self._claim(directory)
        worked = [self._work(claimed) for claimed in sorted(_entries(directory / OWN))]
        return any(worked)

    def _claim(self, directory: Path) -> None:
        directory.stat()
        own = directory / OWN
        for pattern, quiet in PLACES:
            for path in sorted(directory.glob(pattern)):
                if not path.is_symlink() and path.is_file() and self._is_quiet(path, quiet):
                    own.mkdir(mode=0o700, exist_ok=True)
                    self._rename(path, own / f"{uuid4().hex}-{path.name}")

    def _rename(self, path: Path, claimed: Path) -> None:
        try:
            path.rename(claimed)
        except FileNotFoundError:
            return  # another was quicker (rule 1)
        self._report("spool.claimed", path=path, name=claimed.name)

    def _is_quiet(self, path: Path, seconds: float) -> bool:
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        # A clock that was set back makes files of the future: those wait no longer than others.
        age = self._clock.wall() - max(status.st_mtime, status.st_ctime)
        return age >= seconds or age < -seconds

    def _work(self, claimed: Path) -> bool:
        """Take the next step of a file that is ours; tell whether something was done."""
        offset = self._store.received.taken(claimed.name)
        quiet = self._is_quiet(claimed, _QUIET)
        with claimed.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            lines = list(_lines(file, offset, final=quiet))
        if lines:
            self._take(claimed, lines)
            return True
        if offset >= size and quiet:
            claimed.unlink()
            self._store.received.forget([claimed.name])
            self._report("spool.taken", name=claimed.name, bytes=size)
            return True
        return False

    def _take(self, claimed: Path, lines: Sequence[_Line]) -> None:
        events: list[bytes] = []
        bad: list[BadLine] = []
        for line in lines:
            try:
                events += self._events(line)
            except InvalidEventsError as error:
                bad.append(BadLine(str(claimed), line.offset, line.raw, str(error)))
        last = lines[-1]
        end = last.offset + len(last.raw)
        batches = list(pack(events, self._max_bytes))
        harvest = Harvest(claimed.name, end, batches, bad)
        self._store.received.take_spooled(SOURCE, harvest, int(self._clock.wall() * 1000))

    def _events(self, line: _Line) -> list[bytes]:
        """Return the event of *line*, or none of a blank one. Raises InvalidEventsError."""
        if not line.raw.strip():
            return []
        if not line.whole:
            raise InvalidEventsError([f"the line has more than {MAX_BODY_BYTES:,} bytes"])
        try:
            event = orjson.loads(line.raw)
        except orjson.JSONDecodeError as error:
            raise InvalidEventsError([f"the line is not JSON: {error}"]) from error
        if not isinstance(event, dict):
            raise InvalidEventsError([f"the line must be an object, not {kind(event)}"])
        return stored([event], NOBODY, self._max_bytes)


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []


def _lines(file: BinaryIO, offset: int, *, final: bool) -> Iterator[_Line]:
    """Yield the lines from *offset* on, for one step; one without an end only if it is *final*.

    A line that is too long comes in pieces, none of them whole.
    """
    file.seek(max(0, offset - 1))
    begin, broken = offset, offset > 0 and file.read(1) != b"\n"
    while begin - offset < _STEP:
        raw = file.readline(MAX_BODY_BYTES)
        ends = raw.endswith(b"\n")
        if not raw or not (ends or final or len(raw) == MAX_BODY_BYTES):
            return
        too_long = not ends and len(raw) == MAX_BODY_BYTES
        yield _Line(begin, raw, not (broken or too_long))
        broken = too_long
        begin += len(raw)
