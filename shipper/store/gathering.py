"""What a turn queues: the events of short chunks are packed together, whichever file they are of.

A batch of its own for each of many files that grow by a line at a time would cost more than the
lines: to compress, to queue, to send and to delete.

Rule 1: the events of one log keep their order, within a turn as from turn to turn.
Rule 2: what waits behind a backlog (see `order`) is not put together with what need not.
Rule 3: a log that is behind has its batches for itself, and so do chunks that are not short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from shipper.event.batch import RecordBatch, pack
from shipper.event.chunk import Loose, Parse
from shipper.tail.checkpoint import Checkpoint


class Lot(NamedTuple):
    """Batches of one source that follow each other in the queue, and the logs that they are of."""

    source: str
    logs: tuple[str, ...]
    batches: tuple[RecordBatch, ...]
    behind: bool = False


class _Heap(NamedTuple):
    logs: dict[str, None]
    loose: list[Loose]


def lots(
    turn: Iterable[tuple[Checkpoint, Parse, bool]], waits: Callable[[str], bool]
) -> Iterator[Lot]:
    """Yield what is to be queued, in this order; *waits* tells whether a log waits (rule 2)."""
    heaps: dict[tuple[str, bool], _Heap] = {}
    for checkpoint, parse, behind in turn:
        source, log = checkpoint.source, checkpoint.canonical
        if parse.loose is not None and not behind:
            heap = heaps.setdefault((source, waits(log)), _Heap({}, []))
            heap.logs[log] = None
            heap.loose.append(parse.loose)
        elif batches := parse.packed().batches:
            for key in [key for key in heaps if key[0] == source]:  # rule 1
                yield _lot(source, heaps.pop(key))
            yield Lot(source, (log,), batches, behind)
    for (source, _), heap in heaps.items():
        yield _lot(source, heap)


def _lot(source: str, heap: _Heap) -> Lot:
    events = (event for loose in heap.loose for event in loose.events)
    return Lot(source, tuple(heap.logs), tuple(pack(events, heap.loose[0].max_bytes)))
