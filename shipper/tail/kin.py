"""Kinship: whether a file that no generation is on record for continues one, or repeats one.

Rule 1: a file continues a generation whose own file is gone, truncated or replaced, if it begins
        as that did and has the same bytes before the offset (`judge`).
Rule 2: a copy bears a rotated name, or is compressed: a file at the log's own name is never held
        to repeat a file that is still there, whatever it says.
Rule 3: a copy of a file that is still there is held, not read. When the original is truncated,
        the copy is what is left of it; when all of the copy was read as the original, and neither
        was touched for the grace time, there is nothing in it to ship.
        Text goes before an archive: that may be in the making, of this very text.
Rule 4: an archive that is not whole yet decides nothing before the grace time has passed without
        a change; far offsets are approached bit by bit.
Rule 5: a copy of what was cut off may end before the checkpoint: what was written between copy
        and truncation was read, and is not in it. If it says what was read, as far as it goes (see
        `trail`), there is nothing in it to ship. In doubt there is: twice is better than never.
Rule 6: a generation that was cut off may be continued for the grace time: its copy may be on
        the way, perhaps compressed. For good is for good after that.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from enum import Enum

from shipper.formats.fingerprint import HEAD_BYTES, TAIL_BYTES
from shipper.formats.rotation import bears_archive_name, canonical_path
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.face import DamagedError, Face, open_log
from shipper.tail.identity import Verdict, exactly, judge, same_head, telling
from shipper.tail.newcomer import Newcomer
from shipper.tail.tailer import Tailer
from shipper.tail.trail import last_mark, tells_all

_APPROACH = 64  # steps a sweep: some 16 MiB of plain bytes
_SIBLINGS = 50


class Kin(Enum):
    """What a newcomer is, if it does not continue a generation."""

    STRANGER = "stranger"
    UNDECIDED = "undecided"
    REPEATED = "repeated"


class Families:
    """The tailers by the log that they read, and the newcomers that are logs themselves."""

    def __init__(self, tailers: Iterable[Tailer], newcomers: Iterable[Newcomer] = ()) -> None:
        self._by_name: dict[str, list[Tailer]] = defaultdict(list)
        self._logs = {each.path: each for each in newcomers if not copylike(each)}
        for tailer in tailers:
            self.add(tailer)

    def add(self, tailer: Tailer) -> None:
        """Take in a tailer."""
        self._by_name[tailer.checkpoint.canonical].append(tailer)

    def of(self, canonical: str) -> list[Tailer]:
        """Return the tailers of one log."""
        return list(self._by_name.get(canonical, ()))

    def newcomer(self, canonical: str) -> Newcomer | None:
        """Return the newcomer at the log's own name, if there is one."""
        return self._logs.get(canonical)


