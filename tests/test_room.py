"""Tests of a queue that is full: what waits, what is dropped, and how that is told."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import jsonschema
import orjson
import pytest

from shipper.event.batch import pack, unpack
from shipper.event.gap import gap_schema
from shipper.pump import Pace
from shipper.room import WhenFull
from shipper.service.audit import audit
from shipper.service.drops import Teller
from shipper.store.space import DiskSpace
from shipper.store.store import Settlement
from tests.shipping import SWEEP, Make, Shipper, shippers

_LIMIT = 400_000


@pytest.fixture
def ship(tmp_path: Path) -> Iterator[Make]:
    with shippers(tmp_path) as make:
        yield make


def _pace(when_full: WhenFull, age: float | None = None) -> Pace:
    return Pace(sweep=SWEEP, queue_bytes=_LIMIT, queue_age=age, when_full=when_full)


def _fill(shipper: Shipper, count: int = 60) -> list[str]:
    """Write *count* lines that can't be compressed, a turn each; return their numbers."""
    rng = Random(7)
    for number in range(count):
        shipper.logs.append("app.log", f"{number} {rng.randbytes(6_000).hex()}")
        shipper.turn()
    return [str(number) for number in range(count)]


def _numbers(shipper: Shipper) -> list[str]:
    return [line.split()[0] for line in shipper.lines()]


def _teller(shipper: Shipper) -> Teller:
    recipes = shipper.pump._parser.recipes
    namespace = shipper.store.namespace("test-host")
    return Teller(shipper.store, recipes, namespace, shipper.reports, shipper.clock.clock())


def _gaps(shipper: Shipper) -> list[dict[str, object]]:
    payloads = [p for queued in shipper.queue() for p in unpack(queued.batch).split(b"\n")]
    told = [orjson.loads(p) for p in payloads if b"/gap/" in p]
    return [orjson.loads(members["ue_pr"])["data"]["data"] for members in told]


def _adds_up(shipper: Shipper) -> None:
    assert list(audit(shipper.store).faults()) == []


def test_the_oldest_give_way_to_the_newest(ship: Make) -> None:
    """By drop_oldest reading goes on, the state stays at its limit, and the newest are there."""
    shipper = ship("*.log", pace=_pace("drop_oldest"))
    written = _fill(shipper)
    kept = _numbers(shipper)
    assert 0 < len(kept) < len(written)
    assert kept == written[-len(kept) :]
    assert shipper.pump.paused == ""
    assert shipper.store.used_bytes() < _LIMIT + 50_000
    assert audit(shipper.store).dropped == {"queue_full": len(written) - len(kept)}
    _adds_up(shipper)


def test_the_newest_give_way_to_the_oldest(ship: Make) -> None:
    """By drop_newest reading goes on, what is read is counted and dropped, the oldest stay."""
    shipper = ship("*.log", pace=_pace("drop_newest"))
    written = _fill(shipper)
    kept = _numbers(shipper)
    assert 0 < len(kept) < len(written)
    assert kept == written[: len(kept)]
    assert shipper.catch_up().pump.paused == ""
    assert audit(shipper.store).dropped == {"queue_full": len(written) - len(kept)}
    assert shipper.ledger().lines_emitted == len(written)
    _adds_up(shipper)


