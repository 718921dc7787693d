"""Tests of the store: each method is one transaction, and the queue is first in, first out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipper.errors import StateBusyError, StateError
from shipper.event.batch import RecordBatch, compress, unpack
from shipper.event.chunk import Parse, Reject
from shipper.model import Ledger
from shipper.protocol.envelope import post_size
from shipper.store.dead_letters import Buried
from shipper.store.order import Queued
from shipper.store.store import Progress, Settlement, Store
from shipper.tail.checkpoint import Checkpoint, Node
from tests.store.samples import NAMESPACE, begin, sighting


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "state")
    yield store
    store.close()


def _batch(*events: str) -> RecordBatch:
    return compress([b'{"x":"%s"}' % event.encode() for event in events])


def _read(checkpoint: Checkpoint, *events: str, bytes_: int = 10) -> Progress:
    after = checkpoint.at(checkpoint.offset + bytes_, b"x" * 64, 100)
    ledger = Ledger(lines_read=1, bytes_read=bytes_, lines_emitted=1, bytes_emitted=bytes_)
    return Progress(after, Parse((_batch(*events),), (), ledger))


def _events(queued: list[Queued]) -> list[bytes]:
    return [event for each in queued for event in unpack(each.batch).split(b"\n")]


# Files


def test_begin_gives_the_same_id_for_the_same_file(tmp_path: Path) -> None:
    """A generation's id follows from namespace, path, first line and ordinal, nothing else."""
    ids = []
    for state in ("a", "b"):
        store = Store.open(tmp_path / state)
        ids.append([store.begin(sighting(), NAMESPACE, n).generation for n in range(3)])
        store.close()
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_a_checkpoint_survives(store: Store) -> None:
    """What was committed is what is read back."""
    checkpoint = begin(store)
    progress = _read(checkpoint, "a")
    store.commit([progress], 5)
    assert store.checkpoints() == [progress.checkpoint]
    assert store.known(checkpoint.node) == progress.checkpoint


def test_extreme_nodes(store: Store) -> None:
    """Device and inode numbers of 64 bits, unsigned, are stored and found again."""
    node = Node.of((1 << 64) - 1, 1 << 63)
    store.begin(replace(sighting(), node=node), NAMESPACE, 1)
    found = store.known(node)
    assert found is not None
    assert found.node == node == Node(-1, -(1 << 63))


def test_an_open_generation_is_known_before_a_finished_one(store: Store) -> None:
    """Of the generations of one inode, the open one is known, else the one last seen."""
    first = begin(store, path="/logs/a")
    second = begin(store, path="/logs/b")
    assert store.known(first.node) == second
    store.finish(second, 0, 9)
    assert store.known(first.node) == first
    store.finish(first, 0, 10)
    assert store.known(first.node) == first


def test_what_is_over_for_good_is_not_known(store: Store) -> None:
    """A truncated life is never taken up again, and it hides those before it."""
    earlier = begin(store)
    store.finish(earlier, 0, 1)
    later = begin(store)
    store.finish(later.ended(), 0, 2)
    assert store.known(later.node) is None
    assert store.checkpoints() == []


def test_lost_bytes_of_a_file_that_came_back(store: Store) -> None:
    """What was counted as lost at the end is not lost when the file is read on."""
    checkpoint = begin(store)
    store.finish(checkpoint, 30, 1)
    assert store.ledgers()["web"].bytes_lost == 30
    store.commit([_read(checkpoint, "a")], 2)
    assert store.ledgers()["web"].bytes_lost == 0
    assert [c.row for c in store.checkpoints()] == [checkpoint.row]
    store.finish(checkpoint, 5, 3)
    assert store.ledgers()["web"].bytes_lost == 5


def test_why_bytes_were_lost(store: Store) -> None:
    """The cause of a loss stands with it, and goes with it when the file is read on."""
    one, two = begin(store, path="/a", inode=1), begin(store, path="/b", inode=2)
    store.finish(one, 30, 1, why="gone")
    store.finish(two, 0, 1, why="finished")
    assert [account.lost_why for account in store.accounts()] == ["gone", None]
    store.commit([_read(one, "a")], 2)
    assert [account.lost_why for account in store.accounts()] == [None, None]


def test_a_checkpoint_without_a_row(store: Store) -> None:
    """Where a row is gone nothing is queued: its events would have no checkpoint."""
    lost, parse, _ = _read(replace(begin(store), row=99), "a")
    with pytest.raises(StateError, match=r"no row for /logs/web\.log"):
        store.commit([Progress(lost, parse)], 1)
    with pytest.raises(StateError, match=r"no row for /logs/web\.log"):
        store.finish(lost, 0, 1, parse)
    assert store.backlog().events == 0


