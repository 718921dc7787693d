"""Tests of salvage: whatever a page of the state has become, the others are not lost with it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from shipper.errors import StateError
from shipper.event.batch import RecordBatch
from shipper.service.audit import audit
from shipper.store.history import Condition
from shipper.store.pages import Pages
from shipper.store.salvage import _owners, salvage, unfinished
from shipper.store.schema import MIGRATIONS
from shipper.store.soundness import damage
from shipper.store.store import DATABASE, Settlement, Store
from tests.shipping import shippers, stamped
from tests.store.test_history import step

_PAGE = 4096


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped shipper with a backlog, rotated files, dead letters, and a history."""
    home = tmp_path_factory.mktemp("salvage")
    rng = Random(3)
    with shippers(home) as make:
        shipper = make("*.log*", line_bytes=6_000, max_bytes=9_000)
        for number in range(60):
            lines = [stamped(n, f"{number}-{n} {rng.randbytes(90).hex()}") for n in range(40)]
            shipper.logs.append(f"{number}.log", *lines, "x" * 7_000)
            shipper.catch_up()
            if number % 5 == 0:
                shipper.logs.rotate(f"{number}.log")
                shipper.logs.append(f"{number}.log", *lines)
        shipper.catch_up()
        delivered = list(shipper.queue())[:50]
        shipper.store.settle([Settlement(q, q.batch.events) for q in delivered], 1)
        for n in range(300):
            shipper.store.history.note(Condition(n), {"requests:delivered": 1}, step(10 * n, n))
        assert shipper.store.backlog().events > 2_000
        for n in range(100):
            shipper.store.arrivals.keep("tracker", [b'{"n":"%d"}' % n, b'{"also":"%d"}' % n], n)
    return home / "home"


def _copy(home: Path, to: Path) -> Path:
    shutil.copytree(home, to)
    return to / "state-0"


def _quiet(_done: int, _of: int) -> None:
    pass


def _salvage(state: Path) -> dict[str, int]:
    done = salvage(state, DATABASE, "test-host", _quiet)
    assert damage(state / DATABASE, 60) == ""
    assert done.kept.exists()
    return done.found


def _rows(path: Path, table: str) -> set[tuple[object, ...]]:
    db = sqlite3.connect(path)
    try:
        return set(db.execute(f"SELECT * FROM {table}"))
    finally:
        db.close()


_TABLES = (
    "file", "batch", "dead_letter", "meta", "stream", "counter", "tally", "history",
    "arrival", "sqlite_sequence",
)  # fmt: skip


def test_a_sound_state_is_salvaged_whole(home: Path, tmp_path: Path) -> None:
    """Of a state without damage nothing is lost: every row of every table is the same."""
    state = _copy(home, tmp_path / "copy")
    before = {table: _rows(state / DATABASE, table) for table in _TABLES}
    _salvage(state)
    after = {table: _rows(state / DATABASE, table) for table in _TABLES}
    for rows in (before, after):  # when a stream was last seen may be later
        rows["stream"] = {row[:2] for row in rows["stream"]}
    assert before == after


def test_what_only_the_log_holds_is_salvaged(home: Path, tmp_path: Path) -> None:
    """Rows that were committed and not written back yet count as any others; torn ones do not."""
    state = _copy(home, tmp_path / "copy")
    store = Store.open(state)
    batches = [queued.batch for queued in store.peek(0, 30_000)]
    store.enqueue("late", batches, 7)
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in (DATABASE, f"{DATABASE}-wal"):
        shutil.copy(state / name, killed / name)
    before = _rows(state / DATABASE, "batch")
    store.close()
    with (killed / f"{DATABASE}-wal").open("ab") as wal:
        wal.write(os.urandom(3 * _PAGE))
    _salvage(killed)
    assert _rows(killed / DATABASE, "batch") == before


def _flip(state: Path, rng: Random, pages: int, count: int) -> None:
    with (state / DATABASE).open("r+b") as file:
        for _ in range(count):
            at = rng.randrange(pages * _PAGE)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << rng.randrange(8)]))


def _zero(state: Path, rng: Random, pages: int, count: int) -> None:
    with (state / DATABASE).open("r+b") as file:
        for _ in range(count):
            file.seek(rng.randrange(pages) * _PAGE)
            file.write(bytes(_PAGE))


def _noise(state: Path, rng: Random, pages: int, count: int) -> None:
    with (state / DATABASE).open("r+b") as file:
        for _ in range(count):
            file.seek(rng.randrange(pages) * _PAGE)
            file.write(rng.randbytes(_PAGE))


def _cut(state: Path, rng: Random, pages: int, _count: int) -> None:
    os.truncate(state / DATABASE, rng.randrange(2 * _PAGE, pages * _PAGE))


def _head(state: Path, rng: Random, _pages: int, count: int) -> None:
    with (state / DATABASE).open("r+b") as file:
        file.write(rng.randbytes(100 * count))


Harm = Callable[[Path, Random, int, int], None]


