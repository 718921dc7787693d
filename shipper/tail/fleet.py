"""The fleet: all tailers, and the sweep that makes them agree with the file system.

Rule 1: a file belongs to the first source that names it, and is read once, however many names,
        links and globs lead to it: the node decides.
Rule 2: the sweep is the truth; hints only make it come sooner.
Rule 3: a file that left its path is read to its end, then watched for late writes for the grace
        time; only then is its last unfinished line taken and the file let go.
Rule 4: "could not look" changes nothing: a generation ends only if its file was looked for in
        its directory and was not there, or was seen to be another.
Rule 5: a generation is on record before its first byte is read (`Books.begin`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from shipper.formats.rotation import canonical_path
from shipper.model import Report
from shipper.tail.checkpoint import Checkpoint, Node, Sighting
from shipper.tail.glob import Exclude, Found, Glob
from shipper.tail.identity import Verdict, heir, judge
from shipper.tail.newcomer import CompressedError, Newcomer
from shipper.tail.tailer import Changed, Limits, Tailer, open_log


class Books(Protocol):
    """Where generations are on record."""

    def checkpoints(self) -> list[Checkpoint]:
        """Return the open generations."""

    def known(self, node: Node) -> list[Checkpoint]:
        """Return all generations ever read from *node*, the newest first."""

    def begin(self, sighting: Sighting) -> Checkpoint:
        """Put a new generation on record."""

    def finish(self, checkpoint: Checkpoint, lost_bytes: int) -> None:
        """Close the books on a generation that is over."""

    def first_start_of(self, source: str) -> bool:
        """Tell whether *source* is new, and remember it."""


class Source(NamedTuple):
    """Which files a source reads; `from_end` skips what stands in them at the very first start."""

    name: str
    globs: tuple[Glob, ...]
    exclude: Exclude
    from_end: bool = False


class Place(NamedTuple):
    """A file as the sweep found it."""

    source: str
    path: str
    status: os.stat_result


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
        self._orphans = {c.row: c for c in books.checkpoints()}
        self._troubles: dict[str, str] = {}
        self._from_end = {s.name for s in sources if books.first_start_of(s.name) and s.from_end}

    def close(self) -> None:
        """Let go of all files."""
        for holder in self._holders():
            holder.close()
        self._tailers.clear()
        self._newcomers.clear()

    def names(self, path: str) -> bool:
        """Tell whether some source names *path*."""
        return any(
            glob.matches(path) and not source.exclude.matches(path)
            for source in self._sources
            for glob in source.globs
        )

    def tailers(self) -> Collection[Tailer]:
        """Return all tailers."""
        return self._tailers.values()

    def ready(self, now: float) -> list[Tailer]:
        """Return the tailers with something to read; those of rotated files come first."""
        ready = [t for t in self._tailers.values() if t.unread or self._over(t, now)]
        return sorted(ready, key=lambda t: t.detached_at is None)

    def poll(self, now: float, hot: float) -> None:
        """Ask the files that grew within the last *hot* seconds whether they grew again."""
        for tailer in self._tailers.values():
            if now - tailer.grew_at < hot and not tailer.unread:
                self._look(tailer, now)

    def final(self, tailer: Tailer, now: float) -> bool:
        """Tell whether the file of *tailer* is over, so that its last bytes count as a line."""
        return self._over(tailer, now)

    def sweep(self, now: float) -> None:
        """Look at all files and make the tailers agree with them."""
        found = Found()
        places = self._places(found)
        self._tell_troubles(found.blind)
        strangers = []
        for node, here in places.items():
            place = self._own(node, here)
            if not self._known(node, place, now):
                strangers.append(place)
        self._miss(places.keys(), found.blind, now)
        gone = self._seek_orphans(places.keys(), now)
        for place in strangers:
            self._welcome(place, gone, now)
        for checkpoint in gone.values():
            self._finish(checkpoint, "file.gone", checkpoint.size)
        self._promote(now)
        self._from_end.clear()

    def changed(self, tailer: Tailer, change: Changed) -> None:
        """Take note that the file of *tailer* turned out to be another: it is looked at anew."""
        self._end(tailer, f"file.{change.why}")

    def retire(self, tailer: Tailer) -> None:
        """Let go of a file that is over and read to its end."""
        self._end(tailer, "file.finished")

    def _holders(self) -> list[Tailer | Newcomer]:
        return [*self._tailers.values(), *self._newcomers.values()]

    def trouble(self, tailer: Tailer, error: OSError) -> None:
        """Note that a file could not be read just now (rule 4)."""
        self._trouble(tailer.path, error)

    # What the sweep finds

    def _places(self, found: Found) -> dict[Node, list[Place]]:
        places: dict[Node, list[Place]] = {}
        taken: set[str] = set()
        for source in self._sources:
            mine = Found(blind=found.blind)
            for glob in source.globs:
                glob.find(mine)
            for path, status in mine.files.items():
                if path not in taken and not source.exclude.matches(path):
                    taken.add(path)
                    node = Node.of(status.st_dev, status.st_ino)
                    places.setdefault(node, []).append(Place(source.name, path, status))
        return places

    def _own(self, node: Node, here: list[Place]) -> Place:
        """Choose among the names of one file: the one it is known by, else the first."""
        holder = self._tailers.get(node) or self._newcomers.get(node)
        return next((p for p in here if holder and p.path == holder.path), here[0])

    def _known(self, node: Node, place: Place, now: float) -> bool:
        if waiting := self._newcomers.get(node):
            waiting.path, waiting.detached_at = place.path, None
            return True
        tailer = self._tailers.get(node)
        if tailer is None:
            return False
        if place.status.st_size < tailer.checkpoint.offset:
            self._end(tailer, "file.truncated")
            return False
        tailer.saw(place.status.st_size, now)
        tailer.detached_at = None
        if tailer.path != place.path:
            self._report("file.renamed", path=tailer.path, to=place.path)
            tailer.checkpoint = tailer.checkpoint.moved(place.path, node)
        return True

    def _miss(self, seen: Collection[Node], blind: Collection[str], now: float) -> None:
        """Note which files left their paths (rules 3 and 4)."""
        for holder in self._holders():
            if holder.node in seen or _in_blind(holder.path, blind):
                continue
            if holder.detached_at is None:
                holder.detached_at = now
                self._report("file.rotated", path=holder.path)
            if isinstance(holder, Tailer):
                self._look(holder, now)

    def _look(self, tailer: Tailer, now: float) -> None:
        try:
            tailer.look(now)
        except OSError as error:
            self.trouble(tailer, error)
        else:
            if tailer.size < tailer.checkpoint.offset:
                self._end(tailer, "file.truncated")

    def _over(self, tailer: Tailer, now: float) -> bool:
        if tailer.detached_at is None or tailer.unread:
            return False
        return now - max(tailer.detached_at, tailer.grew_at) >= self._grace

    # Generations on record whose files have no tailer yet

    def _seek_orphans(self, seen: Collection[Node], now: float) -> dict[int, Checkpoint]:
        """Look for the files of orphans under other names; return those that are really gone."""
        gone: dict[int, Checkpoint] = {}
        folders: dict[str, dict[int, str] | None] = {}
        for checkpoint in list(self._orphans.values()):
            if checkpoint.node in seen:
                continue
            folder = os.path.dirname(checkpoint.path)  # noqa: PTH120  # a str, as everywhere here
            if folder not in folders:
                folders[folder] = _inodes(folder)
            names = folders[folder]
            if names is None:
                continue  # rule 4
            moved_to = names.get(checkpoint.node.inode)
            if moved_to is None or not self._rejoin(checkpoint, moved_to, now):
                gone[checkpoint.row] = checkpoint
        return gone

    def _rejoin(self, checkpoint: Checkpoint, path: str, now: float) -> bool:
        """Read on in a file that was renamed, out of sight of the globs, while nobody looked."""
        try:
            fd, node, size = open_log(path)
        except OSError as error:
            self._trouble(path, error)
            return True  # rule 4
        if node != checkpoint.node or judge(checkpoint, fd, size) is not Verdict.SAME:
            os.close(fd)
            return False
        tailer = self._resume(checkpoint.moved(path, node), fd, size, now)
        tailer.detached_at = now
        return True

    def _welcome(self, place: Place, gone: dict[int, Checkpoint], now: float) -> None:
        """Open a file that no tailer reads, and find out which generation it is."""
        try:
            fd, node, size = open_log(place.path)
        except FileNotFoundError:
            return
        except OSError as error:
            self._trouble(place.path, error)
            return
        if node in self._tailers or node in self._newcomers:
            os.close(fd)  # the name has changed hands since the sweep looked
            return
        self._troubles.pop(place.path, None)
        known = self._recognise(node, place.path, fd, size, gone)
        if known is not None:
            self._resume(known, fd, size, now)
        else:
            from_end = place.source in self._from_end
            self._newcomers[node] = Newcomer(fd, node, place.path, place.source, from_end=from_end)

    def _recognise(
        self, node: Node, path: str, fd: int, size: int, gone: dict[int, Checkpoint]
    ) -> Checkpoint | None:
        for earlier in self._books.known(node):
            verdict = judge(earlier, fd, size)
            if verdict is Verdict.SAME:
                return earlier.moved(path, node)
            if earlier.row in self._orphans:
                self._finish(earlier, f"file.{verdict.value}", earlier.size)
        known = heir(gone.values(), canonical_path(path), fd, size)
        if known is None:
            return None
        del gone[known.row]
        return known.moved(path, node)

    def _resume(self, checkpoint: Checkpoint, fd: int, size: int, now: float) -> Tailer:
        self._orphans.pop(checkpoint.row, None)
        tailer = Tailer(fd, checkpoint, self._limits)
        tailer.saw(size, now)
        self._tailers[checkpoint.node] = tailer
        c = checkpoint
        self._report("file.opened", path=c.path, source=c.source, offset=c.offset, size=size)
        return tailer

    def _promote(self, now: float) -> None:
        """Make tailers of the newcomers whose first line is complete, or will never be."""
        for node, waiting in list(self._newcomers.items()):
            over = waiting.detached_at is not None and now - waiting.detached_at >= self._grace
            try:
                sighting = waiting.sighting(final=over)
            except OSError as error:
                self._trouble(waiting.path, error)
                continue
            except CompressedError:
                self._trouble(waiting.path, "is compressed; only plain text is read")
                continue
            if sighting is not None:
                checkpoint = self._books.begin(sighting)
                del self._newcomers[node]
                tailer = self._resume(checkpoint, waiting.fd, sighting.size, now)
                tailer.detached_at = waiting.detached_at
            elif over:
                del self._newcomers[node]
                waiting.close()

    # Endings and troubles

    def _end(self, tailer: Tailer, event: str) -> None:
        del self._tailers[tailer.checkpoint.node]
        tailer.close()
        seen = tailer.size if tailer.size >= tailer.checkpoint.offset else tailer.checkpoint.size
        self._finish(tailer.checkpoint, event, seen)

    def _finish(self, checkpoint: Checkpoint, event: str, size: int) -> None:
        """Close the books: what was seen up to *size* but not read is lost, and said so."""
        lost = max(0, size - checkpoint.offset)
        self._orphans.pop(checkpoint.row, None)
        self._books.finish(checkpoint, lost)
        self._report(event, path=checkpoint.path, offset=checkpoint.offset, lost_bytes=lost)

    def _tell_troubles(self, blind: dict[str, OSError]) -> None:
        for path, error in blind.items():
            self._trouble(path, error)
        for path in [p for p in self._troubles if p not in blind and not os.path.lexists(p)]:
            del self._troubles[path]

    def _trouble(self, path: str, error: OSError | str) -> None:
        """Report a trouble with *path* once, not at each sweep."""
        why = error if isinstance(error, str) else (error.strerror or str(error))
        if self._troubles.get(path) != why:
            self._troubles[path] = why
            self._report("file.unreadable", path=path, why=why)


def _in_blind(path: str, blind: Collection[str]) -> bool:
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in blind)


def _inodes(folder: str) -> dict[int, str] | None:
    """Return the files of *folder* by inode (signed), or None if it can't be listed."""
    try:
        with os.scandir(folder) as entries:
            return {Node.of(0, e.inode()).inode: e.path for e in entries if e.is_file()}
    except OSError:
        return None