def test_a_generation_moves_to_another_source(store: Store) -> None:
    """A source that was given another name takes its files and their ledger along."""
    progress = _read(begin(store, source="old"), "a")
    moved = progress.checkpoint.moved("/logs/web.log", Node(3, 4), "new")
    store.commit([progress._replace(checkpoint=moved)], 1)
    assert store.checkpoints() == [moved]
    assert set(store.ledgers()) == {"new"}


def test_the_namespace_is_kept(store: Store) -> None:
    """Ids keep the namespace of the first start, also when the host is renamed."""
    first = store.namespace("host-a")
    assert store.namespace("host-b") == first


def test_the_first_start_of_a_source(store: Store) -> None:
    """A source is new once."""
    assert store.first_start_of("web")
    assert not store.first_start_of("web")
    assert store.first_start_of("app")


# Commit


def test_a_turn_is_committed_whole_or_not_at_all(store: Store) -> None:
    """A turn that fails at its last file leaves no event, no letter, no checkpoint, no count."""
    good, bad = begin(store, path="/a", inode=1), begin(store, path="/b", inode=2)
    rejects = (Reject(0, b"raw", "g", "no_match", ""),)
    turn = [
        _read(good, "a"),
        Progress(good.at(20, b"y", 100), Parse((), rejects, Ledger(lines_read=1))),
        _read(replace(bad, path="\udcff"), "b"),  # what SQLite can't store
    ]
    with pytest.raises(UnicodeEncodeError):
        store.commit(turn, 1)
    assert store.checkpoints() == [good, bad]
    assert store.backlog().batches == 0
    assert store.dead_letters.page() == []
    assert store.ledgers()["web"] == Ledger()


def test_a_turn_without_room_changes_nothing(store: Store) -> None:
    """A full disk undoes the turn; the same turn succeeds later."""
    checkpoint = begin(store)
    turn = [_read(checkpoint, *(f"{n:04}" * 50 for n in range(200)))]
    body = bytes(range(256)) * 4_000
    big = replace(turn[0].parse, batches=(RecordBatch(1, len(body), body),))
    with store._database.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StateBusyError, match="full"):
        store.commit([*turn, turn[0]._replace(parse=big)], 1)
    assert store.checkpoints() == [checkpoint]
    assert store.backlog().batches == 0
    with store._database.reading() as db:
        db.execute("PRAGMA max_page_count = 100000")
    store.commit(turn, 1)
    assert store.backlog().events == 200


@pytest.mark.parametrize("durable", [False, True])
def test_a_turn_that_cannot_be_read_again_is_durable(store: Store, durable: bool) -> None:
    """A durable turn is flushed before it counts as committed, another one is not."""
    progress = _read(begin(store), "a")
    said: list[str] = []
    with store._database.reading() as db:
        db.set_trace_callback(said.append)
    store.commit([progress], 1, durable=durable)
    flushed = said[:2] == ["PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"]
    assert flushed is durable
    assert (said[-1] == "PRAGMA synchronous = NORMAL") is durable


def test_ledgers_add_up_over_generations(store: Store) -> None:
    """A source's ledger is the sum over all its files."""
    one, two = begin(store, path="/a", inode=1), begin(store, path="/b", inode=2)
    store.commit([_read(one, "a", bytes_=10), _read(two, "b", bytes_=5)], 1)
    ledger = store.ledgers()["web"]
    assert (ledger.lines_read, ledger.bytes_emitted) == (2, 15)
    assert ledger.adds_up()


# What others want to know


def test_the_pace_of_reading(store: Store) -> None:
    """The last pace on record is what is told; there is none before the first."""
    assert store.pace() is None
    store.note_pace(1.0, 2, 3)
    store.note_pace(50_000.5, 12_300_000, 1_795_000_000_000)
    assert store.pace() == (50_000.5, 12_300_000, 1_795_000_000_000)


def test_a_snapshot_sees_no_others_work(tmp_path: Path) -> None:
    """Within a snapshot all readings tell of one moment, whoever writes meanwhile."""
    mine, other = Store.open(tmp_path), Store.open(tmp_path)
    other.enqueue("web", [_batch("a")], 1)
    with mine.snapshot():
        assert mine.backlog().events == 1
        other.enqueue("web", [_batch("b")], 1)
        assert len(mine.peek(0, 1 << 30)) == 1
    assert mine.backlog().events == 2
    mine.close()
    other.close()


# Queue


