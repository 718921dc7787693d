"""Tests of a disk that errs at any statement: reading waits, and every line is queued once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from shipper.service.audit import audit
from shipper.service.chores import Chores
from shipper.store.database import Database
from tests.service.test_chores import _chores
from tests.shipping import Make, Shipper, shippers
from tests.store.faulty import ERRORS, Faulty, error


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(Database, "connection", Faulty)
    monkeypatch.setattr(Faulty, "fault", staticmethod(lambda _sql: None))
    with shippers(tmp_path) as make:
        yield make


def _work(shipper: Shipper, chores: Chores, turns: int) -> None:
    for _ in range(turns):
        shipper.turn()
        chores.turn()


@pytest.mark.parametrize("code", ERRORS, ids=lambda code: f"error {code}")
@pytest.mark.parametrize("seed", range(4))
def test_a_disk_that_errs_at_random(
    ship: Make, monkeypatch: pytest.MonkeyPatch, code: int, seed: int
) -> None:
    """A statement in five fails, reads and commits alike: no crash, no line lost, none doubled."""
    rng = Random(seed)
    shipper = ship("*.log")
    chores = _chores(shipper)
    written = []

    def fault(_sql: str) -> sqlite3.Error | None:
        return error(code) if rng.random() < 0.2 else None

    monkeypatch.setattr(Faulty, "fault", staticmethod(fault))
    for number in range(20):
        words = [f"{number}-{n}" for n in range(20)]
        shipper.logs.append(f"{number % 3}.log", *words)
        written += words
        _work(shipper, chores, 4)
        if number == 10:
            shipper.logs.rotate("0.log")
    assert shipper.reports.names().count("pump.paused") > 0
    monkeypatch.setattr(Faulty, "fault", staticmethod(lambda _sql: None))
    _work(shipper, chores, 8)
    assert sorted(shipper.new_lines()) == sorted(written)
    assert audit(shipper.store).adds_up


def test_a_disk_that_errs_for_long(ship: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """While every commit fails it is said once, and tried once a second, however busy a file is."""
    shipper = ship("*.log")
    chores = _chores(shipper)
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    tries: list[str] = []

    def fault(sql: str) -> sqlite3.Error | None:
        if not sql.startswith("BEGIN IMMEDIATE"):
            return None
        tries.append(sql)
        return error(sqlite3.SQLITE_IOERR_WRITE)

    monkeypatch.setattr(Faulty, "fault", staticmethod(fault))
    for number in range(1_000):
        shipper.logs.append("app.log", str(number))
        shipper.pump.nudge(str(shipper.logs.path("app.log")))
        shipper.clock.pass_(0.01)
        shipper.pump.turn()
        chores.turn()
    assert 10 <= len(tries) <= 22  # in ten seconds: by the pump, and by the chores
    assert shipper.reports.names().count("pump.paused") == 1
    monkeypatch.setattr(Faulty, "fault", staticmethod(lambda _sql: None))
    shipper.clock.pass_(1)
    assert shipper.catch_up().lines() == ["a", *map(str, range(1_000))]
