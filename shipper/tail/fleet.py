"""The fleet: all tailers, and the sweep that makes them agree with the file system.

Rule 1: a file is read once, however many names, links and globs lead to it (see `survey`).
Rule 2: the sweep is the truth; hints only make it come sooner.
Rule 3: a file that left its path is read to its end, then watched for late writes for the grace
        time; only then is its last unfinished line taken and the file let go.
Rule 4: "could not look" changes nothing: a generation ends only if its file was looked for and
        was not there for the grace time, or was seen to be another.
Rule 5: a generation is on record before its first byte is read, and its end before it is let go:
        where the books can't be written just now, the sweep is taken up again later.
Rule 6: a file that was truncated or rewritten stays open, and is the next newcomer: nothing that
        is written into it meanwhile is lost, wherever it is renamed to.
Rule 7: no more files are open than the limit says. The longest quiet ones rest: they are closed,
        and opened again when their size or modification time has changed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Sequence
from heapq import nsmallest
from typing import Protocol

from shipper.formats.rotation import canonical_path
from shipper.model import Report
from shipper.tail.checkpoint import Checkpoint, Node, Sighting
from shipper.tail.glob import Found
from shipper.tail.identity import Verdict, heir, judge
from shipper.tail.newcomer import CompressedError, Newcomer, last_line_end
from shipper.tail.orphans import Orphans
from shipper.tail.survey import Look, Place, Source, look_of, recordable, survey
from shipper.tail.tailer import Changed, Limits, Tailer, closed_on_error, open_log
from shipper.tail.troubles import Troubles

__all__ = ["Books", "Fleet", "Source"]

_NO_MORE = (errno.EMFILE, errno.ENFILE)


class Books(Protocol):
    """Where generations are on record."""

    def checkpoints(self) -> list[Checkpoint]:
        """Return the open generations."""

    def known(self, node: Node) -> Checkpoint | None:
        """Return the generation that was last read from *node*, unless it is over for good."""

    def begin(self, sighting: Sighting) -> Checkpoint:
        """Put a new generation on record."""

    def finish(self, checkpoint: Checkpoint, lost_bytes: int) -> None:
        """Close the books on a generation that is over."""

    def first_start_of(self, source: str) -> bool:
        """Tell whether *source* is new, and remember it."""


class Fleet:
    """All files that are being read. One thread calls it."""

    def __init__(
        self,
        sources: Sequence[Source],
        books: Books,
        report: Report,
        *,
        limits: Limits,
        grace: float,
    ) -> None:
        """Take up the generations on record; *grace* is in seconds (rule 3)."""
        self._sources = sources
        self._books = books
        self._report = report
        self._limits = limits
        self._grace = grace
        self._tailers: dict[Node, Tailer] = {}
        self._newcomers: dict[Node, Newcomer] = {}
        self._resting: dict[Node, Look] = {}
        self._orphans = Orphans(books.checkpoints(), {s.name for s in sources}, grace)
        self._troubles = Troubles(report)
        self._from_end = {s.name for s in sources if books.first_start_of(s.name) and s.from_end}
        self._told_crowded = False
        self.crowded = False
        """Whether files had to wait at the last sweep, because no more can be open."""

    def close(self) -> None:
        """Let go of all files."""
        for holder in self._holders():
            holder.close()
        self._tailers.clear()
        self._newcomers.clear()

    def names(self, path: str) -> bool:
        """Tell whether some source names *path*."""
        return any(source.names(path) for source in self._sources)

    def tailers(self) -> Collection[Tailer]:
        """Return all tailers."""
        return self._tailers.values()

    def ready(self, now: float) -> list[Tailer]:
        """Return the tailers with something to read.

        Those of rotated files come first, and then those that were served longest ago.
        """
        ready = [t for t in self._tailers.values() if t.unread or self.final(t, now)]
        return sorted(ready, key=lambda t: (t.detached_at is None, t.served_at))

    def poll(self, now: float, hot: float) -> None:
        """Ask the files that grew within the last *hot* seconds whether they grew again."""
        for tailer in list(self._tailers.values()):
            if now - tailer.grew_at < hot and not tailer.unread:
                self._look(tailer, now)

    def final(self, tailer: Tailer, now: float) -> bool:
        """Tell whether the file of *tailer* is over, so that its last bytes count as a line."""
        if tailer.detached_at is None or tailer.unread:
            return False
        return now - max(tailer.detached_at, tailer.grew_at) >= self._grace

    def sweep(self, now: float) -> None:
        """Look at all files and make the tailers agree with them."""
        found = Found()
        places = survey(self._sources, found, self._unfit)
        self._troubles.forget(found.blind)
        for path, error in found.blind.items():
            self._troubles.note(path, error)
        here = [(node, self._own(node, names)) for node, names in places.items()]
        strangers = [place for node, place in here if not self._known(node, place, now)]
        self._miss(places.keys(), found.blind, now)
        for checkpoint, path in self._orphans.seek(places.keys(), now):
            self._rejoin(checkpoint, path, now)
        self._welcome_all(strangers, now)
        self._promote(now)
        for checkpoint, why in self._orphans.given_up(now):
            self._finish(checkpoint, f"file.{why}", checkpoint.unread(checkpoint.size))
        self._from_end.clear()

    def changed(self, tailer: Tailer, change: Changed, now: float) -> None:
        """Take note that the file of *tailer* turned out to be another: it is a newcomer now."""
        self._finish(tailer.checkpoint.ended(), f"file.{change.why}", change.lost_bytes)
        del self._tailers[tailer.node]
        waiting = Newcomer(tailer.release(), tailer.node, tailer.path, tailer.checkpoint.source)
        waiting.anew = True
        waiting.detached_at = None if tailer.detached_at is None else now
        self._newcomers[tailer.node] = waiting

    def retire(self, tailer: Tailer) -> None:
        """Let go of a file that is over and read to its end."""
        # While a file is held nobody else gets its inode; then the next best file may.
        last = tailer.checkpoint.ended() if tailer.deleted() else tailer.checkpoint
        self._finish(last, "file.finished", last.unread(tailer.size) + tailer.shrunk)
        self._drop(tailer)

    def trouble(self, tailer: Tailer, error: OSError) -> None:
        """Note that a file could not be read just now (rule 4)."""
        self._troubles.note(tailer.path, error)

    def _holders(self) -> list[Tailer | Newcomer]:
        return [*self._tailers.values(), *self._newcomers.values()]

    def _drop(self, holder: Tailer | Newcomer) -> None:
        (self._tailers if isinstance(holder, Tailer) else self._newcomers).pop(holder.node)
        holder.close()

    # What the sweep finds

    def _unfit(self, path: str) -> None:
        self._troubles.note(path, "its name is not UTF-8; rename it, or leave it out")

    def _own(self, node: Node, names: list[Place]) -> Place:
        """Choose among the names of one file: the one it is known by, else the first."""
        if len(names) == 1:
            return names[0]
        holder = self._tailers.get(node) or self._newcomers.get(node)
        return next((p for p in names if holder and p.path == holder.path), names[0])

    def _known(self, node: Node, place: Place, now: float) -> bool:
        """Bring whoever holds the file up to date; False if nobody does."""
        tailer = self._tailers.get(node)
        if tailer is None:
            return self._waits(node, place)
        tailer.detached_at = None
        if tailer.path != place.path:
            self._report("file.renamed", path=tailer.path, to=place.path)
            tailer.checkpoint = tailer.checkpoint.moved(place.path, node)
        self._look(tailer, now, place.status)
        return True

    def _waits(self, node: Node, place: Place) -> bool:
        if waiting := self._newcomers.get(node):
            waiting.path, waiting.detached_at = place.path, None
            return True
        return node in self._resting and self._resting[node] == look_of(place.status)

    def _look(self, tailer: Tailer, now: float, status: os.stat_result | None = None) -> None:
        try:
            change = tailer.saw(status, now) if status else tailer.look(now)
        except OSError as error:
            self.trouble(tailer, error)
            return
        if change:
            self.changed(tailer, change, now)

    def _miss(self, seen: Collection[Node], blind: Collection[str], now: float) -> None:
        """Note which files left their paths (rules 3 and 4)."""
        self._resting = {node: look for node, look in self._resting.items() if node in seen}
        for holder in self._holders():
            if holder.node in seen or _in_blind(holder.path, blind):
                continue
            if holder.detached_at is None:
                holder.detached_at = now
                self._report("file.rotated", path=holder.path)
            if isinstance(holder, Tailer):
                self._look(holder, now)

    def _rejoin(self, checkpoint: Checkpoint, path: str, now: float) -> None:
        """Read on in a file that was renamed, out of sight of the globs, while nobody looked."""
        try:
            fd, status = open_log(path)
            with closed_on_error(fd):
                node = Node.of(status.st_dev, status.st_ino)
                same = node == checkpoint.node and (
                    judge(checkpoint, fd, status.st_size) is Verdict.SAME
                )
                if same:
                    name = path if recordable(path) else checkpoint.path
                    self._resume(checkpoint.moved(name, node), fd, status, now).detached_at = now
                    return
        except OSError as error:
            self._troubles.note(path, error)  # rule 4
            return
        os.close(fd)
        self._orphans.miss(checkpoint, now)

    # Files that no tailer reads

    def _welcome_all(self, strangers: list[Place], now: float) -> None:
        """Take in the files that nobody holds: the oldest first, so that ids repeat (rule 7)."""
        if len(strangers) > self._room():
            self._rest(len(strangers) - self._room())
        room = max(0, self._room())
        strangers.sort(key=lambda place: (place.status.st_mtime_ns, place.path))
        # The first that can't be opened for want of descriptors ends it.
        welcomed = all(self._welcome(place, now) for place in strangers[:room])
        self.crowded = not welcomed or len(strangers) > room
        if self.crowded and not self._told_crowded:
            self._told_crowded = True  # once: with too many files it comes and goes all the time
            self._report("files.crowded", open=len(self._holders()), limit=self._limits.open_files)

    def _room(self) -> int:
        return self._limits.open_files - len(self._tailers) - len(self._newcomers)

    def _rest(self, count: int) -> None:
        """Close the *count* files that have been quiet the longest (rule 7)."""
        idle = [holder for holder in self._holders() if holder.idle]
        for holder in nsmallest(count, idle, key=lambda h: h.grew_at):
            if isinstance(holder, Tailer):
                self._orphans.add(holder.checkpoint)
            self._resting[holder.node] = holder.seen
            self._drop(holder)

    def _welcome(self, place: Place, now: float) -> bool:
        """Open a file and find out which generation it is. False: no more files can be opened."""
        try:
            fd, status = open_log(place.path)
            with closed_on_error(fd):
                self._take_in(place, fd, status, now)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                return False
            self._troubles.note(place.path, error)
        else:
            self._troubles.ended(place.path)
        return True

    def _take_in(self, place: Place, fd: int, status: os.stat_result, now: float) -> None:
        node = Node.of(status.st_dev, status.st_ino)
        if node in self._tailers or node in self._newcomers:
            os.close(fd)  # the name has changed hands since the sweep looked
            return
        known = self._recognise(place, node, fd, status.st_size, now)
        if known is not None:
            self._resume(known.moved(place.path, node, place.source), fd, status, now)
        else:
            start = last_line_end(fd, status.st_size) if place.source in self._from_end else 0
            self._newcomers[node] = Newcomer(fd, node, place.path, place.source, start)
        self._resting.pop(node, None)

    def _recognise(
        self, place: Place, node: Node, fd: int, size: int, now: float
    ) -> Checkpoint | None:
        """Return the generation that was read from *node* before, if the file still is that."""
        known = self._books.known(node)
        if known is None:
            return None
        verdict = judge(known, fd, size)
        if verdict is Verdict.SAME and not self._reads(known):
            return known
        if known.path == place.path:
            self._orphans.oust(known, verdict.value)
        else:
            self._orphans.miss(known, now)  # another file has its inode now
        return None

    def _reads(self, known: Checkpoint) -> bool:
        """Tell whether *known* is read from another inode, of which the books don't know yet."""
        return known not in self._orphans and any(
            tailer.checkpoint.row == known.row for tailer in self._tailers.values()
        )

    def _ancestor(self, waiting: Newcomer) -> Checkpoint | None:
        """Return the generation of a vanished file whose content the newcomer repeats."""
        if waiting.anew:
            return None
        fd, canonical = waiting.fd, canonical_path(waiting.path)
        size = os.fstat(fd).st_size
        if known := heir(self._orphans.heirless(), canonical, fd, size):
            return known
        for tailer in self._tailers.values():
            if tailer.detached_at is None or tailer.checkpoint.canonical != canonical:
                continue
            if tailer.deleted() and tailer.continued_in(fd, size):
                self._orphans.add(tailer.checkpoint)
                self._drop(tailer)
                return tailer.checkpoint
        return None

    def _resume(
        self, checkpoint: Checkpoint, fd: int, status: os.stat_result, now: float
    ) -> Tailer:
        tailer = Tailer(fd, checkpoint, self._limits)
        tailer.saw(status, now)
        self._orphans.remove(checkpoint)
        self._tailers[checkpoint.node] = tailer
        c = checkpoint
        self._report(
            "file.opened", path=c.path, source=c.source, offset=c.offset, size=status.st_size
        )
        return tailer

    def _promote(self, now: float) -> None:
        """Make tailers of the newcomers whose first line is complete, or will never be."""
        for waiting in list(self._newcomers.values()):
            left = waiting.detached_at
            over = left is not None and now - left >= self._grace
            try:
                sighting = waiting.sighting(final=over)
                ancestor = self._ancestor(waiting) if sighting else None
                status = os.fstat(waiting.fd)
            except OSError as error:
                self._troubles.note(waiting.path, error)
            except CompressedError:
                self._troubles.note(waiting.path, "is compressed; only plain text is read")
                self._resting[waiting.node] = waiting.seen
                self._drop(waiting)
            else:
                if sighting is not None:
                    checkpoint = ancestor or self._books.begin(sighting)
                    place = (waiting.path, waiting.node, waiting.source)
                    del self._newcomers[waiting.node]
                    tailer = self._resume(checkpoint.moved(*place), waiting.fd, status, now)
                    tailer.detached_at = left
                elif over:
                    self._drop(waiting)

    def _finish(self, checkpoint: Checkpoint, event: str, lost_bytes: int) -> None:
        """Close the books: what was seen but not read is lost, and said so."""
        self._books.finish(checkpoint, lost_bytes)
        self._orphans.remove(checkpoint)
        c = checkpoint
        self._report(event, path=c.path, offset=c.offset, lost_bytes=lost_bytes)


def _in_blind(path: str, blind: Collection[str]) -> bool:
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in blind)
