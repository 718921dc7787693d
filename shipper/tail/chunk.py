"""What is read of a file at a time, and within which limits: values between tailer and pump."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field
from typing import NamedTuple

from shipper.formats.encodings import UTF_8, Encoding
from shipper.tail.checkpoint import Checkpoint

# Descriptors that are left to sockets, the state file and whatever else the process opens.
_RESERVED = 128


def _descriptors() -> int:
    return max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED)


class Chunk(NamedTuple):
    """Whole lines from offset `base`, and the checkpoint to advance to once they are committed.

    `width` is more than `len(data)` where one overlong line had its end cut off, or where there
    are no lines but a `hole`. `bom_length` is that of the mark at the beginning of the file.
    A chunk is `partial` if its last line had no end and was taken all the same, though the file
    may grow; the next one `continues` that line.
    """

    data: bytes
    base: int
    width: int
    after: Checkpoint
    encoding: Encoding = UTF_8
    bom_length: int = 0
    partial: bool = False
    continues: bool = False

    @property
    def hole(self) -> bool:
        """Whether these are `width` bytes of NUL, which belong to no line."""
        return not self.data


class Changed(NamedTuple):
    """The file no longer is what the checkpoint says, or can't be read on.

    `why` is ``truncated``, ``rewritten`` or ``damaged``; `lost_bytes` is what is known to have
    stood there and was not read; `detail` says more of a damage.
    """

    why: str
    lost_bytes: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes of one read, and of the part that is kept of an overlong line; files held open."""

    chunk_bytes: int = 256 * 1024
    line_bytes: int = 1 << 20
    kept_bytes: int = 16 << 20
    open_files: int = field(default_factory=_descriptors)
