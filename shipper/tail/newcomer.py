"""A file that has no generation yet, because its first line is not complete.

Its descriptor is held all the same: if the file is renamed away while it waits, it can still be
read. The first line goes into the generation's id, so nothing is read before it is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from shipper.formats.encodings import UTF_8, Encoding, whole_lines
from shipper.formats.fingerprint import (
    HEAD_BYTES,
    TAIL_BYTES,
    digest,
    fingerprint,
    first_line,
)
from shipper.formats.rotation import canonical_path
from shipper.tail.checkpoint import Node, Sighting
from shipper.tail.compressed import undecided
from shipper.tail.face import DamagedError, Face, faced_anew, scan_nuls
from shipper.tail.identity import exactly
from shipper.tail.survey import Look, look_of

_STEP = 64 * 1024
_APPROACH = 64  # steps a sweep: some 16 MiB of plain bytes


@dataclass(slots=True)
class Newcomer:
    """An open file without a generation.

    Reading will begin at `start`, which was fixed when the file was first seen: what is written
    while the first line waits for its end is new. With `skip`, it begins at the end of what is
    compressed. With `anew` the file is known for a new life of an old one, so that it continues
    nothing. `twin` is the row of a living generation whose content it repeats so far.
    `detached_at` and `grew_at` are as in a tailer. It is `stirred` when a sweep found it changed.
    """

    face: Face
    node: Node
    path: str
    source: str
    start: int = 0
    skip: bool = False
    anew: bool = False
    twin: int | None = None
    detached_at: float | None = None
    grew_at: float = float("-inf")
    looked: Look | None = None
    stirred: bool = True

    @property
    def canonical(self) -> str:
        """The name of the log."""
        return canonical_path(self.path)

    @property
    def seen(self) -> Look:
        """What the file looks like."""
        return look_of(self.face.status())

    @property
    def idle(self) -> bool:
        """Whether the file may be closed, and opened again when it has changed."""
        return self.detached_at is None and self.face.status().st_size == 0

    @property
    def hopeless(self) -> bool:
        """Whether another look would show an empty file again."""
        empty = self.looked is not None and self.looked.size == 0
        return empty and not self.stirred and self.detached_at is None

    def close(self) -> None:
        """Let go of the file."""
        self.face.close()

    def look(self, now: float) -> None:
        """Note whether the file changed, and what it is by now. Raises OSError."""
        self.stirred = False
        look = self.seen
        if look != self.looked:
            self.looked, self.grew_at = look, now
            self.face = faced_anew(self.face)

    def settled(self, now: float, grace: float) -> bool:
        """Tell whether the file has not changed for the *grace* time."""
        return now - self.grew_at >= grace

    def sighting(self, *, final: bool) -> Sighting | None:
        """Return what a generation is made of, or None while that is not known yet.

        With *final*, the file will not grow any more: what stands there is its first line.
        Raises OSError, and DamagedError if the first line stands behind a fault.
        """
        face = self.face
        head = face.pread(HEAD_BYTES, 0)
        if face.kind is None and not final and (undecided(head) or self._hollow(head)):
            return None
        line = first_line(head) or self._last_words(head, final=final)
        if line is None or not self._skipped():
            return None
        size = face.size()
        start = self.start if size is None or self.start <= size else 0
        tail = face.pread(min(TAIL_BYTES, start), max(0, start - TAIL_BYTES))
        return Sighting(
            source=self.source,
            path=self.path,
            canonical=self.canonical,
            node=self.node,
            head=fingerprint(head),
            tail=fingerprint(tail),
            first_line=line,
            start=start,
            size=max(start, size or 0),
        )

    def _hollow(self, head: bytes) -> bool:
        """Tell whether there is nothing but space that was set aside, and will be filled."""
        return not head.strip(b"\0") and not scan_nuls(self.face, 0)[1]

    def _last_words(self, head: bytes, *, final: bool) -> bytes | None:
        """Return the digest of all there is, if no more will come."""
        fault, whole = self.face.fault, self.face.kind is not None and self.face.complete
        if fault is not None:
            raise DamagedError(fault)
        return digest(head) if head and (final or whole) else None

    def _skipped(self) -> bool:
        """Come nearer to the end of what shall be skipped; tell whether that is done."""
        if self.skip and self.face.kind is not None:
            if not self.face.approach(1 << 62, _APPROACH):
                return False
            if self.face.fault is not None:
                raise DamagedError(self.face.fault)
            self.start = self.face.size() or 0
        return True


def last_line_end(face: Face, size: int, encoding: Encoding = UTF_8) -> int:
    """Return the offset behind the last newline before *size*: a checkpoint stands between lines.

    Raises OSError.
    """
    encoding, _ = encoding.marked(exactly(face, 4, 0))
    while size > 0:
        start = max(0, size - _STEP)
        found = whole_lines(face.pread(size - start, start), start, encoding)
        if found:
            return start + found
        size = start
    return 0
