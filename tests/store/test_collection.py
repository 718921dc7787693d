"""Tests of collection: which rows go, that no count goes with them, and what is known after."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shipper.event.batch import compress
from shipper.event.chunk import Parse
from shipper.formats.held import Held, Open, Record
from shipper.model import Ledger
from shipper.service.audit import audit
from shipper.store.collection import FIRST, MOST, Collected
from shipper.store.store import Progress, Store
from shipper.tail.checkpoint import Checkpoint, Node
from tests.store.samples import NAMESPACE, begin, first_schema, sighting

DAY = 86_400_000
NOW = 500 * DAY
LINE = Ledger(lines_read=1, bytes_read=10, lines_emitted=1, bytes_emitted=10, events=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "state")
    yield store
    store.close()


def read(store: Store, checkpoint: Checkpoint, now_ms: int = 1) -> Checkpoint:
    """Read a line of ten bytes."""
    after = checkpoint.at(checkpoint.offset + 10, b"x" * 64, 100)
    store.commit([Progress(after, Parse((compress([b'{"x":1}']),), (), LINE))], now_ms)
    return after


def end(store: Store, *, over: bool = False, age: int, inode: int = 1, lost: int = 0) -> int:
    """Put a generation on record that ended *age* days ago; return its row."""
    last = read(store, begin(store, inode=inode))
    last = last.ended() if over else last
    store.finish(last, lost, NOW - age * DAY, why="truncated" if over else "gone")
    return last.row


def rows(store: Store) -> list[int]:
    with store._database.reading() as db:
        return [row for (row,) in db.execute("SELECT id FROM file ORDER BY id")]


def collect(store: Store, now_ms: int = NOW) -> list[int]:
    """Collect all that is due; return the rows that went."""
    before = rows(store)
    after = FIRST
    while due := store.collection.due(now_ms, after):
        store.collection.collect([ended.row for ended in due], now_ms)
        after = due[-1]
    store.collection.collect([], now_ms)
    left = set(rows(store))
    return [row for row in before if row not in left]


def many(store: Store, state: str, count: int, *, seen: int, first_inode: int = 0) -> None:
    """Put *count* rows on record that ended at *seen* and the milliseconds after it."""
    with store._database.transaction() as db:
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "
            "INSERT INTO file (generation, source, path, canonical, device, inode, head_length, "
            "head_digest, tail_length, tail_digest, start, offset, size, state, first_seen, "
            "last_seen, stream) SELECT CAST(? || i AS BLOB), 'web', '/logs/' || i, '/logs', 1, "
            "i + ?, 0, x'', 0, x'', 0, 0, 0, ?, 1, ? + i, x'00' FROM n",
            (count, state, first_inode, state, seen),
        )


# Which rows go


def test_what_ended_long_ago_goes(store: Store) -> None:
    """What is over goes after a week, what may come back after 35 days; what is open stays."""
    read(store, begin(store, inode=1), 1)
    gone = [
        end(store, over=True, age=8, inode=2),
        end(store, age=36, inode=3),
    ]
    end(store, over=True, age=6, inode=4)
    end(store, age=34, inode=5)
    assert collect(store) == gone
    assert len(rows(store)) == 3


@pytest.mark.parametrize(("state", "newest"), [("over", 10_000), ("finished", 100_000)])
def test_the_newest_stay(store: Store, state: str, newest: int) -> None:
    """However many files end in a day, no more rows stay than there is room for."""
    many(store, state, newest + 1_500, seen=NOW - DAY)
    went = collect(store)
    assert len(went) == 1_500
    assert went == sorted(went)
    assert went[-1] < rows(store)[0]


def test_the_newest_stay_though_all_ended_at_once(store: Store) -> None:
    """Rows that ended in the same millisecond are told apart."""
    many(store, "over", 10_100, seen=NOW - DAY)
    with store._database.transaction() as db:
        db.execute("UPDATE file SET last_seen = ?", (NOW - DAY,))
    assert len(collect(store)) == 100


def test_rows_that_are_needed_stay(store: Store) -> None:
    """A row that holds lines stays, and one that does not add up: it is the evidence."""
    holding = end(store, over=True, age=100, inode=1)
    wrong = end(store, over=True, age=100, inode=2)
    gone = end(store, over=True, age=100, inode=3)
    part = Record(0, b"a", "a", 1, 2, None, None)
    with store._database.transaction() as db:
        held = Held((Open(0, (part,)),)).to_bytes()
        db.execute("UPDATE file SET open_group = ? WHERE id = ?", (held, holding))
        db.execute("UPDATE file SET bytes_blank = 5 WHERE id = ?", (wrong,))
    assert collect(store) == [gone]


def test_a_row_that_was_opened_again_meanwhile_stays(store: Store) -> None:
    """Between the look and the collecting a file may come back."""
    last = read(store, begin(store))
    store.finish(last, 0, 1)
    (due,) = store.collection.due(NOW)
    read(store, last, NOW)
    store.collection.collect([due.row], NOW)
    assert rows(store) == [last.row]
    assert store.collection.sums() == {}


def test_one_call_looks_at_so_many_rows(store: Store) -> None:
    """A call is bounded, and goes on behind what the last one looked at, whatever that kept."""
    many(store, "finished", MOST + 10, seen=1)
    many(store, "over", MOST, seen=1, first_inode=MOST + 10)
    seen = []
    due = store.collection.due(NOW)
    while due:
        assert len(due) <= MOST
        seen += due
        due = store.collection.due(NOW, due[-1])
    assert [ended.row for ended in seen] == rows(store)


# What is kept of them


def test_no_count_goes_with_a_row(store: Store) -> None:
    """The ledger of a source is what it was, and losses keep their cause."""
    for number in range(1, 4):
        end(store, over=number > 1, age=50, inode=number, lost=number)
    before, found = store.ledgers(), audit(store)
    collect(store)
    assert rows(store) == []
    assert store.ledgers() == before
    assert store.collection.sums() == {
        "web": Collected(3, 30, before["web"], {"gone": 1, "truncated": 5})
    }
    after = audit(store)
    assert after.adds_up
    assert (after.made, after.queued) == (found.made, found.queued) == (3, 3)


def test_sums_grow(store: Store) -> None:
    """What is collected later is added to what was collected before."""
    end(store, over=True, age=50, lost=3)
    collect(store)
    end(store, over=True, age=50, lost=4)
    collect(store)
    sums = store.collection.sums()["web"]
    assert (sums.generations, sums.span, sums.lost) == (2, 20, {"truncated": 7})
    assert sums.ledger == store.ledgers()["web"] == LINE.plus(LINE)._replace(bytes_lost=7)


def test_collecting_is_whole_or_nothing(store: Store) -> None:
    """Where a row can't be deleted its counts are not in the sums either."""
    end(store, over=True, age=50)
    with store._database.transaction() as db:
        db.execute("CREATE TRIGGER no BEFORE DELETE ON file BEGIN SELECT RAISE(FAIL, 'x'); END")
    due = [ended.row for ended in store.collection.due(NOW)]
    with pytest.raises(sqlite3.IntegrityError, match="x"):
        store.collection.collect(due, NOW)
    assert store.collection.sums() == {}
    assert rows(store) == due


