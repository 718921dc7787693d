"""Which generation is this file? The decision, from what was seen, without looking again.

| node known | head matches | size ≥ offset | tail matches | verdict |
|---|---|---|---|---|
| yes | yes | yes | yes | SAME: read on (the name may have changed) |
| yes | any | no  | –   | TRUNCATED: a new generation from 0 |
| yes | no  | yes | –   | REWRITTEN: inode reused, or written anew in place |
| yes | yes | yes | no  | REWRITTEN: truncated, and grown past the offset since |
| no  | yes | yes | yes | SAME, if the old file is gone: moved, restored, or replaced by a copy |
| no  | otherwise |  |  | a stranger: a new generation |

A hole says nothing but its length: one that is longer is another, though head and tail match.

"Could not look" is not in the table: whoever could not look decides nothing. Sizes and offsets
are those of plain bytes; where only decompressing would tell the size, the bytes before the
offset are asked for instead.
"""

from __future__ import annotations

from enum import Enum

from shipper.tail.checkpoint import Checkpoint
from shipper.tail.face import DamagedError, Face

_CHARACTER = 4  # bytes of the widest: in some encodings the first of them are NULs


class Verdict(Enum):
    """What a file is to a generation of the same node."""

    SAME = "same"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"


def judge(known: Checkpoint, face: Face) -> Verdict:
    """Compare an open file with a generation.

    Raises OSError, and DamagedError where a fault hides the bytes that would tell. Of a compressed
    file this reads up to the checkpoint: `approach` that first.
    """
    size = face.size()
    if size is not None and size < known.offset:
        return Verdict.TRUNCATED
    if not same_head(known, face):
        return Verdict.REWRITTEN
    tail = exactly(face, known.tail.length, known.offset - known.tail.length)
    if len(tail) < known.tail.length:
        return Verdict.TRUNCATED
    same = known.tail.matches(tail) and not (_hollow(known) and _hole_goes_on(known, face))
    return Verdict.SAME if same else Verdict.REWRITTEN


def _hollow(known: Checkpoint) -> bool:
    """Tell whether nothing but a hole was read: that says how long it is, and no more."""
    return known.offset > 0 and known.head.hollow and known.tail.hollow


def _hole_goes_on(known: Checkpoint, face: Face) -> bool:
    """Tell whether no character stands where a hole ended. Raises as `exactly` does."""
    return exactly(face, _CHARACTER, known.offset) == bytes(_CHARACTER)


def same_head(known: Checkpoint, face: Face) -> bool:
    """Tell whether a file begins as a generation does. Raises as `judge` does."""
    return known.head.matches(exactly(face, known.head.length, 0))


def exactly(face: Face, length: int, offset: int) -> bytes:
    """Return *length* bytes, or fewer at the end; a fault in between raises DamagedError.

    Raises OSError.
    """
    data = face.pread(length, offset)
    if len(data) < length and face.fault is not None:
        raise DamagedError(face.fault)
    return data


def telling(known: Checkpoint, canonical: str) -> bool:
    """Tell whether what is on record of a generation of the log *canonical* can prove a copy."""
    return (
        known.canonical == canonical
        and known.offset > 0
        and known.head.length > 0
        and not _hollow(known)
    )