@pytest.mark.parametrize("when_full", ["drop_oldest", "drop_newest"])
def test_what_is_dropped_is_told(ship: Make, when_full: WhenFull) -> None:
    """One event and one dead letter tell how much is missing; they are not dropped themselves."""
    shipper = ship("*.log", pace=_pace(when_full))
    written = _fill(shipper)
    lost = len(written) - len(_numbers(shipper))
    teller = _teller(shipper)
    teller.tell()
    (gap,) = _gaps(shipper)
    assert list(jsonschema.Draft4Validator(gap_schema()).iter_errors(gap)) == []
    assert (gap["source"], gap["events"], gap["cause"]) == ("logs", lost, "queue_full")
    assert str(gap["since"]) < str(gap["until"])
    assert [facts["events"] for facts in shipper.reports.of("queue.dropped")] == [lost]
    (letter,) = shipper.store.dead_letters.page()
    assert letter.reason == "gap"
    assert letter.detail.startswith(f"{lost} events of {gap['bytes']} bytes are missing")
    _adds_up(shipper)
    _fill(shipper)
    assert _gaps(shipper) == [gap]
    teller.tell()
    assert len(_gaps(shipper)) == 1  # not a minute has passed
    shipper.clock.pass_(60)
    teller.tell()
    first, second = _gaps(shipper)
    assert first == gap
    assert second["events"] == sum(audit(shipper.store).dropped.values()) - lost
    _adds_up(shipper)


def test_a_crash_forgets_no_drop(ship: Make) -> None:
    """What was dropped and not told before a SIGKILL is told after it, once."""
    shipper = ship("*.log", pace=_pace("drop_oldest"))
    _fill(shipper)
    shipper.kill()
    shipper.start()
    _teller(shipper).tell()
    _teller(shipper).tell(all_=True)
    assert [gap["events"] for gap in _gaps(shipper)] == [*audit(shipper.store).dropped.values()]
    _adds_up(shipper)


@pytest.mark.parametrize("when_full", ["pause", "drop_oldest", "drop_newest"])
def test_what_has_waited_too_long(ship: Make, when_full: WhenFull) -> None:
    """An event over max_age pauses reading, or goes, or keeps what is new out: by the policy."""
    shipper = ship("*.log", pace=_pace(when_full, age=3600.0))
    shipper.logs.append("app.log", "old")
    shipper.turn()
    shipper.clock.pass_(3599)
    shipper.logs.append("app.log", "younger")
    shipper.turn()
    assert shipper.lines() == ["old", "younger"]
    shipper.clock.pass_(60)
    shipper.logs.append("app.log", "new")
    shipper.turn(2)
    expected = {"pause": ["old", "younger"], "drop_oldest": ["younger", "new"]}
    assert shipper.lines() == expected.get(when_full, ["old", "younger"])
    assert ("longest time" in shipper.pump.paused) is (when_full == "pause")
    dropped = {} if when_full == "pause" else {"queue_age": 1}
    assert audit(shipper.store).dropped == dropped
    _adds_up(shipper)


def test_what_a_sender_has_in_hand_is_not_dropped(ship: Make) -> None:
    """The batches that are being sent stay; if nothing else can go, reading pauses and says so."""
    shipper = ship("*.log", pace=_pace("drop_oldest"))
    _fill(shipper, 20)
    held = list(shipper.queue())
    shipper.store.order.hold([queued.id for queued in held])
    _fill(shipper, 40)
    there = {queued.id for queued in shipper.queue()}
    assert {queued.id for queued in held} <= there
    assert sum(audit(shipper.store).dropped.values()) > 0
    shipper.store.order.in_hand.update(range(1_000))  # what is yet to come, too
    _fill(shipper, 40)
    assert "of what is being sent" in shipper.pump.paused
    _adds_up(shipper)


def test_an_event_has_one_fate(ship: Make) -> None:
    """A batch that was dropped under a sender's hands is not counted as delivered as well."""
    shipper = ship("*.log", pace=_pace("drop_oldest"))
    _fill(shipper, 5)
    (first, *_) = shipper.queue()
    shipper.store.drops.oldest("queue_full", shipper.store.order, room=1)
    shipper.store.settle([Settlement(first, first.batch.events)], 1)
    assert ("delivered", "logs") not in shipper.store.counters()
    _adds_up(shipper)


