"""The intake: events from any thread, one commit for all that wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from shipper.model import Clock
from shipper.receiver.intake import STOPPED, Intake
from shipper.room import Limits
from shipper.store.store import Store
from tests.shipping import Reports

CLOCK = Clock(wall=lambda: 1_795_000_000.0, monotonic=lambda: 1.0)
EVENT = b'{"e":"pv","p":"web","tv":"t"}'


class Taking:
    """An intake over a real queue, and what it said to those who wait."""

    def __init__(self, directory: Path, limits: Limits | None = None) -> None:
        self.store = Store.open(directory)
        self.reports = Reports()
        self.rings: list[str] = []
        self.told: list[str] = []
        bells: tuple[Callable[[], None], Callable[[], None]] = (
            lambda: self.rings.append("offered"),
            lambda: self.rings.append("queued"),
        )
        self.intake = Intake(self.store, self.reports, limits or Limits(), 180_000, CLOCK, bells)

    def offer(self, *events: bytes) -> None:
        self.intake.offer(list(events), self.told.append)


def test_those_who_wait_share_a_commit(tmp_path: Path) -> None:
    """One batch for three requests, and all are told after it."""
    taking = Taking(tmp_path)
    for _ in range(3):
        taking.offer(EVENT, EVENT)
    assert taking.told == []

    assert taking.intake.turn() is None

    assert taking.told == ["", "", ""]
    assert taking.store.backlog()[:2] == (1, 6)
    assert taking.rings == ["offered"] * 3 + ["queued"]
    assert taking.store.counters() == {("received", "receiver"): 6}
    taking.store.close()


def test_whoever_was_told_finds_it_on_the_disk(tmp_path: Path) -> None:
    """Another connection sees the events at the moment of the answer."""
    taking = Taking(tmp_path)
    seen: list[int] = []

    def look(_: str) -> None:
        with sqlite3.connect(tmp_path / "state.db") as other:
            seen.append(other.execute("SELECT sum(events) FROM batch").fetchone()[0])
        other.close()

    taking.intake.offer([EVENT], look)
    taking.intake.turn()
    assert seen == [1]
    taking.store.close()


@pytest.mark.parametrize("policy", ["pause", "drop_newest"])
def test_a_full_queue_takes_nothing_and_says_so_once(tmp_path: Path, policy: str) -> None:
    """The tracker has the events still; nothing counts as dropped."""
    limits = Limits(queue_bytes=1, when_full=policy)  # type: ignore[arg-type]  # one of its words
    taking = Taking(tmp_path, limits)
    for _ in range(2):
        taking.offer(EVENT)
        taking.intake.turn()
    assert taking.told == ["the queue is full"] * 2
    assert taking.reports.names() == ["receiver.refusing"]
    assert taking.store.counters() == {}
    taking.store.close()


def test_a_locked_state_takes_nothing_until_it_is_free(tmp_path: Path) -> None:
    """Whoever waits is sent away in time, and the next is taken."""
    taking = Taking(tmp_path)
    taking.store._database.patience = 0.0
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    taking.offer(EVENT)
    taking.intake.turn()
    assert "is locked by another process" in taking.told[0]
    other.execute("ROLLBACK")
    other.close()
    taking.offer(EVENT)
    taking.intake.turn()
    assert taking.told[1] == ""
    assert taking.reports.names() == ["receiver.refusing", "receiver.accepting"]
    taking.store.close()


def test_whoever_waits_at_the_end_is_sent_away(tmp_path: Path) -> None:
    """And so is whoever comes after it."""
    taking = Taking(tmp_path)
    taking.offer(EVENT)
    taking.intake.close()
    taking.offer(EVENT)
    assert taking.told == [STOPPED] * 2
    assert taking.store.backlog().events == 0
    taking.store.close()
