"""Tests of what is done now and then: pace is noted, rows of files that are gone are summed up."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.service.audit import audit
from shipper.service.books import Books
from shipper.service.chores import Chores
from tests.shipping import Shipper, shippers

_DAY = 86_400


def _chores(shipper: Shipper) -> Chores:
    clock = shipper.clock.clock()
    books = Books(shipper.store, {}, shipper.store.namespace("test-host"), clock)
    return Chores(shipper.store, books, shipper.fleet, shipper.pump, clock)


def test_the_pace_is_noted(tmp_path: Path) -> None:
    """Whoever looks into the state finds how much is left to read, and how fast it goes."""
    with shippers(tmp_path) as ship:
        shipper = ship("*.log")
        chores = _chores(shipper)
        shipper.logs.append("app.log", *("x" * 99 for _ in range(100)))
        shipper.turn()
        chores.turn()
        for _ in range(40):
            shipper.clock.pass_(0.25)
            shipper.turn()
            chores.turn()
        pace = shipper.store.pace()
        assert pace is not None
        assert pace.unread_bytes == 0
        assert pace.read_bytes_per_s == pytest.approx(10_000 / 20, rel=0.5)


def test_rows_of_files_that_are_gone_are_summed_up(tmp_path: Path) -> None:
    """Months later the deleted and the rotated file are sums; the quiet one that stands is not."""
    with shippers(tmp_path) as ship:
        shipper = ship("*.log")
        chores = _chores(shipper)
        for name in ("stands.log", "deleted.log", "rotated.log"):
            shipper.logs.append(name, name, "and more")
        shipper.catch_up()
        shipper.logs.delete("deleted.log")
        shipper.logs.rename("rotated.log", "rotated.old")
        shipper.after_grace()
        chores.turn()
        assert len(shipper.store.accounts()) == 3
        shipper.clock.pass_(60 * _DAY)
        shipper.turn()
        chores.turn()
        assert [Path(a.path).name for a in shipper.store.accounts()] == ["stands.log"]
        found = audit(shipper.store)
        assert found.adds_up
        assert found.made == 6


def test_nothing_is_summed_up_before_the_first_sweep(tmp_path: Path) -> None:
    """As long as nobody knows which files are there, no row goes."""
    with shippers(tmp_path) as ship:
        shipper = ship("*.log")
        shipper.logs.append("app.log", "a")
        shipper.catch_up()
        shipper.logs.delete("app.log")
        shipper.after_grace()
        shipper.clock.pass_(60 * _DAY)
        shipper.restart()
        chores = _chores(shipper)
        chores.turn()
        assert len(shipper.store.accounts()) == 1
        shipper.turn()
        chores.turn()
        assert shipper.store.accounts() == []
