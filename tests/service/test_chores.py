"""Tests of what is done now and then: pace is noted, rows of files that are gone are summed up."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from shipper.collector.client import Address, HttpCollector
from shipper.emitter import Emitter, Sending
from shipper.event.batch import compress
from shipper.sending.outbox import Outbox
from shipper.service.audit import audit
from shipper.service.books import Books
from shipper.service.chores import Beside, Chores
from shipper.service.drops import Teller
from shipper.service.letters import Keeper
from shipper.service.notes import Notes
from shipper.store.store import Settlement
from tests.shipping import Shipper, shippers

_DAY = 86_400


def idle_emitter(shipper: Shipper) -> Emitter:
    """An emitter that nobody turns, so that it asks no collector."""
    collector = HttpCollector(Address(url="http://127.0.0.1:9"))
    outbox = Outbox(shipper.store, shipper.reports, shipper.clock.clock())
    return Emitter(outbox, collector, sending=Sending(), rng=Random(1))


def _chores(shipper: Shipper) -> Chores:
    clock = shipper.clock.clock()
    namespace = shipper.store.namespace("test-host")
    books = Books(shipper.store, {}, namespace, clock)
    teller = Teller(shipper.store, shipper.pump._parser.recipes, namespace, shipper.reports, clock)
    keeper = Keeper(shipper.store, shipper.reports, clock)
    notes = Notes(shipper.store, shipper.pump, idle_emitter(shipper), clock)
    beside = Beside(teller, keeper, notes)
    return Chores(shipper.store, books, shipper.fleet, shipper.pump, clock, beside)


def test_what_a_program_left_that_died_is_queued(tmp_path: Path) -> None:
    """It tracked an event beside us, and was killed before it moved it: we send it."""
    with shippers(tmp_path) as ship:
        shipper = ship("*.log")
        shipper.store.arrivals.keep("tracker", [b'{"e":"pv"}'], 1)
        assert shipper.store.backlog().events == 0
        _chores(shipper).turn()
        assert shipper.store.backlog().events == 1
        assert list(audit(shipper.store).faults()) == []


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


def test_the_space_of_a_backlog_is_given_back(tmp_path: Path) -> None:
    """After a backlog was delivered, the file shrinks in steps beside the reading, then no more."""
    with shippers(tmp_path) as ship:
        shipper = ship("*.log")
        for _ in range(50):
            shipper.store.enqueue("logs", [compress([os.urandom(600_000)])], 1)
        queue = list(shipper.queue())
        shipper.store.settle([Settlement(queued, 1) for queued in queue], 1)
        free = shipper.store.space.free_bytes()
        chores = _chores(shipper)
        steps = 0
        while chores.turn() is not None:
            steps += 1
            shipper.clock.pass_(0.02)
        assert steps > 5
        assert shipper.store.space.free_bytes() < free - 10_000_000
        with shipper.store._database.transaction() as db:
            db.execute("INSERT INTO counter VALUES ('replayed', 'logs', 50)")


def test_drops_are_told_between_the_turns(tmp_path: Path) -> None:
    """What was dropped is in the log at the next note; at the end of a shift nothing is left."""
    with shippers(tmp_path) as ship:
        shipper = ship("*.log")
        shipper.logs.append("app.log", "a")
        shipper.catch_up()
        chores = _chores(shipper)
        shipper.store.drops.oldest("queue_full", shipper.store.order, room=1)
        chores.turn()
        assert shipper.reports.names().count("queue.dropped") == 1
        shipper.logs.append("app.log", "b")
        shipper.catch_up()
        shipper.store.drops.oldest("queue_full", shipper.store.order, room=1)
        shipper.clock.pass_(5)
        chores.turn()
        assert shipper.reports.names().count("queue.dropped") == 1
        chores.close()
        assert shipper.reports.names().count("queue.dropped") == 2
        assert audit(shipper.store).adds_up