class Departed:
    """Generations that were cut off, as long as a copy of theirs may turn up (rule 6)."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._since: dict[int, tuple[Checkpoint, float]] = {}

    def add(self, checkpoint: Checkpoint, now: float) -> None:
        """Take in a generation whose books are closed: what was held of it came out."""
        left = checkpoint.holding(checkpoint.held.without_lines())
        self._since[checkpoint.row] = (left, now)

    def remove(self, checkpoint: Checkpoint) -> None:
        """Let go of a generation, if it is here."""
        self._since.pop(checkpoint.row, None)

    def forget(self, now: float) -> None:
        """Let go of those whose time is over."""
        late = [row for row, (_, at) in self._since.items() if now - at >= self._grace]
        for row in late:
            del self._since[row]

    def all(self) -> list[Checkpoint]:
        """Return the generations."""
        return [checkpoint for checkpoint, _ in self._since.values()]


def copylike(waiting: Newcomer) -> bool:
    """Tell whether a newcomer may be a copy, by its name or kind (rule 2)."""
    return waiting.face.kind is not None or waiting.path != waiting.canonical


def continues(waiting: Newcomer, gone: Iterable[Checkpoint], *, settled: bool) -> Checkpoint | Kin:
    """Return the generation, of those whose file is *gone*, that a newcomer continues.

    Of several that begin alike, it is the one of which most was read.
    Raises OSError, and DamagedError where a fault that will stay hides what would tell.
    """
    canonical = waiting.canonical
    for known in sorted(gone, key=lambda each: each.offset, reverse=True):
        if telling(known, canonical) or _untouched(known, waiting):
            verdict = _compared(known, waiting.face, settled=settled)
            if verdict is Kin.UNDECIDED:
                return Kin.UNDECIDED
            if verdict is Verdict.SAME:
                return known
    return Kin.STRANGER


def was_read(waiting: Newcomer, gone: Iterable[Checkpoint], *, settled: bool) -> Kin:
    """Return whether all of a newcomer was read as one of the generations *gone* (rule 5).

    Those that may come back are left out: what is short now may be on its way. Raises as
    `continues`.
    """
    for known in gone if copylike(waiting) else ():
        if known.over and known.canonical == waiting.canonical:
            if not _near(waiting.face, known.offset, settled=settled):
                return Kin.UNDECIDED
            if falls_short(known, waiting.face):
                return Kin.REPEATED
    return Kin.STRANGER


def copies(waiting: Newcomer, known: Checkpoint, *, settled: bool) -> Kin:
    """Return what a newcomer is to a generation whose file is there, and not open.

    Raises as `continues`.
    """
    kin = continues(waiting, [known], settled=settled)
    if kin is Kin.UNDECIDED:
        return Kin.UNDECIDED
    if kin is Kin.STRANGER and not falls_short(known, waiting.face):
        return Kin.STRANGER
    size = waiting.face.size() if waiting.face.approach(known.offset + 1, _APPROACH) else None
    read = size is not None and size <= known.offset
    return Kin.REPEATED if settled and read else Kin.UNDECIDED


def begins(waiting: Newcomer, log: Newcomer, *, settled: bool) -> Kin:
    """Return what *waiting* is to another newcomer, which may say all that it does, and go on.

    What that is shows when it has a generation. Raises as `continues`.
    """
    if not _near(waiting.face, (log.face.size() or 0) + 1, settled=settled):
        return Kin.UNDECIDED
    size, face = waiting.face.size() or 0, waiting.face
    spans = ((min(size, HEAD_BYTES), 0), (min(size, TAIL_BYTES), max(0, size - TAIL_BYTES)))
    same = size > 0 and all(face.pread(*span) == log.face.pread(*span) for span in spans)
    return Kin.UNDECIDED if same else Kin.STRANGER


def repeats(waiting: Newcomer, tailer: Tailer, *, settled: bool) -> Checkpoint | Kin:
    """Return what a newcomer is to a living generation of its log. Raises as `continues`."""
    if tailer.detached_at is not None and tailer.deleted() and not tailer.face.kind:
        if not _near(waiting.face, tailer.size, settled=settled):
            return Kin.UNDECIDED
        if tailer.continued_in(waiting.face):
            return tailer.checkpoint
    elif not _related(waiting, tailer):
        return Kin.STRANGER
    relation = _relation(waiting, tailer, settled=settled)
    if relation is not Kin.STRANGER:
        waiting.twin = tailer.checkpoint.row
    return relation


def copy_among(waiting: Iterable[Newcomer], known: Checkpoint) -> Newcomer | None:
    """Return the newcomer that holds what is left of *known*, which was cut off (rule 3)."""
    for newcomer in sorted(waiting, key=lambda n: n.face.kind is not None):
        like = copylike(newcomer) and newcomer.canonical == known.canonical
        if (newcomer.twin == known.row or like) and is_rest(known, newcomer.face):
            return newcomer
    return None


def copies_beside(known: Checkpoint, taken: Callable[[Node], bool]) -> Iterator[tuple[str, Face]]:
    """Open the files beside that of *known* that may be copies of it: text, then archives.

    Each face belongs to the caller. Files of nodes that are *taken* are not looked at.
    """
    for path in _siblings(known):
        try:
            face, _ = open_log(path)
        except OSError:
            continue
        if taken(face.node):
            face.close()
        else:
            yield path, face


def uncopied(known: Checkpoint, lost_bytes: int) -> int:
    """Return how many of *lost_bytes* no copy has, where the log was cut off before it was read.

    Such a copy is a log of its own. (Of a log that was read, the copy is read on: see `is_rest`.)
    """
    longest = 0
    for _, face in copies_beside(known, lambda _: False) if known.offset == 0 else ():
        with closing(face), suppress(OSError, DamagedError):
            if same_head(known, face) and face.approach(known.size + 1, 4 * _APPROACH):
                longest = max(longest, face.size() or 0)
    return max(0, lost_bytes - longest)


def is_rest(known: Checkpoint, face: Face, *, more: bool = False) -> bool:
    """Tell whether a file has all that was read of *known*, so that it can be read on there.

    If nothing was read, it has to have all that was seen. With *more*, it has to have more.
    """
    try:
        return (
            known.head.length > 0
            and (known.offset > 0 or _reaches(face, known.size))
            and same_head(known, face)
            and face.approach(known.offset, 4 * _APPROACH)
            and judge(known, face) is Verdict.SAME
            and not (more and not face.pread(1, known.offset))
        )
    except (OSError, DamagedError):
        return False


def _reaches(face: Face, size: int) -> bool:
    """Tell whether a file has *size* bytes. Raises OSError and DamagedError."""
    return face.approach(size, 4 * _APPROACH) and len(face.pread(1, max(0, size - 1))) == 1


def falls_short(known: Checkpoint, face: Face) -> bool:
    """Tell whether a file ends before the checkpoint of *known*, and says what was read till there.

    Raises as `judge` does.
    """
    size = face.size() if face.approach(known.offset, 4 * _APPROACH) else None
    if size is None or size >= known.offset:
        return False
    if size < HEAD_BYTES:  # no head tells it from others: see `trail`, rule 4
        return tells_all(known.trail, exactly(face, size, 0))
    mark = last_mark(known.trail, size)
    if mark is None or not same_head(known, face):
        return False
    length = mark.before.length
    return mark.before.matches(exactly(face, length, mark.offset - length))


def _untouched(known: Checkpoint, waiting: Newcomer) -> bool:
    """Tell whether nothing was read of *known*, and a newcomer may have all that was seen of it."""
    return (
        known.over
        and known.offset == 0
        and known.canonical == waiting.canonical
        and copylike(waiting)
        and is_rest(known, waiting.face)
    )


def _related(waiting: Newcomer, tailer: Tailer) -> bool:
    if waiting.twin == tailer.checkpoint.row:
        return True
    path = tailer.path
    named = path == tailer.checkpoint.canonical or waiting.path.startswith(path)
    # One that was renamed after it was written anew is no more what a copy was made of.
    likely = copylike(waiting) and tailer.face.kind is None
    return likely and (named or not tailer.stands())


def _compared(known: Checkpoint, face: Face, *, settled: bool) -> Verdict | Kin:
    try:
        if not same_head(known, face):
            return Verdict.REWRITTEN
        if not _near(face, known.offset, settled=settled):
            return Kin.UNDECIDED
        return judge(known, face)
    except DamagedError as error:
        if error.growing and not settled:
            return Kin.UNDECIDED
        raise


def _near(face: Face, offset: int, *, settled: bool) -> bool:
    """Come nearer to *offset*; False if that is not done, or the file not whole yet (rule 4)."""
    if not face.approach(offset, _APPROACH):
        return False
    return face.fault is None or settled or not face.fault.growing


def _relation(waiting: Newcomer, tailer: Tailer, *, settled: bool) -> Kin:
    """Compare a newcomer with a file that is still there, or still held."""
    face, mine = waiting.face, tailer.face
    own = mine.size() or 0
    head, other = mine.pread(HEAD_BYTES, 0), face.pread(HEAD_BYTES, 0)
    common = min(len(head), len(other))
    if not common or head[:common] != other[:common]:
        return Kin.STRANGER if common and tailer.stands() else Kin.UNDECIDED
    if not _near(face, own + 1, settled=settled):
        return Kin.UNDECIDED
    if face.fault is not None:
        raise DamagedError(face.fault)
    size = face.size()
    end = own if size is None else min(own, size)
    span = (min(end, TAIL_BYTES), max(0, end - TAIL_BYTES))
    if own < tailer.checkpoint.offset or not tailer.stands():
        return Kin.UNDECIDED  # it was written anew; whoever reads it on will say so
    if mine.pread(*span) != face.pread(*span) or size is None or size > own:
        return Kin.STRANGER
    return Kin.REPEATED if settled and size <= tailer.checkpoint.offset else Kin.UNDECIDED


def _siblings(known: Checkpoint) -> list[str]:
    """Return the rotated names in the directory of *known*: text, then archives, newest first."""
    folder, _, own = known.path.rpartition("/")
    found: list[tuple[int, str]] = []
    try:
        with os.scandir(folder or "/") as entries:
            for entry in entries:
                same = entry.name != own and canonical_path(entry.path) == known.canonical
                if same and entry.path != known.canonical and entry.is_file(follow_symlinks=False):
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.path))
    except OSError:
        return []
    newest = [path for _, path in sorted(found, reverse=True)[:_SIBLINGS]]
    return sorted(newest, key=bears_archive_name)