def test_first_in_first_out(store: Store) -> None:
    """Batches come out in the order in which they went in, also across restarts of reading."""
    for number in range(20):
        store.enqueue("web", [_batch(str(number))], number)
    assert _events(store.peek(0, 1 << 30)) == [b'{"x":"%d"}' % n for n in range(20)]
    first, *rest = store.peek(0, 1 << 30)
    assert store.peek(first.id, 1 << 30) == rest


def test_ids_are_not_given_again(store: Store) -> None:
    """An emptied queue gives new ids: a sender that reads on by id goes blind otherwise."""
    store.enqueue("web", [_batch("a")], 1)
    (queued,) = store.peek(0, 1 << 30)
    store.settle([Settlement(queued, 1)], 1)
    store.enqueue("web", [_batch("b")], 1)
    assert store.peek(0, 1 << 30)[0].id > queued.id


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=4), max_size=8),
    limit=st.integers(100, 600),
)
def test_peek_takes_what_one_request_can_hold(
    store: Store, sizes: list[list[int]], limit: int
) -> None:
    """peek never exceeds the limit, except by a first batch alone; and one more never fitted."""
    batches = [_batch(*("x" * size for size in group)) for group in sizes]
    store.settle([Settlement(q, 0) for q in store.peek(0, 1 << 40)], 1)
    store.enqueue("web", batches, 1)
    taken = [queued.batch for queued in store.peek(0, limit)]
    assert taken == batches[: len(taken)]
    assert taken or not batches
    fits = [_joined_size(batches[:n]) <= limit for n in range(1, len(batches) + 1)]
    assert len(taken) == (max(1, sum(fits)) if batches else 0)


def _joined_size(batches: list[RecordBatch]) -> int:
    joined = b"\n".join(unpack(batch) for batch in batches)
    return post_size(sum(batch.events for batch in batches), len(joined))


def test_settle_delivered_buried_and_left(store: Store) -> None:
    """What was delivered is gone, what was buried is a letter, what is left stays in its place."""
    for name in ("first", "second", "third"):
        store.enqueue("web", [_batch(f"{name} 1", f"{name} 2", f"{name} 3")], 1)
    first, second, third = store.peek(0, 1 << 30)
    buried = Buried(b'{"x":"second 2"}', "rejected", "400")
    left = _batch("second 3")
    store.settle([Settlement(first, 3), Settlement(second, 1, [buried], left)], 2)
    queue = store.peek(0, 1 << 30)
    assert [q.id for q in queue] == [second.id, third.id]
    assert _events(queue)[0] == b'{"x":"second 3"}'
    assert [letter.event for letter in store.dead_letters.page()] == [buried.event]
    assert store.counters() == {
        ("delivered", "web"): 4,
        ("buried", "web"): 1,
        ("letters:rejected", "web"): 1,
    }
    assert store.backlog()[:3] == (2, 4, 1)


def test_settle_is_whole_or_nothing(store: Store) -> None:
    """A settlement that fails half-way leaves the queue as it was."""
    store.enqueue("web", [_batch("a")], 1)
    store.enqueue("web", [_batch("b")], 1)
    queue = store.peek(0, 1 << 30)
    broken = Settlement(queue[1], 0, [Buried(b"{}", "\udcff", "")])
    with pytest.raises(UnicodeEncodeError):
        store.settle([Settlement(queue[0], 1), broken], 1)
    assert store.peek(0, 1 << 30) == queue
    assert store.counters() == {}


def test_a_batch_that_does_not_compress_back(store: Store) -> None:
    """A damaged body is a ValueError that says so, never wrong events."""
    batch = _batch("a")
    with pytest.raises(ValueError, match="can't be decompressed"):
        unpack(batch._replace(body=batch.body[:-5]))
    with pytest.raises(ValueError, match="can't be decompressed"):
        unpack(batch._replace(body=b"nonsense"))


def test_used_bytes_fall_when_the_queue_drains(store: Store) -> None:
    """Free pages do not count: a queue that was drained leaves room."""
    empty = store.used_bytes()
    store.enqueue("web", [RecordBatch(1, 10**6, bytes(10**6))], 1)
    assert store.used_bytes() > 10**6
    store.settle([Settlement(q, 1) for q in store.peek(0, 1 << 30)], 1)
    assert store.used_bytes() < empty + 100_000


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_directory_that_cannot_be_made(tmp_path: Path, place: str) -> None:
    """A state directory that can't be made is a StateError with a remedy."""
    (tmp_path / "file").touch()
    with pytest.raises(StateError) as caught:
        Store.open(tmp_path / place)
    assert caught.value.exit_code == 73
    assert caught.value.remedy


def test_the_directory_is_its_owners_alone(tmp_path: Path) -> None:
    """A state directory that is made is closed to others."""
    Store.open(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
