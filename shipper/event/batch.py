"""Record batches: events as they stand in the queue.

Rule 1: a batch never needs more than one request of the size it was packed for.
Rule 2: `size` is the exact number of uncompressed bytes, so a request is planned without
        decompressing anything.
Rule 3: events keep their order, within a batch and from batch to batch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import zstandard

from shipper.protocol.envelope import STAMP, WRAPPER

ENCODING = "zstd"
# Level 1 packs events 9 to 12 times smaller; higher levels cost more time than they save disk.
_LEVEL = 1
_local = threading.local()


class RecordBatch(NamedTuple):
    """`events` events of `size` bytes in all when joined by LF; `body` is that, compressed."""

    events: int
    size: int
    body: bytes


def pack(events: Iterable[bytes], max_bytes: int) -> Iterator[RecordBatch]:
    """Pack *events* into batches, each within a request of *max_bytes*.

    The caller has made sure that each event fits by itself (see `fits`).
    """
    group: list[bytes] = []
    room = limit = max_bytes - WRAPPER
    for event in events:
        need = len(event) + STAMP + 1
        if need - 1 > room and group:
            yield compress(group)
            group, room = [], limit
        group.append(event)
        room -= need
    if group:
        yield compress(group)


def fits(event: bytes, max_bytes: int) -> bool:
    """Tell whether *event* fits into a request of *max_bytes* by itself."""
    return WRAPPER + STAMP + len(event) <= max_bytes


def unpack(batch: RecordBatch) -> bytes:
    """Return the events of *batch*, joined by LF. Raises ValueError if the body is damaged."""
    try:
        joined: bytes = _codec()[1].decompress(batch.body, max_output_size=batch.size)
    except zstandard.ZstdError as error:
        raise ValueError(f"a record batch can't be decompressed: {error}") from error
    return joined


def compress(group: list[bytes]) -> RecordBatch:
    """Make one batch of *group*, whatever its size."""
    joined = b"\n".join(group)
    return RecordBatch(len(group), len(joined), _codec()[0].compress(joined))


def _codec() -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor]:
    # A zstd context belongs to one thread; making one for each call would cost more than its work.
    if not hasattr(_local, "codec"):
        _local.codec = (
            zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True),
            zstandard.ZstdDecompressor(),
        )
    codec: tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor] = _local.codec
    return codec
