"""The trail of a checkpoint: digests of what stood before earlier offsets.

A copytruncate copies a log, and truncates it a moment later. What was written and read in that
moment is not in the copy: it ends before the checkpoint, whose own digest can't be compared there.

Rule 1: a mark is an offset, and the fingerprint of the 64 bytes before it; nearer to the beginning
        of all bytes before it, but of no fewer than 32, which prove nothing. Nor do NULs.
Rule 2: the farther back, the sparser: the next mark is no more than four times as far away, from
        64 bytes to 64 MiB. A trail has some 20 such marks; it is bytes, as it is stored.
Rule 3: while its last mark is no more than 256 bytes back, a trail stays as it is: of many files
        that grow by a line at a time, marks would cost more than their lines.
Rule 4: 64 bytes are the same in many logs, as where lines differ in a number only. They prove
        something beside an equal head; what is shorter than a head has none. So there are marks
        of the ends of the first lines as well, each of *all* bytes before it, and what is that
        short is proven whole or not at all. Of the first 1 KiB there are 32 such marks at most;
        they stand in front.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from shipper.formats.fingerprint import TAIL_BYTES, Fingerprint, digest, fingerprint

_MARK = struct.Struct("<QB16s")
_NEAREST = 64
_CLOSE = 256
_FARTHEST = 64 << 20
_SPARSE = 4
_TELLING = 32
_WHOLE = 0  # in the place of a length: the digest is that of all bytes before the offset
_MOST_WHOLE = 32


class Mark(NamedTuple):
    """What stood before `offset`."""

    offset: int
    before: Fingerprint


def extended(trail: bytes, mark: Mark, read: bytes, offset: int) -> bytes:
    """Return the *trail* of the checkpoint before, at *mark*, moved on to *offset*.

    *read* are bytes that end there: those that were just read, or the last of them.
    """
    if trail and offset - int.from_bytes(trail[-_MARK.size :][:8], "little") <= _CLOSE:
        return trail
    far, whole = {}, _whole_bytes(trail)
    for at in range(whole, len(trail), _MARK.size):
        far[offset - int.from_bytes(trail[at : at + 8], "little")] = trail[at : at + _MARK.size]
    if mark.before.length >= _TELLING:
        far[offset - mark.offset] = _MARK.pack(mark.offset, *mark.before)
    distances = _thinned(sorted(far.keys() | _within(len(read), offset)))
    kept = [far.get(distance) or _taken(read, offset, distance) for distance in distances]
    kept.reverse()
    return trail[:whole] + b"".join(kept)


def with_line_ends(trail: bytes, head: bytes, ends: Iterable[int]) -> bytes:
    """Return the *trail* with marks of all that stands before the *ends* of lines in *head*."""
    telling = (end for end in ends if end >= _TELLING)
    whole = [_MARK.pack(end, _WHOLE, digest(head[:end])) for end in islice(telling, _MOST_WHOLE)]
    return b"".join(whole) + trail[_whole_bytes(trail) :]


def last_mark(trail: bytes, size: int) -> Mark | None:
    """Return the last mark of up to 64 bytes that a file of *size* bytes can be compared at."""
    stored = _MARK.iter_unpack(trail[_whole_bytes(trail) :])
    marks = (Mark(o, Fingerprint(*before)) for o, *before in stored if o <= size)
    return max((mark for mark in marks if not mark.before.hollow), default=None)


def tells_all(trail: bytes, data: bytes) -> bool:
    """Tell whether *data* is, byte for byte, what was read first, up to the end of a line."""
    wanted = (len(data), _WHOLE, digest(data))
    return wanted in _MARK.iter_unpack(trail[: _whole_bytes(trail)])


def _whole_bytes(trail: bytes) -> int:
    """Return where the marks of all bytes before them end in *trail*."""
    at = 0
    while at < len(trail) and trail[at + 8] == _WHOLE:
        at += _MARK.size
    return at


def _within(width: int, offset: int) -> list[int]:
    """Return the distances at which marks can be taken of the last *width* bytes."""
    distances, distance, most = [], _NEAREST, min(width, _FARTHEST)
    while distance <= most:
        if width - distance >= min(TAIL_BYTES, offset - distance) >= _TELLING:
            distances.append(distance)
        distance *= _SPARSE
    return distances


def _thinned(distances: list[int]) -> list[int]:
    """Return those of the rising *distances* that have no better one behind them (rule 2)."""
    kept, reach = [], 0  # how far away the next one may be
    for this, behind in zip(distances, [*distances[1:], _SPARSE * _FARTHEST], strict=False):
        if behind > reach and this <= _FARTHEST:
            kept.append(this)
            reach = _SPARSE * (this if this > _NEAREST else _NEAREST)
    return kept


def _taken(read: bytes, offset: int, distance: int) -> bytes:
    end = len(read) - distance
    return _MARK.pack(offset - distance, *fingerprint(read[max(0, end - TAIL_BYTES) : end]))