# What is known after


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(
        st.tuples(
            st.sampled_from(["open", "finished", "over"]),
            st.integers(1, 2),
            st.sampled_from([1, 6, 8, 20, 34, 36, 60]),
        ),
        min_size=2,
        max_size=9,
    )
)
@example(files=[("finished", 1, 20), ("over", 1, 8)])
def test_no_older_generation_is_known_again(
    store: Store, files: Sequence[tuple[str, int, int]]
) -> None:
    """What is known of an inode is the same as before, or nothing if that itself was collected."""
    with store._database.transaction() as db:
        db.execute("DELETE FROM file")
    for state, inode, age in files:
        last = begin(store, inode=inode)
        store.commit([Progress(last, Parse((), (), Ledger()))], NOW - age * DAY)
        if state != "open":
            store.finish(last.ended() if state == "over" else last, 0, NOW - age * DAY)
    before = {inode: store.known(Node(1, inode)) for inode in (1, 2)}
    collect(store)
    left = rows(store)
    for inode, known in before.items():
        expected = known if known and known.row in left else None
        assert store.known(Node(1, inode)) == expected


def test_ordinals_outlive_their_rows(store: Store) -> None:
    """An application that prints the same banner again gets new ids, though the row is gone."""
    first = begin(store)
    store.finish(first.ended(), 0, NOW - 8 * DAY)
    assert collect(store) == [first.row]
    assert begin(store).generation != first.generation


# Ordinals


def ordinals(store: Store) -> int:
    with store._database.reading() as db:
        (count,) = db.execute("SELECT count(*) FROM stream").fetchone()
    return int(count)


@pytest.mark.parametrize(("days", "left"), [(399, 1), (401, 0)])
def test_ordinals_are_forgotten_in_the_end(store: Store, days: int, left: int) -> None:
    """An ordinal is forgotten 400 days after its last generation was seen, not begun."""
    last = store.begin(sighting(), NAMESPACE, NOW)
    store.finish(last.ended(), 0, NOW + 300 * DAY)
    now = NOW + 308 * DAY
    assert collect(store, now) == [last.row]
    collect(store, NOW + (300 + days) * DAY)
    assert ordinals(store) == left


def test_an_ordinal_stays_while_its_generation_is_on_record(store: Store) -> None:
    """A log that lives for years is numbered on from there."""
    first = begin(store)
    collect(store, 5_000 * DAY)
    assert ordinals(store) == 1
    again = store.begin(sighting(), NAMESPACE, NOW)
    assert again.generation != first.generation


def test_ordinals_stay_while_an_older_row_may_need_them(tmp_path: Path) -> None:
    """Of a row of the first schema nobody knows which ordinal it needs, so all stay till then."""
    first_schema(tmp_path / "state.db").close()
    store = Store.open(tmp_path)
    later = 100_000 * DAY
    collect(store, later)
    assert ordinals(store) == 1
    (last,) = store.checkpoints()
    store.finish(replace(last, over=True), 0, later)
    collect(store, later + 8 * DAY)
    assert (rows(store), ordinals(store)) == ([], 0)
    assert audit(store).adds_up
    store.close()
