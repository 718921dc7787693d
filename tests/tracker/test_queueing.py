"""The queue as those see it who add: what is in it, how much of it, and what is taken out."""

from __future__ import annotations

from pathlib import Path

from shipper.store.store import Settlement
from shipper.tracker.queueing import Queue

EVENTS = [b'{"n":"%02d"}' % number for number in range(20)]


def opened(directory: Path) -> Queue:
    return Queue(directory, durable=False, max_bytes=10_000_000, batch_bytes=10_000)


def held(queue: Queue) -> list[bytes]:
    return [event for joined in queue.joined(200) for event in joined.split(b"\n")]


def test_what_was_added_is_read_back_in_its_order(tmp_path: Path) -> None:
    """The file is made; all events are there to the byte, also when it is opened anew."""
    queue = opened(tmp_path / "events")
    queue.add([b'{"first":"1"}'])
    for event in EVENTS:
        queue.add([event])
    assert held(queue) == [b'{"first":"1"}', *EVENTS]
    queue.close()
    again = opened(tmp_path / "events")
    assert held(again) == [b'{"first":"1"}', *EVENTS]
    again.close()


def test_a_part_or_all_can_be_counted_and_taken(tmp_path: Path) -> None:
    """Of twenty, ten are asked for or thirty; one is deleted, then none, then all."""
    queue = opened(tmp_path)
    for event in EVENTS:
        queue.add([event])
    batches = queue.store.peek(0, 1_000_000)
    assert queue.waiting(batches[9].id) == 10
    assert queue.waiting(batches[-1].id + 10) == queue.waiting(queue.newest()) == 20
    for delivered, left in ((batches[:1], 19), ([], 19), (batches[1:], 0)):
        queue.store.settle([Settlement(each, 1) for each in delivered], 1)
        assert queue.waiting(queue.newest()) == left
    assert held(queue) == []
    queue.close()


def test_what_was_kept_by_one_that_died_is_queued_by_the_next(tmp_path: Path) -> None:
    """Nobody moved it: the next that opens the queue does, before it adds its own."""
    dead = opened(tmp_path)
    dead.keep(EVENTS[:2])
    queue = opened(tmp_path)
    queue.add(EVENTS[2:3])
    assert held(queue) == EVENTS[:3]
    assert queue.store.counters() == {("received", "tracker"): 3}
    dead.close()
    queue.close()