def _of_logs(batches: set[tuple[object, ...]]) -> set[tuple[object, ...]]:
    """Leave out what came of arrivals, which were moved into the queue when it was opened."""
    arrived = {row for row in batches if row[1] == "tracker"}
    assert sum(int(str(row[2])) for row in arrived) <= 200
    return batches - arrived


@pytest.mark.parametrize("harm", [_flip, _zero, _noise, _cut, _head])
@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_for_good(home: Path, tmp_path: Path, harm: Harm, seed: int) -> None:
    """After any damage: no row is invented, each line is in the queue or on record as delivered or
    lost, what is read again has the ids that it had, and the books add up.
    """
    rng = Random(seed)
    state = _copy(home, tmp_path / "copy")
    before = _rows(state / DATABASE, "batch")
    pages = (state / DATABASE).stat().st_size // _PAGE
    harm(state, rng, pages, 1 + seed % 4)
    if not damage(state / DATABASE, 60) and harm is not _flip:
        return  # a page that holds nothing
    done = salvage(state, DATABASE, "test-host", _quiet)
    assert damage(state / DATABASE, 60) == ""
    store = Store.open(state)
    try:
        assert list(audit(store).faults()) == []
        assert all(c.offset >= c.start for c in store.checkpoints())
    finally:
        store.close()
    after = _of_logs(_rows(state / DATABASE, "batch"))
    if harm is not _flip:
        assert after <= before
    lost = len(before) - len(after)
    if done.lost_events is not None:
        assert (done.lost_events > 0) is (lost > 0)
    if harm in (_zero, _noise, _flip):
        assert lost <= 6 * (1 + seed % 4), "a page costs no more than what is on it"


@pytest.mark.parametrize("seed", range(6))
def test_a_lost_file_row_is_read_again_with_its_ids(tmp_path: Path, seed: int) -> None:
    """Where the page of a file's row is gone, its lines come again under the very same ids."""
    rng = Random(seed)
    with shippers(tmp_path) as make:
        shipper = make("*.log*")
        for number in range(40):
            words = [stamped(n, f"{number}-{n}") for n in range(20)]
            shipper.logs.append(f"{number}.log", *words)
            if number % 4 == 0:  # the same beginning again, so that the ordinal counts
                shipper.catch_up().logs.rotate(f"{number}.log")
                shipper.logs.append(f"{number}.log", words[0], stamped(99, "and another"))
        before = {event.eid: event.payload for event in shipper.catch_up().events()}
        shipper.stop()
        page = rng.choice(_pages_of(shipper.state, "file"))
        with (shipper.state / DATABASE).open("r+b") as file:
            file.seek((page - 1) * _PAGE)
            file.write(bytes(_PAGE))
        done = salvage(shipper.state, DATABASE, "test-host", _quiet)
        assert done.lost_files > 0
        assert done.lost_events == 0
        shipper.start()
        again = shipper.catch_up().events()
        assert len(again) > len(before)
        found = {event.eid: event.payload for event in again}
        # Where a later file with the same beginning is on record still, the id is another.
        assert len(found.keys() - before.keys()) <= 20
        assert before.items() <= found.items()
        assert audit(shipper.store).adds_up


def _pages_of(state: Path, table: str) -> list[int]:
    pages = Pages(state / DATABASE)
    try:
        owners = _owners(pages)
        return [n for n, owner in owners.items() if owner == table and pages.kind(n) == 0x0D]
    finally:
        pages.close()


def test_an_end_at_any_moment_is_taken_up(home: Path, tmp_path: Path) -> None:
    """A salvaged state that was complete is put in its place at the next start; else it is made."""
    state = _copy(home, tmp_path / "copy")
    (state / "state.db.salvaging").write_bytes(b"half a file")
    assert not unfinished(state, DATABASE)
    expected = _salvage(state)
    assert not list(state.glob("*.salvaging*"))
    (state / DATABASE).rename(state / "state.db.salvaged")
    assert unfinished(state, DATABASE)
    assert damage(state / DATABASE, 60) == ""
    assert len(_rows(state / DATABASE, "batch")) == expected["batch"]


def test_a_newer_state_is_not_salvaged(home: Path, tmp_path: Path) -> None:
    """What a later version wrote is left to that version, damaged or not."""
    state = _copy(home, tmp_path / "copy")
    db = sqlite3.connect(state / DATABASE)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.commit()
    db.close()
    before = (state / DATABASE).read_bytes()
    with pytest.raises(StateError, match="has schema"):
        salvage(state, DATABASE, "test-host", _quiet)
    assert (state / DATABASE).read_bytes() == before


def test_looking_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    """A check of a large state ends when its time is over; nothing is found, nothing changed."""
    with closing(Store.open(tmp_path)) as store:
        noise = Random(5).randbytes(20_000)
        for number in range(50):
            store.take_in({"logs": [RecordBatch(1, 9, noise) for _ in range(100)]}, number)
    began = time.monotonic()
    assert damage(tmp_path / DATABASE, 60.0) == ""
    whole = time.monotonic() - began
    began = time.monotonic()
    assert damage(tmp_path / DATABASE, whole / 8) == ""
    assert time.monotonic() - began < whole * 0.6
    assert damage(tmp_path / "none.db", 1.0) == ""
