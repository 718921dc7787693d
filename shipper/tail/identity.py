"""Which generation is this file? The decision, from what was seen, without looking again.

| node known | head matches | size ≥ offset | tail matches | verdict |
|---|---|---|---|---|
| yes | yes | yes | yes | SAME: read on (the name may have changed) |
| yes | any | no  | –   | TRUNCATED: a new generation from 0 |
| yes | no  | yes | –   | REWRITTEN: inode reused, or written anew in place |
| yes | yes | yes | no  | REWRITTEN: truncated, and grown past the offset since |
| no  | yes | yes | yes | SAME, if the old file is gone: moved, restored, or replaced by a copy |
| no  | otherwise |  |  | a stranger: a new generation |

"Could not look" is not in the table: whoever could not look decides nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import Enum

from shipper.tail.checkpoint import Checkpoint


class Verdict(Enum):
    """What a file is to a generation of the same node."""

    SAME = "same"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"


def judge(known: Checkpoint, fd: int, size: int) -> Verdict:
    """Compare the open file *fd* of *size* bytes with a generation. Raises OSError."""
    if size < known.offset:
        return Verdict.TRUNCATED
    if not known.head.matches(os.pread(fd, known.head.length, 0)):
        return Verdict.REWRITTEN
    tail = os.pread(fd, known.tail.length, known.offset - known.tail.length)
    return Verdict.SAME if known.tail.matches(tail) else Verdict.REWRITTEN


def heir(gone: Iterable[Checkpoint], canonical: str, fd: int, size: int) -> Checkpoint | None:
    """Return the generation, of those whose file is *gone*, that the unknown file *fd* continues.

    A file of which nothing was read yet proves nothing by its empty tail, so it has no heir.
    Raises OSError.
    """
    for known in gone:
        telling = known.canonical == canonical and known.offset > 0 and known.head.length > 0
        if telling and judge(known, fd, size) is Verdict.SAME:
            return known
    return None
