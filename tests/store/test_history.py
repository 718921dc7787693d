"""Tests of the history in the state file: bounded, in order, and there after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.store.dead_letters import ALL
from shipper.store.history import KEPT_SECONDS, Condition, Flow, Levels, Step
from shipper.store.store import Store
from tests.store.samples import first_schema

_NOW = 1_795_417_200


def step(at: int, delivered: int = 0, oldest: int | None = None) -> Step:
    flow = Flow(*(0 for _ in Flow._fields))._replace(events_delivered=delivered)
    return Step(
        at,
        10_000,
        flow,
        Levels(lag_bytes=7, queue_events=1, queue_bytes=2, queue_oldest_seconds=oldest),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path)
    yield store
    store.close()


def _note(store: Store, *steps: Step) -> None:
    for each in steps:
        store.history.note(Condition(each.at * 1000), {}, each)


def test_steps_come_back_in_order(store: Store) -> None:
    """What was noted is read as it was, oldest first, also that the queue was empty."""
    first, second = step(_NOW, 5, 3), step(_NOW + 10, 6, None)
    _note(store, first, second)
    assert store.history.steps() == [first, second]
    assert store.history.steps(since=_NOW) == [second]


def test_a_clock_that_is_set_back(store: Store) -> None:
    """Steps that were noted as of later do not stay until that time has come."""
    _note(store, step(_NOW + 86_400), step(_NOW))
    assert store.history.steps() == [step(_NOW)]


def test_an_hour_is_kept(store: Store) -> None:
    """However long it runs, there are no more rows than an hour has steps."""
    _note(store, *(step(_NOW + 10 * n) for n in range(1_000)))
    kept = store.history.steps()
    assert len(kept) == KEPT_SECONDS // 10
    assert kept[-1].at == _NOW + 9_990


def test_it_outlives_a_restart(tmp_path: Path) -> None:
    """Who starts anew sees what was before."""
    store = Store.open(tmp_path)
    _note(store, step(_NOW, 5))
    store.history.note(
        Condition(1, "queue_full", "the queue is full"), {"requests:delivered": 2}, None
    )
    store.close()
    again = Store.open(tmp_path)
    again.history.note(
        Condition(2, "queue_full", "the queue is full"), {"requests:delivered": 3}, None
    )
    assert again.history.steps() == [step(_NOW, 5)]
    assert again.history.condition() == Condition(2, "queue_full", "the queue is full")
    assert again.counters() == {("requests:delivered", ""): 5}
    again.close()


def test_a_condition_of_a_newer_program_is_understood(store: Store) -> None:
    """Facts that a later version adds do not hide those that this one knows."""
    with store._database.transaction() as db:
        noted = '[9, "a", "b", "c", "d", 1.5, 2, 3.5, "new"]'
        db.execute("INSERT INTO meta VALUES ('condition', ?)", (noted,))
    assert store.history.condition() == Condition(9, "a", "b", "c", "d", 1.5, 2, 3.5)


def test_letters_of_an_older_state_are_counted(tmp_path: Path) -> None:
    """A state that had dead letters before they were counted by reason begins with those."""
    db = first_schema(tmp_path / "state.db")
    for reason in ("no_match", "no_match", "rejected"):
        db.execute(
            "INSERT INTO dead_letter (created, source, path, grammar, reason, detail, raw) "
            "VALUES (1, 'web', '', '', ?, '', x'')",
            (reason,),
        )
    db.commit()
    db.close()
    store = Store.open(tmp_path)
    assert store.counters()["letters:no_match", "web"] == 2
    store.dead_letters.discard(ALL)
    assert store.counters()["letters:rejected", "web"] == 1
    store.close()
