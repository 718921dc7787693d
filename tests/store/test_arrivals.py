"""Events that are on their way into the queue: safe at once, in one place at any moment."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from shipper.errors import StateBusyError
from shipper.event.batch import unpack
from shipper.store.store import DATABASE, Store

SOURCE = "tracker"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    it = Store.open(tmp_path)
    yield it
    it.close()


def event(number: int) -> bytes:
    return b'{"n":"%05d"}' % number


def queued(store: Store) -> list[bytes]:
    """The events in the queue, in their order."""
    found: list[bytes] = []
    after = 0
    while batches := store.peek(after, 1_000_000):
        after = batches[-1].id
        found += [one for each in batches for one in unpack(each.batch).split(b"\n")]
    return found


def admit_all(store: Store) -> None:
    while store.arrivals.admit():
        pass


def test_what_is_kept_is_in_the_file(store: Store, tmp_path: Path) -> None:
    """Another connection sees it when `keep` returns; it is neither queued nor counted yet."""
    store.arrivals.keep(SOURCE, [event(1), event(2)], 7)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as other:
        rows = other.execute("SELECT source, events, body, created FROM arrival").fetchall()
    assert rows == [(SOURCE, 2, event(1) + b"\n" + event(2), 7)]
    assert store.arrivals.count() == 2
    assert store.backlog().events == 0
    assert store.counters() == {}


def test_it_is_moved_in_its_order_and_counted(store: Store) -> None:
    """Few batches of many events; claimed like all others; counted by source."""
    for number in range(5_000):
        store.arrivals.keep(SOURCE if number % 1000 else "other", [event(number)], number)
    admit_all(store)
    assert store.arrivals.count() == 0
    assert queued(store) == [event(number) for number in range(5_000)]
    assert store.counters() == {("received", SOURCE): 4_995, ("received", "other"): 5}
    assert store.backlog().batches < 15
    assert store.backlog().oldest_ms == 0
    assert [each.id for each in store.order.peek(1_000_000)]
    assert not store.arrivals.admit()


def test_batches_are_no_larger_than_a_request(store: Store) -> None:
    """Of whatever size the sender asks for."""
    for number in range(100):
        store.arrivals.keep(SOURCE, [event(number)], 1)
    assert store.arrivals.admit(500)
    sizes = [each.batch.size for each in store.peek(0, 1_000_000)]
    assert max(sizes) <= 500
    assert len(queued(store)) == 100


def test_who_opens_the_state_moves_what_the_dead_left(store: Store, tmp_path: Path) -> None:
    """Whatever tool it is: to everybody it is as if the event had been queued at once."""
    store.arrivals.keep(SOURCE, [event(1)], 1)
    again = Store.open(tmp_path)
    assert again.backlog().events == 1
    assert again.counters() == {("received", SOURCE): 1}
    again.close()


def test_a_full_disk_moves_nothing_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    """It stays where it is, the state can be opened all the same, and it is moved when there is
    room."""
    noise = ["".join(map(chr, range(start, start + 900))) for start in range(0x4E00, 0x5200, 9)]
    for text in noise:
        store.arrivals.keep(SOURCE, [b'{"t":"%s"}' % text.encode()], 1)
    pages = store._database._db.execute("PRAGMA page_count").fetchone()[0]
    store._database._db.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    with pytest.raises(StateBusyError, match="can't grow"):
        admit_all(store)
    assert store.arrivals.count() + store.backlog().events == len(noise)
    store._database._db.execute("PRAGMA max_page_count = 1000000").fetchall()
    admit_all(store)
    assert len(queued(store)) == len(noise)


def keep(store: Store, keeper: int) -> None:
    for n in range(200):
        store.arrivals.keep(f"keeper-{keeper}", [event(1_000 * keeper + n)], 1)


def move(store: Store, over: threading.Event) -> None:
    while not over.is_set():
        store.arrivals.admit()


def test_many_keep_while_several_move(tmp_path: Path) -> None:
    """Connections of their own, as processes have them: each event once, in its keeper's order."""
    stores = [Store.open(tmp_path) for _ in range(4)]
    over = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        movers = [pool.submit(move, each, over) for each in stores[2:]]
        keepers = [pool.submit(keep, each, number) for number, each in enumerate(stores[:2])]
        for keeper in keepers:
            keeper.result()
        over.set()
        for mover in movers:
            mover.result()
    admit_all(stores[0])
    found = queued(stores[0])
    assert sorted(found) == [event(1_000 * k + n) for k in (0, 1) for n in range(200)]
    for start in (b'{"n":"00', b'{"n":"01'):
        own = [each for each in found if each.startswith(start)]
        assert own == sorted(own)
    assert sum(stores[0].counters().values()) == 400
    for each in stores:
        each.close()
