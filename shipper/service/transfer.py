"""Events out of the queue and into it, as lines of text that can be kept and moved.

A line is an object whose last member is ``event``: the very bytes that are in the queue. So what
was exported and is imported elsewhere has the same ids and the same bytes.

Rule 1: an export takes nothing out of the queue, and holds no transaction open.
Rule 2: an import is done in transactions of many lines; what comes in is counted as replayed, so
        that the audit adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from shipper.errors import DataError
from shipper.event.batch import fits, pack, unpack
from shipper.store.counting import Count
from shipper.store.order import Queued
from shipper.store.store import Store

_READ_BYTES = 4_000_000
_LINES = 2_000
_MARK = b',"event":'

Tick = Callable[[int, int], None]


class Waiting(NamedTuple):
    """An event in the queue, and the batch that it is in; `event` is its bytes."""

    batch: int
    source: str
    event: bytes

    def line(self) -> bytes:
        """Return it as one line of text, without its end."""
        head = orjson.dumps({"batch": self.batch, "source": self.source})
        return head[:-1] + _MARK + self.event + b"}"


class Checked(NamedTuple):
    """What a check of the queue found: the counts on record and by row, and what is wrong."""

    on_record: Count
    counted: Count
    faults: list[str]


def batches(store: Store, tick: Tick = lambda _done, _of: None) -> Iterator[Queued]:
    """Go through the queue, oldest first, as it is at each moment. Raises StateError."""
    after = done = 0
    total = store.backlog().events
    while page := store.peek(after, _READ_BYTES):
        yield from page
        after = page[-1].id
        done += sum(queued.batch.events for queued in page)
        tick(min(done, total), total)


def waiting(store: Store, source: str | None, tick: Tick) -> Iterator[Waiting]:
    """Go through the events of the queue, of *source* if one is named. Raises StateError.

    Damaged batches are left out.
    """
    for queued in batches(store, tick):
        if source is None or queued.source == source:
            try:
                joined = unpack(queued.batch)
            except ValueError:  # its sender makes a dead letter of it
                continue
            for event in joined.split(b"\n"):
                yield Waiting(queued.id, queued.source, event)


def take_in(store: Store, lines: Iterable[bytes], max_bytes: int, now_ms: int) -> int:
    """Put exported *lines* at the end of the queue; return how many. Raises DataError, StateError.

    A wrong line ends it: what stands before it is in the queue, and nothing of the rest.
    """
    taken = 0
    group: list[tuple[str, bytes]] = []
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                group.append(_read(line, max_bytes))
        except DataError as error:
            taken += _flush(store, group, max_bytes, now_ms)
            before = f"{taken:,} events before it are in the queue: go on from line {number}"
            remedy = f"{error.remedy}; {before if taken else 'nothing of it is in the queue'}"
            raise DataError(f"line {number} {error.message}", remedy) from error
        if len(group) >= _LINES:
            taken += _flush(store, group, max_bytes, now_ms)
    return taken + _flush(store, group, max_bytes, now_ms)


def check(store: Store, tick: Tick) -> Checked:
    """Count the queue, and open each batch. Raises StateError."""
    on_record, counted = store.counting.recount("queue")
    faults = []
    if on_record != counted:
        faults.append(f"on record are {_words(on_record)}, but there are {_words(counted)}")
    for queued in batches(store, tick):
        try:
            joined = unpack(queued.batch)
        except ValueError as error:
            faults.append(f"batch {queued.id} of {queued.source}: {error}")
            continue
        if (joined.count(b"\n") + 1, len(joined)) != queued.batch[:2]:
            faults.append(f"batch {queued.id} of {queued.source} is not what its row says")
    return Checked(on_record, counted, faults)


def _words(count: Count) -> str:
    return f"{count.entries} batches, {count.events} events, {count.stored_bytes} bytes"


def _read(line: bytes, max_bytes: int) -> tuple[str, bytes]:
    """Return source and event of a line. Raises DataError."""
    try:
        _, mark, rest = line.strip().partition(_MARK)
        members: dict[str, Any] = orjson.loads(line)
        source, event, eid = members["source"], rest[:-1], members["event"]["eid"]
        sound = bool(mark) and isinstance(source, str) and isinstance(eid, str)
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        remedy = "lines have to be as `queue export` wrote them, to the byte: export it anew"
        raise DataError("is no exported event", f"{remedy}, or leave it out")
    if not fits(event, max_bytes):
        what = f"has an event of {len(event)} bytes, and a request takes {max_bytes}"
        raise DataError(what, "raise collector.max_bytes, or leave it out")
    return source, event


def _flush(store: Store, group: list[tuple[str, bytes]], max_bytes: int, now_ms: int) -> int:
    sources = dict.fromkeys(source for source, _ in group)
    for_source = {s: pack([e for of, e in group if of == s], max_bytes) for s in sources}
    store.take_in({source: list(packed) for source, packed in for_source.items()}, now_ms)
    count = len(group)
    group.clear()
    return count
