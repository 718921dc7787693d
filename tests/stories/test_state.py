"""What happens to the state: power cuts, full disks, other versions, a second start."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from shipper.errors import StateError
from shipper.store.lock import sender_lock
from shipper.store.store import Store
from tests.shipping import Make, stamped


def test_the_write_ahead_log_cut_anywhere(ship: Make, tmp_path: Path) -> None:
    """66: whatever a power cut leaves of the WAL, a restart has each line once, ids unchanged."""
    shipper = ship("app.log*")
    for number in range(30):
        shipper.logs.append("app.log", stamped(number, "one"), stamped(number, "two"))
        shipper.turn()
        if number % 10 == 5:
            shipper.logs.rotate("app.log")
    whole = shipper.catch_up().events()
    assert len(whole) == 60
    shipper.kill()
    left, wal = shipper.state / "state.db", (shipper.state / "state.db-wal").read_bytes()
    rng = Random(66)
    for cut in [0, 31, len(wal), *(rng.randrange(len(wal)) for _ in range(25))]:
        shipper.state = tmp_path / f"cut-{cut}"
        shipper.state.mkdir()
        shutil.copy(left, shipper.state)
        (shipper.state / "state.db-wal").write_bytes(wal[:cut])
        shipper.start()
        assert sorted(shipper.catch_up().events()) == sorted(whole), f"cut at {cut}"
        shipper.stop()
    shipper.start()


def test_a_full_disk(ship: Make) -> None:
    """67: while the disk is full nothing is read; when there is room, it goes on by itself."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", *(f"{n} {Random(n).randbytes(60).hex()}" for n in range(500)))
    with shipper.store._database.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 4}")
    shipper.turn(3)
    assert "full" in shipper.pump.paused
    assert shipper.reports.names().count("pump.paused") == 1
    assert shipper.lines() == []
    with shipper.store._database.reading() as db:
        db.execute("PRAGMA max_page_count = 1000000")

    assert [str(n) for n in range(500)] == [line.split()[0] for line in shipper.new_lines()]
    assert shipper.reports.names().count("pump.resumed") == 1


def test_a_state_that_is_garbage(tmp_path: Path) -> None:
    """68: a state file that is none is refused with a remedy, and left as it is."""
    file = tmp_path / "state.db"
    file.write_bytes(b"this is no database at all" * 500)
    with pytest.raises(StateError, match="no state file") as caught:
        Store.open(tmp_path)
    assert caught.value.remedy
    assert file.read_bytes() == b"this is no database at all" * 500


def test_a_state_of_a_newer_version(tmp_path: Path) -> None:
    """68: a state file of a newer version is refused, and left as it is."""
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(StateError, match="schema 99") as caught:
        Store.open(tmp_path)
    assert caught.value.exit_code == 73
    assert (tmp_path / "state.db").read_bytes() == before


def test_two_starts_on_one_state(tmp_path: Path) -> None:
    """80: the second start is refused, and told who holds the state."""
    with (
        sender_lock(tmp_path),
        pytest.raises(StateError, match=f"pid {os.getpid()}"),
        sender_lock(tmp_path),
    ):
        pass
    with sender_lock(tmp_path):
        pass
