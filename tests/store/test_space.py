"""Tests of the state's room on disk: its ceiling, and how a backlog's space is given back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.errors import StateBusyError
from shipper.event.batch import compress
from shipper.store.space import ceiling
from shipper.store.store import DATABASE, Settlement, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path)
    yield store
    store.close()


def _backlog(store: Store, megabytes: int) -> None:
    for _ in range(megabytes):
        store.enqueue("web", [compress([os.urandom(100_000)]) for _ in range(10)], 1)


def _drain(store: Store) -> None:
    while batches := store.peek(0, 10_000_000):
        store.settle([Settlement(queued, queued.batch.events) for queued in batches], 1)


def _file_bytes(store: Store) -> int:
    store.space.write_back(least=0)
    return store._database.path.stat().st_size


def test_the_file_shrinks_after_a_backlog(store: Store) -> None:
    """Step by step the file gives back what a backlog took, but for what is kept in reserve."""
    _backlog(store, 40)
    full = _file_bytes(store)
    assert full > 40_000_000
    _drain(store)
    steps = 1
    while store.space.shrink():
        steps += 1
    assert steps > 10
    assert _file_bytes(store) < 20_000_000
    assert not store.space.shrink()
    _backlog(store, 5)
    assert store.backlog().events == 50


def test_a_small_backlog_leaves_the_file_alone(store: Store) -> None:
    """Free pages that the next backlog will take are not asked of the disk again and again."""
    _backlog(store, 10)
    _drain(store)
    before = _file_bytes(store)
    assert not store.space.shrink()
    assert _file_bytes(store) == before


def test_all_can_be_given_back(store: Store) -> None:
    """Asked for it, the file gives back every free page."""
    _backlog(store, 5)
    _drain(store)
    while store.space.compact():
        pass
    assert store.space.free_bytes() == 0
    assert _file_bytes(store) < 200_000


def test_the_ceiling_holds(store: Store) -> None:
    """Over its ceiling the state takes nothing more, says so, and takes again what has room."""
    store.space.bound(1_000_000)
    with pytest.raises(StateBusyError, match="ceiling"):
        _backlog(store, 100)
    assert _file_bytes(store) <= ceiling(1_000_000)
    assert ceiling(1_000_000) == 1_000_000 + 125_000 + (64 << 20)
    held = store.backlog().events
    assert 0 < held < 1000
    _drain(store)
    _backlog(store, 1)
    assert store.backlog().events == 10


def test_a_long_log_is_cut_when_nobody_reads_it(tmp_path: Path, store: Store) -> None:
    """The write-ahead log is written back and cut, at once without a reader, else another time."""
    reader = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM batch").fetchall()
    _backlog(store, 3)
    long = store.space.wal_bytes()
    assert long > 3_000_000
    assert not store.space.write_back(least=0)
    assert store.space.wal_bytes() == long
    reader.execute("COMMIT")
    assert store.space.write_back(least=0)
    assert store.space.wal_bytes() == 0
    reader.close()
    _backlog(store, 1)
    assert store.space.write_back(), "a short log is left as it is"
    assert store.space.wal_bytes() > 0


def test_the_tally_is_what_a_count_would_be(store: Store) -> None:
    """Whatever is added, divided or taken away, the sums on record are those of the rows."""
    _backlog(store, 1)
    first, second, *_ = store.peek(0, 10_000_000)
    cut = compress([b"a", b"b"])
    store.settle([Settlement(first, 1), Settlement(second, 0, (), cut)], 1)
    store.order.hold([first.id, second.id])
    store.drops.oldest("queue_full", store.order, room=150_000)
    sql = "SELECT count(*), sum(events), min(created), sum(length(body)) FROM batch"
    with store._database.reading() as db:
        assert store.backlog() == db.execute(sql).fetchone()
    assert store.backlog()[:2] == (7, 8)
