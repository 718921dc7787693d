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
Rule 7: what was cut off is read on in a copy, if there is one (see `kin`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from shipper.model import Report
from shipper.tail.books import Books
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.face import DamagedError, Face
from shipper.tail.glob import Found
from shipper.tail.kin import copies_beside, copy_among, is_rest
from shipper.tail.newcomer import Newcomer
from shipper.tail.reception import Reception, resumes
from shipper.tail.roster import Roster
from shipper.tail.survey import Place, Source, look_of, recordable, survey
from shipper.tail.tailer import Changed, Limits, Tailer, closed_on_error, open_log

__all__ = ["Books", "Fleet", "Source"]


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
        self._roster = Roster(sources, books, report, limits=limits, grace=grace)
        self._reception = Reception(self._roster)

    @property
    def crowded(self) -> bool:
        """Whether files had to wait at the last sweep, because no more can be open."""
        return self._reception.crowded

    def close(self) -> None:
        """Let go of all files."""
        for holder in self._roster.holders():
            holder.close()
        self._roster.tailers.clear()
        self._roster.newcomers.clear()

    def names(self, path: str) -> bool:
        """Tell whether some source names *path*."""
        return any(source.names(path) for source in self._sources)

    def tailers(self) -> Collection[Tailer]:
        """Return all tailers."""
        return self._roster.tailers.values()

    def ready(self, now: float) -> list[Tailer]:
        """Return the tailers with something to read.

        Those of rotated files come first, and then those that were served longest ago.
        """
        ready = [t for t in self._roster.tailers.values() if t.ready or self.final(t, now)]
        return sorted(ready, key=lambda t: (t.detached_at is None, t.served_at))

    def poll(self, now: float, hot: float) -> None:
        """Ask the files that grew within the last *hot* seconds whether they grew again."""
        for tailer in list(self._roster.tailers.values()):
            if now - tailer.grew_at < hot and not tailer.ready:
                self._look(tailer, now)

    def final(self, tailer: Tailer, now: float) -> bool:
        """Tell whether the file of *tailer* is over, so that nothing more is waited for."""
        if tailer.ready or (tailer.detached_at is None and not tailer.unfinished):
            return False
        return now - max(tailer.detached_at or tailer.grew_at, tailer.grew_at) >= self._roster.grace

    def sweep(self, now: float) -> None:
        """Look at all files and make the tailers agree with them."""
        found = Found()
        places = survey(self._sources, found, self._unfit)
        self._roster.troubles.forget(found.blind)
        for path, error in found.blind.items():
            self._roster.troubles.note(path, error)
        here = [(node, self._own(node, names)) for node, names in places.items()]
        strangers = [place for node, place in here if not self._known(node, place, now)]
        self._miss(places.keys(), found.blind, now)
        for checkpoint, path in self._roster.orphans.seek(places.keys(), now):
            self._rejoin(checkpoint, path, now)
        self._reception.welcome(strangers, now)
        self._reception.promote(now)
        for checkpoint, why in self._roster.orphans.given_up(now):
            lost = checkpoint.unread(checkpoint.size)
            if why == "gone" or not self._goes_on(checkpoint, lost, now):
                self._roster.departed.add(checkpoint, now)
                self._roster.finish(checkpoint, f"file.{why}", lost)
        self._roster.departed.forget(now)
        self._roster.from_end.clear()

    def changed(self, tailer: Tailer, change: Changed, now: float) -> None:
        """Take note that the file of *tailer* turned out to be another, or to be damaged.

        If it is another, it is a newcomer now; what it was may go on in a copy.
        """
        if change.why == "damaged":
            self._damaged(tailer, change)
            return
        if not self._goes_on(tailer.checkpoint, change.lost_bytes, now):
            last = tailer.checkpoint.ended()
            self._roster.finish(last, f"file.{change.why}", change.lost_bytes)
            self._roster.departed.add(last, now)
        del self._roster.tailers[tailer.node]
        waiting = Newcomer(tailer.face, tailer.node, tailer.path, tailer.checkpoint.source)
        waiting.anew = True
        waiting.detached_at = None if tailer.detached_at is None else now
        self._roster.newcomers[tailer.node] = waiting

    def retire(self, tailer: Tailer) -> None:
        """Let go of a file that is over and read to its end."""
        # While a file is held nobody else gets its inode; then the next best file may.
        last = tailer.checkpoint.ended() if tailer.deleted() else tailer.checkpoint
        self._roster.finish(last, "file.finished", tailer.lost_bytes)
        self._roster.drop(tailer)

    def trouble(self, tailer: Tailer, error: OSError) -> None:
        """Note that a file could not be read just now (rule 4)."""
        self._roster.troubles.note(tailer.path, error)

    # What the pump finds

    def _damaged(self, tailer: Tailer, change: Changed) -> None:
        """Let go of a file that can't be read on; it is looked at again when it changes."""
        self._roster.finish(tailer.checkpoint, "file.damaged", change.lost_bytes, why=change.detail)
        self._roster.set_aside(tailer)

    def _goes_on(self, known: Checkpoint, lost_bytes: int, now: float) -> bool:
        """Read on in a copy of the file of *known*, if there is one; tell whether there is.

        What was read to its end is not looked for out of sight.
        """
        roster = self._roster
        if waiting := copy_among(roster.newcomers.values(), known):
            self._continue(known, waiting.path, waiting.face, now).detached_at = waiting.detached_at
            del roster.newcomers[waiting.node]
            return True
        for path, face in copies_beside(known, roster.holds):
            named = self.names(path)
            with closed_on_error(face):
                if (named or lost_bytes) and recordable(path) and is_rest(known, face):
                    copy = self._continue(known, path, face, now)
                    copy.detached_at = None if named else now
                    return True
            face.close()
        return False

    def _continue(self, known: Checkpoint, path: str, face: Face, now: float) -> Tailer:
        moved = known.moved(path, face.node)
        self._roster.books.move(moved)
        self._roster.report("file.continued", path=known.path, to=path)
        return self._roster.resume(moved, face, now)

    # What the sweep finds

    def _unfit(self, path: str) -> None:
        self._roster.troubles.note(path, "its name is not UTF-8; rename it, or leave it out")

    def _own(self, node: Node, names: list[Place]) -> Place:
        """Choose among the names of one file: the one it is known by, else the first."""
        if len(names) == 1:
            return names[0]
        holder = self._roster.tailers.get(node) or self._roster.newcomers.get(node)
        return next((p for p in names if holder and p.path == holder.path), names[0])

    def _known(self, node: Node, place: Place, now: float) -> bool:
        """Bring whoever holds the file up to date; False if nobody does."""
        tailer = self._roster.tailers.get(node)
        if tailer is None:
            return self._waits(node, place)
        tailer.detached_at = None
        if tailer.path != place.path:
            self._roster.report("file.renamed", path=tailer.path, to=place.path)
            tailer.checkpoint = tailer.checkpoint.moved(place.path, node)
        self._look(tailer, now, place.status)
        return True

    def _waits(self, node: Node, place: Place) -> bool:
        if waiting := self._roster.newcomers.get(node):
            waiting.path, waiting.detached_at = place.path, None
            return True
        return node in self._roster.resting and self._roster.resting[node] == look_of(place.status)

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
        self._roster.resting = {
            node: look for node, look in self._roster.resting.items() if node in seen
        }
        for holder in self._roster.holders():
            if holder.node in seen or _in_blind(holder.path, blind):
                continue
            if holder.detached_at is None:
                holder.detached_at = now
                self._roster.report("file.rotated", path=holder.path)
            if isinstance(holder, Tailer):
                self._look(holder, now)

    def _rejoin(self, checkpoint: Checkpoint, path: str, now: float) -> None:
        """Read on in a file that was renamed, out of sight of the globs, while nobody looked."""
        try:
            face, _ = open_log(path)
            with closed_on_error(face):
                if face.node == checkpoint.node and resumes(checkpoint, face):
                    name = path if recordable(path) else checkpoint.path
                    self._roster.resume(
                        checkpoint.moved(name, face.node), face, now
                    ).detached_at = now
                    return
        except (OSError, DamagedError) as error:
            self._roster.troubles.note(path, error)  # rule 4
            return
        face.close()
        self._roster.orphans.miss(checkpoint, now)


def _in_blind(path: str, blind: Collection[str]) -> bool:
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in blind)
