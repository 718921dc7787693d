"""The reception: files that no tailer reads are opened, recognised, and made tailers of.

Rule 1: a generation is on record before its first byte is read; a file that continues one is on
        record as its file before it is read on.
Rule 2: no more files are open than the limit says. The longest quiet ones rest: they are closed,
        and opened again when their size or modification time has changed.
Rule 3: what can't be read is said once, and set aside until it changes.
Rule 4: what may be a copy is not read before the file that it may be a copy of was looked into.
Rule 5: of several generations that begin as a file does, whether their files are gone or there, it
        is the kin of the longest: many logs begin with the same banner.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from functools import partial
from heapq import nsmallest
from typing import Protocol

from shipper.formats.fingerprint import TAIL_BYTES, fingerprint
from shipper.formats.rotation import bears_archive_name, canonical_path
from shipper.tail.checkpoint import Checkpoint, Node, Sighting
from shipper.tail.face import DamagedError, Face, closed_on_error, open_log
from shipper.tail.identity import Verdict, exactly, judge, same_head
from shipper.tail.kin import (
    Families,
    Kin,
    begins,
    continues,
    copies,
    copies_beside,
    copylike,
    falls_short,
    repeats,
    was_read,
)
from shipper.tail.newcomer import Newcomer, last_line_end
from shipper.tail.roster import Roster
from shipper.tail.survey import Place, node_of
from shipper.tail.tailer import Tailer
from shipper.tail.troubles import printable

_NO_MORE = (errno.EMFILE, errno.ENFILE)


class _Compare(Protocol):
    """Says what a newcomer is to one generation."""

    def __call__(self, *, settled: bool) -> Checkpoint | Kin: ...


class Reception:
    """Takes in files.

    `crowded` says whether some had to wait, because no more can be open; `in_doubt`, whether some
    are not read before more is known of them, or the grace time is over.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._told_crowded = False
        self.crowded = False
        self.in_doubt = False

    def welcome(self, strangers: list[Place], now: float) -> None:
        """Take in the files that nobody holds: the oldest first, so that ids repeat (rule 2)."""
        if len(strangers) > self._room():
            self._rest(len(strangers) - self._room())
        room = max(0, self._room())
        strangers.sort(key=lambda place: (place.status.st_mtime_ns, place.path))
        # The first that can't be opened for want of descriptors ends it.
        welcomed = all(self.open(place, now) for place in strangers[:room])
        self.crowded = not welcomed or len(strangers) > room
        if self.crowded and not self._told_crowded:
            self._told_crowded = True  # once: with too many files it comes and goes all the time
            self._roster.report(
                "files.crowded",
                open=len(self._roster.holders()),
                limit=self._roster.limits.open_files,
            )

    def _room(self) -> int:
        return (
            self._roster.limits.open_files - len(self._roster.tailers) - len(self._roster.newcomers)
        )

    def _rest(self, count: int) -> None:
        """Close the *count* files that have been quiet the longest (rule 2)."""
        idle = [holder for holder in self._roster.holders() if holder.idle]
        for holder in nsmallest(count, idle, key=lambda h: h.grew_at):
            if isinstance(holder, Tailer):
                self._roster.orphans.add(holder.checkpoint)
            self._roster.set_aside(holder)

    def open(self, place: Place, now: float) -> bool:
        """Open a file and find out which generation it is. False: no more files can be opened."""
        try:
            face, status = open_log(place.path)
            with closed_on_error(face):
                self._take_in(place, face, status.st_size, now)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in _NO_MORE:
                return False
            self._roster.troubles.note(place.path, error)
        except DamagedError as error:
            self._roster.troubles.note(place.path, error)
        else:
            self._roster.troubles.ended(place.path)
        return True

    def _take_in(self, place: Place, face: Face, size: int, now: float) -> None:
        node = face.node
        if node != node_of(place.status) or self._roster.holds(node):
            # The name has changed hands since the sweep looked. The next one sees where the file
            # is now that had it, which comes first on record.
            face.close()
            return
        known = self._recognise(place, node, face, now)
        if known is not None:
            moved = known.moved(place.path, node, place.source)
            if known.source != place.source or known not in self._roster.orphans:
                # Whoever looks for it after a crash has to find it: by its source, among the open.
                self._roster.books.move(moved)
            self._roster.resume(moved, face, now)
        else:
            waiting = Newcomer(face, node, place.path, place.source)
            if place.source in self._roster.from_end:
                encoding = self._roster.encoding(place.source)
                waiting.skip = face.kind is not None
                waiting.start = 0 if waiting.skip else last_line_end(face, size, encoding)
            self._roster.newcomers[node] = waiting
        self._roster.resting.pop(node, None)

    def _recognise(self, place: Place, node: Node, face: Face, now: float) -> Checkpoint | None:
        """Return the generation that was read from *node* before, if the file still is that."""
        known = self._roster.books.known(node)
        if known is None:
            return None
        reused = _has_inode_of_text(place.path, face, known)
        alike = canonical_path(place.path) == known.canonical
        if not reused and resumes(known, face, shorter=alike) and not self._reads(known):
            return known
        if known.path == place.path:
            # What is left of it belongs to whoever reads that path now.
            mine = known.moved(known.path, known.node, place.source)
            self._roster.orphans.oust(mine, judge(known, face).value)
        else:
            self._roster.orphans.miss(known, now)  # another file has its inode now
        return None

    def _reads(self, known: Checkpoint) -> bool:
        """Tell whether *known* is read from another inode, of which the books don't know yet."""
        return known not in self._roster.orphans and any(
            tailer.checkpoint.row == known.row for tailer in self._roster.tailers.values()
        )

    def promote(self, now: float) -> None:
        """Make tailers of the newcomers whose first line is complete, or will never be."""
        newcomers = [n for n in self._roster.newcomers.values() if not n.hopeless]
        families = Families(self._roster.tailers.values() if newcomers else (), newcomers)
        self.in_doubt = False
        for waiting in newcomers:
            left = waiting.detached_at
            over = left is not None and now - left >= self._roster.grace
            try:
                waiting.look(now)
                sighting = waiting.sighting(final=over)
                kin = self._kin(waiting, families, now) if sighting else Kin.UNDECIDED
            except OSError as error:
                self._roster.troubles.note(waiting.path, error)
            except DamagedError as error:
                if not error.growing or waiting.settled(now, self._roster.grace):
                    self._set_aside(waiting, error)
            else:
                if sighting is not None and kin is not Kin.UNDECIDED:
                    families.add(self._settle(waiting, sighting, kin, now))
                elif over:
                    self._roster.drop(waiting)
                else:
                    self._note_doubt(waiting, sighting, now)

    def _note_doubt(self, waiting: Newcomer, sighting: Sighting | None, now: float) -> None:
        settled = waiting.settled(now, self._roster.grace)
        self.in_doubt = self.in_doubt or (sighting is not None and not settled)

    def _kin(self, waiting: Newcomer, families: Families, now: float) -> Checkpoint | Kin:
        """Find out what a newcomer is to the generations that there are, or were."""
        if waiting.anew:
            return Kin.STRANGER
        settled = waiting.settled(now, self._roster.grace)
        gone = self._gone(waiting)
        for compare in self._likeliest(waiting, gone, families):
            kin = compare(settled=settled)
            if kin is not Kin.STRANGER:
                return kin
        return was_read(waiting, gone, settled=settled)

    def _gone(self, waiting: Newcomer) -> list[Checkpoint]:
        """Return the generations that a newcomer may continue."""
        gone = self._roster.orphans.heirless()
        if copylike(waiting):
            gone += self._roster.departed.all()
        if waiting.face.kind is not None:
            gone += self._finished(waiting.canonical)
        return gone

    def _likeliest(
        self, waiting: Newcomer, gone: list[Checkpoint], families: Families
    ) -> list[_Compare]:
        """Return what compares a newcomer with one generation each, the longest first (rule 5)."""
        ranked: list[tuple[int, _Compare]] = [
            (known.offset, partial(continues, waiting, [known])) for known in gone
        ]
        ranked += [
            (tailer.size, partial(repeats, waiting, tailer))
            for tailer in families.of(waiting.canonical)
            if self._roster.tailers.get(tailer.node) is tailer  # else it was just let go
        ]
        if copylike(waiting):  # it may be one of a file that rests, or is yet to be looked into
            unsettled = self._roster.orphans.unsettled(waiting.canonical)
            ranked += [(known.offset, partial(copies, waiting, known)) for known in unsettled]
            if log := families.newcomer(waiting.canonical):
                ranked.append((log.face.size() or 0, partial(begins, waiting, log)))
        return [compare for _, compare in sorted(ranked, key=lambda each: each[0], reverse=True)]

    def put_apart(self, known: Checkpoint, now: float) -> None:
        """Put copies on record of which all was read as *known*, which was cut off.

        At once: if only memory knew, a crash would have them read again.
        """
        self._take_in_beside(known)
        for waiting in list(self._roster.newcomers.values()):
            same_log = copylike(waiting) and waiting.canonical == known.canonical
            if same_log and not waiting.anew and _is_read_copy(known, waiting.face):
                sighting = waiting.sighting(final=False)
                if sighting is not None:
                    self._settle(waiting, sighting, Kin.REPEATED, now)

    def _take_in_beside(self, known: Checkpoint) -> None:
        """Make newcomers of copies beside the file of *known* that no sweep has seen yet."""
        for path, face in copies_beside(known, self._roster.holds):
            source = self._roster.source_of(path)
            with closed_on_error(face):
                new = not self._roster.books.known(face.node)
                if source and new and _is_read_copy(known, face):
                    self._roster.newcomers[face.node] = Newcomer(face, face.node, path, source)
                    continue
            face.close()

    def _finished(self, canonical: str) -> list[Checkpoint]:
        read = {tailer.checkpoint.row for tailer in self._roster.tailers.values()}
        alike = self._roster.books.alike(canonical)
        return [c for c in alike if c.row not in read and c not in self._roster.orphans]

    def _settle(
        self, waiting: Newcomer, sighting: Sighting, kin: Checkpoint | Kin, now: float
    ) -> Tailer:
        """Make a tailer of a newcomer, now that it is known what it is."""
        if isinstance(kin, Checkpoint):
            checkpoint = kin.moved(waiting.path, waiting.node, waiting.source)
            self._roster.books.move(checkpoint)
            self._release(kin)
        else:
            if kin is Kin.REPEATED:
                sighting = _read_elsewhere(sighting, waiting.face)
            place = (waiting.path, waiting.node, waiting.source)
            checkpoint = self._roster.books.begin(sighting).moved(*place)
        del self._roster.newcomers[waiting.node]
        tailer = self._roster.resume(checkpoint, waiting.face, now)
        tailer.detached_at = waiting.detached_at
        return tailer

    def _release(self, kin: Checkpoint) -> None:
        """Let go of the deleted file whose generation goes on in a copy."""
        tailer = self._roster.tailers.get(kin.node)
        if tailer is not None and tailer.checkpoint.row == kin.row:
            self._roster.drop(tailer)

    def _set_aside(self, waiting: Newcomer, error: DamagedError) -> None:
        """Let go of a file that can't be read; it is looked at again when it changes."""
        path = printable(waiting.path)
        self._roster.report("file.damaged", path=path, offset=error.plain_offset, why=error.why)
        self._roster.set_aside(waiting)


