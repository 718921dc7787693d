"""Digests by which a file is recognised whatever its name is.

The head is the first bytes of a file, up to 1 KiB: it grows with a small file. The tail is the
last bytes before an offset, up to 64. The lengths are stored beside the digests, so that other
lengths in a later version never make an old file look new.

NULs prove nothing: holes that writers leave behind a truncation are all alike.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import NamedTuple

HEAD_BYTES = 1024
TAIL_BYTES = 64


class Fingerprint(NamedTuple):
    """A digest of `length` bytes."""

    length: int
    digest: bytes

    def matches(self, data: bytes) -> bool:
        """Tell whether *data* starts with the bytes that this was taken of."""
        return len(data) >= self.length and digest(data[: self.length]) == self.digest

    @property
    def hollow(self) -> bool:
        """Whether it was taken of nothing but NULs."""
        return self.digest == _of_nuls(self.length)


def digest(data: bytes) -> bytes:
    """Return 16 bytes of BLAKE2b: no accident, and nobody who writes logs, makes two alike."""
    return hashlib.blake2b(data, digest_size=16).digest()


@cache
def _of_nuls(length: int) -> bytes:
    return digest(bytes(length))


def fingerprint(data: bytes) -> Fingerprint:
    """Take the fingerprint of all of *data*."""
    return Fingerprint(len(data), digest(data))


NOTHING = fingerprint(b"")


def first_line(head: bytes) -> bytes | None:
    """Return the digest of the first line in *head*, or None while that line may still grow.

    A line longer than the head counts by the head alone.
    """
    end = head.find(b"\n", 0, HEAD_BYTES)
    if end < 0 and len(head) < HEAD_BYTES:
        return None
    return digest(head[: end if end >= 0 else HEAD_BYTES])
