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
Rule 8: a sweep over files that did not change costs no more than asking for them: it takes up
        what is news. Once a minute all files count as news, whatever was overlooked before.
Rule 9: news that were not taken up, because the books were busy, stay news.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shipper.model import Report
from shipper.tail.books import Books
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.chunk import Changed, Limits
from shipper.tail.face import DamagedError, Face, closed_on_error, open_log
from shipper.tail.kin import copies_beside, copy_among, is_rest, uncopied
from shipper.tail.newcomer import Newcomer
from shipper.tail.reception import Reception, resumes
from shipper.tail.roster import Roster
from shipper.tail.stream import StreamTailer
from shipper.tail.streams import OpenStreams, Streams
from shipper.tail.survey import News, Place, Source, Survey, look_of, recordable, within
from shipper.tail.tailer import Tailer

__all__ = ["Books", "Fleet", "Source"]

_THOROUGH = 60.0  # seconds


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
        streams: OpenStreams | None = None,
    ) -> None:
        """Take up the generations on record; *grace* is in seconds (rule 3).

        *streams* are open already, and stay open when the fleet is closed.
        """
        self._missed: Callable[[str, float], None] = lambda _path, _now: None
        self._sources = sources
        self._roster = Roster(sources, books, report, limits=limits, grace=grace)
        self._reception = Reception(self._roster)
        self._survey = Survey(sources, self._unfit)
        self.streams = Streams(self._roster, sources, streams or OpenStreams(report))
        self._news = News(set(), set())
        self._strangers: dict[Node, Place] = {}
        self._thorough_due = float("-inf")
        self._stirred = False

    @property
    def crowded(self) -> bool:
        """Whether files had to wait at the last sweep, because no more can be open."""
        return self._reception.crowded

    @property
    def in_doubt(self) -> bool:
        """Whether files were held at the last sweep that may be copies, and may be none."""
        return self._reception.in_doubt

    def close(self) -> None:
        """Let go of all files."""
        for holder in self._roster.holders():
            holder.close()
        self._roster.tailers.clear()
        self._roster.awake.clear()
        self._roster.newcomers.clear()

    def on_missed(self, missed: Callable[[str, float], None]) -> None:
        """Have *missed* told, with the time, of quiet files that a sweep found written to."""
        self._missed = missed

    def names(self, path: str) -> bool:
        """Tell whether some source names *path*."""
        return any(source.names(path) for source in self._sources)

    def tailers(self) -> list[Tailer]:
        """Return all tailers."""
        return [*self._roster.tailers.values(), *self.streams.tailers()]

    def awake(self) -> list[Tailer]:
        """Return the tailers that may have something to read; the others have read all there is."""
        return [*self._roster.awake.values(), *self.streams.tailers()]

    def reads(self, tailer: Tailer) -> bool:
        """Tell whether *tailer* still has its file, or stream."""
        if isinstance(tailer, StreamTailer):
            return self.streams.reads(tailer)
        return self._roster.tailers.get(tailer.node) is tailer

    def rows(self) -> set[int]:
        """Return the rows of the generations that are read, or may be read on."""
        roster = self._roster
        read = [tailer.checkpoint for tailer in self.tailers()]
        return {c.row for c in (*read, *roster.orphans.all(), *roster.departed.all())}

    def arrivals(self) -> list[Tailer]:
        """Return the tailers that were made since this was last asked."""
        arrivals, self._roster.arrivals = self._roster.arrivals, []
        return [tailer for tailer in arrivals if self.reads(tailer)]

    def ready(self, now: float) -> list[Tailer]:
        """Return the tailers with something to read.

        Those of rotated files come first, and then those that were served longest ago.
        """
        awake = self._roster.awake.values()
        ready = [
            t
            for t in awake
            if t.ready
            or (t.patience is not None and t.overdue(now))
            or ((t.detached_at is not None or t.unfinished) and self.final(t, now))
        ]
        ready += self.streams.ready(now)
        return sorted(ready, key=lambda t: (t.detached_at is None, t.served_at))

    def poll(self, now: float, hot: float) -> int:
        """Ask the files that grew within the last *hot* seconds whether they grew again.

        Those that did not, and have nothing to read, are not asked before the next sweep or hint.
        Returns how many were busy.
        """
        asked = 0
        for tailer in list(self._roster.awake.values()):
            if now - tailer.grew_at < hot:
                asked += 1
                if not tailer.ready:
                    self._look(tailer, now)
            elif tailer.idle and not tailer.waits:
                del self._roster.awake[tailer.node]
        self.streams.poll(now)
        return asked

    def hot(self, now: float, hot: float) -> bool:
        """Tell whether some file grew within the last *hot* seconds."""
        return any(now - tailer.grew_at < hot for tailer in self._roster.awake.values())

    def hint(self, path: str, now: float) -> bool:
        """Look at the file at *path*; False if nobody reads it: a sweep will show what it is."""
        node = self._survey.node(path)
        tailer = self._roster.tailers.get(node) if node else None
        if tailer is None:
            return False
        if not tailer.ready:
            self._look(tailer, now)
        return True

    def final(self, tailer: Tailer, now: float) -> bool:
        """Tell whether the file of *tailer* is over, so that nothing more is waited for."""
        if isinstance(tailer, StreamTailer):
            return tailer.final
        if (tailer.detached_at is None and not tailer.unfinished) or tailer.ready:
            return False
        return now - max(tailer.detached_at or tailer.grew_at, tailer.grew_at) >= self._roster.grace

    def sweep(self, now: float) -> None:
        """Look at all files and make the tailers agree with them."""
        self.look(now)
        self.take_up(now)

    def look(self, now: float) -> None:
        """Add what the survey finds to the news that were not taken up (rules 8 and 9)."""
        fresh = self._survey.look()
        self._note_blind()
        self._stirred = bool(fresh.changed or fresh.gone)
        changed = self._news.changed | fresh.changed | self._roster.let_go
        gone = self._news.gone | fresh.gone
        if now >= self._thorough_due:
            self._thorough_due = now + _THOROUGH
            changed |= set(self._survey.places)
            gone |= {h.node for h in self._roster.holders() if self._is_missing(h)}
        here = self._survey.places.keys()
        self._news = News(changed & here, gone - here)
        self._roster.let_go.clear()

    def take_up(self, now: float) -> None:
        """Make the tailers agree with what the last looks found."""
        self.streams.sweep(self._survey.fifos)
        for node in self._news.changed:
            self._meet(node, now)
        self._miss(now)
        for checkpoint, path in self._roster.orphans.seek(self._survey.places.keys(), now):
            self._rejoin(checkpoint, path, now)
        self._reception.welcome(list(self._strangers.values()), now)
        unheld = {n: p for n, p in self._strangers.items() if not self._roster.holds(n)}
        self._strangers = unheld
        self._reception.promote(now)
        for checkpoint, why in self._roster.orphans.given_up(now):
            lost = uncopied(checkpoint, checkpoint.unread(checkpoint.size))
            if why == "gone" or not self._goes_on(checkpoint, now):
                self._roster.finish(checkpoint, f"file.{why}", lost)
                self._roster.departed.add(checkpoint, now)
        self._roster.departed.forget(now)
        self._roster.from_end.clear()
        self._news = News(set(), set())

    @property
    def stirred(self) -> bool:
        """Whether the last sweep found anything new."""
        return self._stirred

    def changed(self, tailer: Tailer, change: Changed, now: float) -> None:
        """Take note that the file of *tailer* turned out to be another, or to be damaged.

        If it is another, it is a newcomer now; what it was may go on in a copy.
        """
        if change.why == "damaged":
            self._damaged(tailer, change)
            return
        if not self._goes_on(tailer.checkpoint, now):
            last = tailer.checkpoint.ended()
            lost = uncopied(last, change.lost_bytes)
            self._roster.finish(last, f"file.{change.why}", lost)
            self._roster.departed.add(last, now)
        self._roster.release(tailer)
        waiting = Newcomer(tailer.face, tailer.node, tailer.path, tailer.checkpoint.source)
        waiting.anew = True
        waiting.detached_at = None if tailer.detached_at is None else now
        self._roster.newcomers[tailer.node] = waiting

    def retire(self, tailer: Tailer) -> None:
        """Let go of a file or a stream that is over and read to its end."""
        if isinstance(tailer, StreamTailer):
            self.streams.retire(tailer)
            return
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

    def _goes_on(self, known: Checkpoint, now: float) -> bool:
        """Read on in a copy of the file of *known*, if there is one; tell whether there is.

        A copy out of sight that has nothing more than was read is left alone.
        """
        roster = self._roster
        if waiting := copy_among(self._free_copies(known), known):
            self._continue(known, waiting.path, waiting.face, now).detached_at = waiting.detached_at
            del roster.newcomers[waiting.node]
            return True
        for path, face in copies_beside(known, roster.holds):
            named = self.names(path)
            with closed_on_error(face):
                if recordable(path) and is_rest(known, face, more=not named):
                    copy = self._continue(known, path, face, now)
                    copy.detached_at = None if named else now
                    return True
            face.close()
        self._reception.put_apart(known, now)
        return False

    def _free_copies(self, known: Checkpoint) -> list[Newcomer]:
        """Return the newcomers that repeat no other generation than *known* that is being read."""
        others = {tailer.checkpoint.row for tailer in self._roster.tailers.values()} - {known.row}
        return [each for each in self._roster.newcomers.values() if each.twin not in others]

    def _continue(self, known: Checkpoint, path: str, face: Face, now: float) -> Tailer:
        moved = known.moved(path, face.node)
        self._roster.books.move(moved)
        self._roster.report("file.continued", path=known.path, to=path)
        return self._roster.resume(moved, face, now)

    # What the sweep finds

    def _unfit(self, path: str) -> None:
        self._roster.troubles.note(path, "its name is not UTF-8; rename it, or leave it out")

    def _note_blind(self) -> None:
        blind = self._survey.blind
        self._roster.troubles.forget(blind)
        for path, error in blind.items():
            self._roster.troubles.note(path, error)

    def _is_missing(self, holder: Tailer | Newcomer) -> bool:
        return holder.node not in self._survey.places and not within(
            holder.path, self._survey.blind
        )

    def _meet(self, node: Node, now: float) -> None:
        """Take up what is new of a file: whoever holds it is told, else it is a stranger."""
        place = self._own(node, self._survey.places[node])
        if self._known(node, place, now):
            self._strangers.pop(node, None)
        else:
            self._strangers[node] = place

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
        if tailer.path != place.path:
            self._roster.report("file.renamed", path=tailer.path, to=place.path)
            tailer.renamed(place.path, now)
        elif node not in self._roster.awake and place.status.st_size > tailer.seen.size:
            self._missed(place.path, now)
        tailer.detached_at = None
        self._look(tailer, now)  # itself: what the survey saw may be old, and the file read since
        return True

    def _waits(self, node: Node, place: Place) -> bool:
        if waiting := self._roster.newcomers.get(node):
            waiting.path, waiting.detached_at, waiting.stirred = place.path, None, True
            return True
        return node in self._roster.resting and self._roster.resting[node] == look_of(place.status)

    def _look(self, tailer: Tailer, now: float) -> None:
        self._roster.awake[tailer.node] = tailer
        try:
            change = tailer.look(now)
        except OSError as error:
            self.trouble(tailer, error)
            return
        if change:
            self.changed(tailer, change, now)

    def _miss(self, now: float) -> None:
        """Note which files left their paths (rules 3 and 4), and look at those that had before."""
        for node in self._news.gone:
            self._strangers.pop(node, None)
            self._roster.resting.pop(node, None)
            holder = self._roster.tailers.get(node) or self._roster.newcomers.get(node)
            if holder is not None and holder.detached_at is None:
                holder.detached_at = now
                self._roster.report("file.rotated", path=holder.path)
                if isinstance(holder, Tailer):
                    self._roster.awake[node] = holder
        for tailer in list(self._roster.awake.values()):
            if tailer.detached_at is not None:
                self._look(tailer, now)

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
