"""In which order batches are claimed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.event.batch import compress
from shipper.store.order import Order, Placed, Queued
from shipper.store.store import Store

REQUEST = 200


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path)
    yield store
    store.close()


def _place(
    store: Store, log: str, count: int = 1, *, behind: bool = False, others: tuple[str, ...] = ()
) -> list[int]:
    """Put batches of 120 bytes into the queue: one request holds one of them."""
    before = [queued.id for queued in store.peek(0, 1 << 40)]
    batch = compress([b'{"log":"%s"}' % log.encode().ljust(110)])
    store.enqueue(log, [batch] * count, 1)
    ids = [queued.id for queued in store.peek(before[-1] if before else 0, 1 << 40)]
    store.order.note([Placed((log, *others), range(ids[0], ids[-1] + 1), behind)])
    return ids


def _take(order: Order, max_bytes: int = REQUEST) -> list[Queued]:
    peeked = order.peek(max_bytes)
    if peeked:
        order.claim(peeked)
    return peeked


def _rest(store: Store) -> list[str]:
    """Claim all, one after the other; return the logs."""
    sources = []
    while taken := _take(store.order):
        sources += [queued.source for queued in taken]
    return sources


def test_without_a_backlog_it_is_first_in_first_out(store: Store) -> None:
    """Rule 3: many logs, all up to date: the order of the queue."""
    for log in "abcab":
        _place(store, log)
    assert _rest(store) == list("abcab")


def test_news_overtake_a_backlog_at_every_other_claim(store: Store) -> None:
    """Rule 1: neither waits for the end of the other."""
    _place(store, "busy", 6, behind=True)
    for log in "abc":
        _place(store, log)
    assert _rest(store) == ["a", "busy", "b", "busy", "c", "busy", "busy", "busy", "busy"]


def test_a_log_keeps_its_order(store: Store) -> None:
    """Rule 2: what a log that was behind has new waits till its backlog is claimed."""
    _place(store, "busy", 3, behind=True)
    caught_up = _place(store, "busy")
    _place(store, "quiet")
    taken = []
    while claimed := _take(store.order):
        taken += claimed
    assert [queued.source for queued in taken] == ["quiet", "busy", "busy", "busy", "busy"]
    ids = [queued.id for queued in taken if queued.source == "busy"]
    assert ids == sorted(ids)
    assert ids[-1:] == caught_up


def test_what_waits_in_its_place_is_not_overtaken_by_its_own_log(store: Store) -> None:
    """Rule 2: also of a log that was never behind, but was there before the one that is."""
    first = _place(store, "quiet")
    _place(store, "busy", 2, behind=True)
    second = _place(store, "quiet")
    taken = []
    while claimed := _take(store.order):
        taken += [queued.id for queued in claimed if queued.source == "quiet"]
    assert taken == first + second


def test_what_stood_there_at_the_start_is_not_overtaken(store: Store) -> None:
    """Rule 3: nobody knows any more which log it is of."""
    _place(store, "quiet", 2)
    store.order.begin()
    _place(store, "busy", 2, behind=True)
    _place(store, "quiet")
    assert _rest(store) == ["quiet", "quiet", "busy", "busy", "quiet"]


def test_many_logs_leave_nothing_behind(store: Store) -> None:
    """What is remembered of logs of which nothing waits is forgotten in time."""
    (batch,) = _place(store, "first")
    store.order.cursor = batch
    for number in range(1, 5_000):
        store.order.note([Placed((f"log {number}",), range(1, 2), behind=False)])
    assert len(store.order._in_place) < 2_000


def test_once_its_backlog_is_claimed_a_log_is_news_again(store: Store) -> None:
    """Rule 2 ends with the claim, not with the delivery."""
    _place(store, "busy", 1, behind=True)
    _place(store, "other", 2, behind=True)
    _take(store.order)
    _place(store, "busy")
    assert _rest(store) == ["busy", "other", "other"]


def test_a_batch_is_claimed_once(store: Store) -> None:
    """Rule 4: neither the news that the cursor meets later, nor those that it had passed."""
    _place(store, "busy", 2, behind=True)
    news = _place(store, "quiet", 3)
    ids = [queued.id for queued in _take(store.order)]
    assert ids == news[:1]
    rest: list[int] = []
    while taken := _take(store.order, 1 << 20):
        rest += [queued.id for queued in taken]
    assert sorted(ids + rest) == [queued.id for queued in store.peek(0, 1 << 40)]


def test_a_peek_takes_nothing(store: Store) -> None:
    """Who looks and waits for more finds it again, and more."""
    _place(store, "busy", 1, behind=True)
    (first,) = _place(store, "quiet")
    assert [queued.id for queued in store.order.peek(1 << 20)] == [first]
    (second,) = _place(store, "quiet")
    assert [queued.id for queued in store.order.peek(1 << 20)] == [first, second]


def test_news_that_were_dropped_are_passed_over(store: Store) -> None:
    """What the limits of the queue took away meanwhile hides nothing behind it."""
    _place(store, "busy", 2, behind=True)
    _place(store, "quiet", 300)
    (last,) = _place(store, "late")
    with store._database.transaction() as db:
        db.execute("DELETE FROM batch WHERE source = 'quiet'")
    assert [queued.id for queued in _take(store.order)] == [last]
    assert _rest(store) == ["busy", "busy"]


def test_a_new_sender_claims_all_that_is_left(store: Store) -> None:
    """What the one before it had in hand and did not send is claimed again, in order."""
    _place(store, "busy", 2, behind=True)
    _place(store, "quiet")
    _take(store.order)
    _take(store.order)
    store.order.begin()
    assert _rest(store) == ["busy", "busy", "quiet"]


def test_what_is_in_hand_is_not_dropped(store: Store) -> None:
    """A limit takes the oldest that nobody has in hand, also if it was claimed before."""
    busy = _place(store, "busy", 2, behind=True)
    quiet = _place(store, "quiet", 2)
    claimed = [queued.id for queued in _take(store.order, 1 << 20)]
    assert store.order.hold(claimed) == set(quiet)
    store.drops.oldest("queue_full", store.order, room=1 << 20)
    assert [queued.id for queued in store.peek(0, 1 << 40)] == quiet
    assert busy[0] < quiet[0]
    store.order.let_go(claimed)
    store.drops.oldest("queue_full", store.order, room=1)
    assert [queued.id for queued in store.peek(0, 1 << 40)] == quiet[1:]
    assert store.order.hold(claimed) == set(quiet[1:])


def test_it_is_told_whether_more_waits(store: Store) -> None:
    """Who would wait for a fuller request need not, if what is next would not fit into it."""
    _place(store, "a")
    store.order.peek(REQUEST)
    assert not store.order.more
    _place(store, "b")
    store.order.peek(REQUEST)
    assert store.order.more
    store.order.peek(1 << 20)
    assert not store.order.more


def test_beside_a_backlog_news_are_not_all(store: Store) -> None:
    """A few news do not hold up the backlog that comes after them."""
    _place(store, "busy", behind=True)
    _place(store, "quiet")
    assert [queued.source for queued in store.order.peek(1 << 20)] == ["quiet"]
    assert store.order.more


def test_a_batch_of_several_logs_waits_for_each_of_them(store: Store) -> None:
    """Rule 2: it overtakes a backlog only if nothing of any of its logs waits there."""
    first = _place(store, "a")
    _place(store, "busy", 2, behind=True)
    order = store.order
    assert [order.waiting()(log) for log in ("a", "b", "busy")] == [True, False, True]
    (shared,) = _place(store, "a", others=("b",))
    (later,) = _place(store, "b")
    (other,) = _place(store, "c")
    taken = []
    while claimed := _take(order):
        taken += [queued.id for queued in claimed]
    assert taken[0] == other
    assert taken.index(first[0]) < taken.index(shared) < taken.index(later)
    assert not order.waiting()("a")