def test_a_gap_in_a_log_is_not_dropped(ship: Make) -> None:
    """The event that tells of a truncation outlives any number of younger events."""
    shipper = ship("*.log", pace=_pace("drop_oldest"))
    shipper.logs.append("cut.log", "read")
    shipper.turn()
    shipper.pump._pace = Pace(sweep=SWEEP, queue_bytes=1)
    shipper.logs.append("cut.log", "never read")
    shipper.turn(2)
    shipper.logs.truncate("cut.log")
    shipper.turn(2)
    shipper.pump._pace = _pace("drop_oldest")
    _fill(shipper)
    assert [gap["cause"] for gap in _gaps(shipper)] == ["truncated"]
    _adds_up(shipper)


def test_one_line_of_the_log_for_one_outage(ship: Make) -> None:
    """A queue that drains a batch at a time is full till it is well below its limit."""
    shipper = ship("*.log", pace=_pace("pause"))
    _fill(shipper)
    assert shipper.pump.paused == "the queue is full"
    for queued in list(shipper.queue())[:2]:
        shipper.store.settle([Settlement(queued, queued.batch.events)], 1)
        shipper.turn()
    assert shipper.pump.paused == "the queue is full"
    while shipper.pump.paused:
        (queued, *_) = shipper.queue()
        shipper.store.settle([Settlement(queued, queued.batch.events)], 1)
        shipper.turn()
    assert shipper.reports.names().count("pump.paused") == 1
    assert shipper.reports.names().count("pump.resumed") == 1


@pytest.mark.parametrize("when_full", ["pause", "drop_oldest"])
def test_a_disk_that_is_nearly_full(ship: Make, when_full: WhenFull) -> None:
    """Below the floor of free space nothing is read, and it is said once; above it, it goes on."""
    pace = Pace(sweep=SWEEP, min_free=1 << 60, when_full=when_full)
    shipper = ship("*.log", pace=pace)
    shipper.logs.append("app.log", "a")
    space = shipper.store.space
    status = os.statvfs(shipper.state)
    total = status.f_blocks * status.f_frsize
    assert space.disk().total == total
    wal = space.wal_bytes()  # which has to find room, too
    assert wal > 0
    for free in (0, total // 20 + wal - 1, total // 20 + wal):
        space.disk = partial(DiskSpace, total, free)  # type: ignore[method-assign]
        shipper.turn(3)
        assert "nearly full" in shipper.pump.paused
        assert shipper.lines() == []
    free = total // 20 + total // 320 + space.wal_bytes()
    space.disk = lambda: DiskSpace(total, free)  # type: ignore[method-assign]
    assert shipper.turn().lines() == ["a"]
    free = total // 20 + space.wal_bytes() + (1 << 20)
    shipper.logs.append("app.log", "b")
    assert shipper.turn().lines() == ["a", "b"]
    assert shipper.reports.names().count("pump.paused") == 1


def test_a_reader_that_never_ends(ship: Make) -> None:
    """A log that can't be written back to the state file pauses reading at its bound."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    wal = shipper.store._database.path.with_name("state.db-wal")
    size = wal.stat().st_size
    os.truncate(wal, (256 << 20) + 1)  # sparse: nothing is written
    shipper.turn()
    assert "write-ahead log" in shipper.pump.paused
    os.truncate(wal, size)
    assert shipper.turn().lines() == ["a"]


def test_events_that_tell_are_packed_for_the_request(ship: Make) -> None:
    """Two causes of one source are told by two events with two ids, each a batch of its own."""
    shipper = ship("*.log")
    drops = shipper.store.drops
    for number, cause in enumerate(["queue_full", "queue_age"]):
        shipper.store.enqueue("logs", pack([b'{"x":%d}' % number], 9_000), number)
        drops.oldest(cause, shipper.store.order, room=1)
    with shipper.store._database.transaction() as db:
        db.execute("INSERT INTO counter VALUES ('replayed', 'logs', 2)")
    _teller(shipper).tell()
    payloads = [json.loads(unpack(queued.batch)) for queued in shipper.queue()]
    assert len({payload["eid"] for payload in payloads}) == 2
    assert [gap["cause"] for gap in _gaps(shipper)] == ["queue_age", "queue_full"]
    _adds_up(shipper)
