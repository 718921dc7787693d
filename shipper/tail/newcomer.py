"""A file that has no generation yet, because its first line is not complete.

Its descriptor is held all the same: if the file is renamed away while it waits, it can still be
read. The first line goes into the generation's id, so nothing is read before it is known.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from shipper.formats.fingerprint import (
    HEAD_BYTES,
    TAIL_BYTES,
    digest,
    fingerprint,
    first_line,
)
from shipper.formats.rotation import canonical_path
from shipper.tail.checkpoint import Node, Sighting
from shipper.tail.survey import Look, look_of

_STEP = 64 * 1024
_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")


class CompressedError(Exception):
    """The file is compressed: its bytes are no log lines."""


@dataclass(slots=True)
class Newcomer:
    """An open file without a generation, to be read from `start` on.

    `start` was fixed when the file was first seen: what is written while the first line waits for
    its end is new. With `anew` the file is known for a new life of an old one, so that it continues
    nothing. `detached_at` and `grew_at` are as in a tailer.
    """

    fd: int
    node: Node
    path: str
    source: str
    start: int = 0
    anew: bool = False
    detached_at: float | None = None
    grew_at: float = float("-inf")

    @property
    def seen(self) -> Look:
        """What the file looks like."""
        return look_of(os.fstat(self.fd))

    @property
    def idle(self) -> bool:
        """Whether the file may be closed, and opened again when it has changed."""
        return self.detached_at is None and os.fstat(self.fd).st_size == 0

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.fd)

    def sighting(self, *, final: bool) -> Sighting | None:
        """Return what a generation is made of, or None while that is not known yet.

        With *final*, the file will not grow any more: what stands there is its first line.
        Raises OSError, and CompressedError for a file that is no plain text.
        """
        head = os.pread(self.fd, HEAD_BYTES, 0)
        if head.startswith(_MAGIC):
            raise CompressedError
        line = first_line(head) or (digest(head) if final and head else None)
        if line is None:
            return None
        size = os.fstat(self.fd).st_size
        start = self.start if self.start <= size else 0
        tail = os.pread(self.fd, min(TAIL_BYTES, start), max(0, start - TAIL_BYTES))
        return Sighting(
            source=self.source,
            path=self.path,
            canonical=canonical_path(self.path),
            node=self.node,
            head=fingerprint(head),
            tail=fingerprint(tail),
            first_line=line,
            start=start,
            size=size,
        )


def last_line_end(fd: int, size: int) -> int:
    """Return the offset behind the last LF before *size*: a checkpoint stands between lines.

    Raises OSError.
    """
    while size > 0:
        start = max(0, size - _STEP)
        found = os.pread(fd, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
