"""A file generation and how far it has been read: the durable part of a tailer, as a value.

A generation is one life of one file, from its creation or truncation to the next.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from shipper.formats.fingerprint import HEAD_BYTES, TAIL_BYTES, Fingerprint, fingerprint
from shipper.formats.held import EMPTY, Held
from shipper.tail.trail import Mark, extended, with_line_ends

_SIGN = 1 << 63


class Node(NamedTuple):
    """The device and inode of a file, as signed 64-bit numbers, which SQLite can store."""

    device: int
    inode: int

    @classmethod
    def of(cls, device: int, inode: int) -> Node:
        """Take `st_dev` and `st_ino`, which are unsigned."""
        if device | inode < _SIGN:
            return cls(device, inode)
        return cls(_signed(device), _signed(inode))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A file that no known generation explains: what a new generation is made of.

    `first_line` is the digest of its first line; `start` is where reading begins.
    """

    source: str
    path: str
    canonical: str
    node: Node
    head: Fingerprint
    tail: Fingerprint
    first_line: bytes
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A generation in the state file. `offset` is where its next record begins, in plain bytes.

    With `over`, no file can ever continue it: it was truncated, rewritten, or deleted for good.
    `held` are lines before the offset whose record is not complete. `trail` tells of what stood
    before earlier offsets (see `trail`).
    """

    row: int
    generation: uuid.UUID
    source: str
    path: str
    canonical: str
    node: Node
    head: Fingerprint
    tail: Fingerprint
    start: int
    offset: int
    size: int
    over: bool = False
    held: Held = EMPTY
    trail: bytes = b""

    def unread(self, size: int) -> int:
        """Return how many bytes of a file of *size* bytes have not been read."""
        return max(0, size - self.offset)

    def at(self, offset: int, before: bytes, size: int) -> Checkpoint:
        """Return the checkpoint moved on to *offset*; *before* are the bytes that end there."""
        tail = fingerprint(before[-TAIL_BYTES:])
        trail = extended(self.trail, Mark(self.offset, self.tail), before, offset)
        return Checkpoint(  # in full: `replace` takes three times as long, for each chunk
            row=self.row,
            generation=self.generation,
            source=self.source,
            path=self.path,
            canonical=self.canonical,
            node=self.node,
            head=self.head,
            tail=tail,
            start=self.start,
            offset=offset,
            size=max(size, offset),
            over=self.over,
            held=self.held,
            trail=trail,
        )

    def with_head(self, head: bytes, line_ends: Iterable[int] = ()) -> Checkpoint:
        """Return the checkpoint with the digest of a head that has grown.

        *line_ends* are those in the head that were read.
        """
        trail = with_line_ends(self.trail, head, line_ends)
        return replace(self, head=fingerprint(head[:HEAD_BYTES]), trail=trail)

    def moved(self, path: str, node: Node, source: str | None = None) -> Checkpoint:
        """Return the checkpoint under another name, on another inode, or of another source."""
        return replace(self, path=path, node=node, source=source or self.source, over=False)

    def holding(self, held: Held) -> Checkpoint:
        """Return the checkpoint with what is held after the lines before its offset."""
        return self if held == self.held else replace(self, held=held)

    def ended(self) -> Checkpoint:
        """Return the checkpoint of a generation that is over for good."""
        return replace(self, over=True)


def _signed(number: int) -> int:
    return number - (_SIGN << 1) if number >= _SIGN else number