def _has_inode_of_text(path: str, face: Face, known: Checkpoint) -> bool:
    """Tell whether an archive was given the inode that a text had, which is gone.

    It may well begin as that did: then it is one of several that it may continue (`continues`).
    """
    return face.kind is not None and path != known.path and not bears_archive_name(known.path)


def resumes(known: Checkpoint, face: Face, *, shorter: bool = True) -> bool:
    """Tell whether a file is to be read on as *known*. With *shorter*, it may have lost its end.

    Of a compressed one only the head is compared here: whoever reads it on comes by the bytes
    before the offset, and compares them then. Raises OSError and DamagedError.
    """
    if face.kind is not None:
        return same_head(known, face)
    return judge(known, face) is Verdict.SAME or (shorter and _lost_its_end(known, face))


def _lost_its_end(known: Checkpoint, face: Face) -> bool:
    """Tell whether a file that is shorter than the head that was seen of it has all that was read.

    Writers take back what they have not finished, and a power cut takes what was not synced.
    """
    size = face.size() or 0
    tail = exactly(face, known.tail.length, known.offset - known.tail.length)
    return 0 < known.offset <= size < known.head.length and known.tail.matches(tail)


def _is_read_copy(known: Checkpoint, face: Face) -> bool:
    try:
        return falls_short(known, face)
    except (OSError, DamagedError):
        return False  # who looks at it next will say so


def _read_elsewhere(sighting: Sighting, face: Face) -> Sighting:
    """Return the sighting of a file of which nothing but what will be added is to be read."""
    size = face.size() or 0
    tail = face.pread(min(TAIL_BYTES, size), max(0, size - TAIL_BYTES))
    return replace(sighting, start=size, size=size, tail=fingerprint(tail))
