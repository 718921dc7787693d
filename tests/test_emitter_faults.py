"""The emitter when connections break or the disk is full, and with many threads at once."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import orjson
import pytest

from shipper.devcollector.app import Answer
from shipper.emitter import Emitter
from shipper.event.batch import compress
from shipper.model import Clock
from shipper.service.threads import Crew
from shipper.store.store import Backlog
from tests.faults import OK, FaultServer, Request, Scene, Wire, answer, answering, refused_url
from tests.outbox import NOW_MS, Rig, number_of, rig

EMPTY = Backlog(0, 0, None)
REAL = Clock(wall=time.time, monotonic=time.monotonic)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path / "state") as made:
        yield made


def numbers(request: Request) -> list[int]:
    return [number_of(event) for event in orjson.loads(request.body)["data"]]


# Broken connections


def resets(wire: Wire) -> None:
    wire.request()
    wire.reset()


def closes_in_answer(wire: Wire) -> None:
    wire.request()
    wire.say(b"HTTP/1.1 20")


def hangs_up(wire: Wire) -> None:
    wire.reset()


def babbles(wire: Wire) -> None:
    wire.request()
    wire.say(b"\x16\x03\x01 no HTTP\r\n\r\n")


@pytest.mark.parametrize("scene", [resets, closes_in_answer, hangs_up, babbles])
def test_events_outlive_broken_connections(it: Rig, scene: Scene) -> None:
    """69: Three broken connections, then a good one: all arrive in order, again with equal ids."""
    it.queue(*range(20))
    with FaultServer(scene, scene, scene, answering(OK)) as server:
        emitter = it.emitter(url=server.url)
        it.drain(emitter)
        assert server.connections == 4
        assert {tuple(numbers(request)) for request in server.requests} == {tuple(range(20))}
    assert it.store.backlog() == EMPTY
    assert it.count("delivered") == 20
    assert it.reports.names == ["collector.unavailable", "collector.available"]


def test_a_flapping_collector_gets_everything_in_order(it: Rig) -> None:
    """Every other request fails, on and off, and nothing is lost, skipped or overtaken."""
    for number in range(60):
        it.queue(number, size=300)
    bad = answer(503)
    with FaultServer(answering(bad, OK, bad, bad, OK, OK, bad, OK)) as server:
        it.drain(it.emitter(url=server.url, max_bytes=1_500))
        order = [number for request in server.requests for number in numbers(request)]
    first_seen = list(dict.fromkeys(order))
    assert first_seen == list(range(60))
    assert it.store.backlog() == EMPTY


def test_a_collector_that_is_down_is_told_once(it: Rig) -> None:
    """Twenty tries at a closed port are one line in the log; the queue stays whole."""
    it.queue(1, 2, 3)
    emitter = it.emitter(url=refused_url())
    for _ in range(40):
        it.time.now += emitter.turn() or 0
    assert it.reports.names == ["collector.unavailable"]
    assert "Connection refused" in str(it.reports.all[0][1]["why"])
    assert it.store.backlog().events == 3


def test_a_new_emitter_begins_with_what_the_old_one_left(it: Rig) -> None:
    """After a restart nothing is claimed: the same requests go out again, oldest first."""
    it.queue(*range(10))
    it.emitter(url=refused_url()).turn()
    it.queue(*range(10, 20))
    it.drain(it.emitter())
    assert it.post.order == list(range(20))


def test_a_new_emitter_ends_the_outage_of_the_old_one(it: Rig) -> None:
    """After a reload of the address it is said that the outage is over, and how long it was."""
    it.queue(1)
    outbox = it.outbox()
    old = it.emitter(url=refused_url(), outbox=outbox)
    old.turn()
    new = it.emitter(outbox=outbox)
    assert new.trouble == old.trouble != ""
    it.time.now += 90
    it.drain(new)
    assert it.reports.all[1:] == [("collector.available", {"after_seconds": 90.0})]
    assert (new.trouble, new.failing_for()) == ("", 0.0)


def test_what_came_back_and_was_dropped_is_not_sent(it: Rig) -> None:
    """By the limits of the queue what is not in hand may go: then the rest of its claim is sent."""
    it.queue(1, 2)
    it.queue(3, 4)
    up = False
    it.post.judge = lambda _events, _body: None if up else Answer(503)
    emitter = it.emitter()
    for number in range(5, 9):
        emitter.turn()
        it.time.now += 60
        it.queue(number)
    order = it.store.order
    assert it.post.sent[0] == [1, 2, 3, 4]
    assert it.store.drops.oldest("queue_full", order, room=1) > 0
    assert it.store.drops.oldest("queue_full", order, before_ms=NOW_MS) == 0
    up = True
    it.post.sent.clear()
    it.drain(emitter)
    assert sorted(it.post.order) == [3, 4, 5, 6, 7, 8]
    assert it.store.backlog() == EMPTY
    assert (it.count("delivered"), it.count("dropped:queue_full")) == (6, 2)


def test_what_is_on_its_way_is_not_dropped(it: Rig) -> None:
    """While a request is in flight its events stay in the queue, whatever the limits ask for."""
    it.queue(1)
    freed: list[int] = []

    def judge(_events: list[dict[str, str]], _body: bytes) -> Answer | None:
        freed.append(it.store.drops.oldest("queue_full", it.store.order, room=1))
        return None

    it.post.judge = judge
    it.drain(it.emitter())
    assert freed == [0]
    assert (it.count("delivered"), it.count("dropped:queue_full")) == (1, 0)


# The disk


@contextmanager
def locked(it: Rig) -> Iterator[None]:
    """Another process holds the write lock, and nobody waits for it."""
    it.store._database.patience = 0.0
    with it.store._database.reading() as db:
        db.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(it.store._database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(it: Rig) -> Iterator[None]:
    """The state file can't grow by a single page."""
    with it.store._database.reading() as db:
        db.execute("VACUUM")
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    yield
    with it.store._database.reading() as db:
        db.execute("PRAGMA max_page_count = 1000000")


def test_what_was_delivered_is_not_sent_again_for_want_of_a_lock(it: Rig) -> None:
    """While the state is locked nothing is sent; then it is settled, and the rest goes out."""
    it.queue(*range(5), size=300)
    it.queue(*range(5, 10), size=300)
    emitter = it.emitter(max_bytes=2_000)
    with locked(it):
        for _ in range(30):
            it.time.now += emitter.turn() or 0
        assert it.post.sent == [list(range(5))]
        assert "is locked" in emitter.trouble
        assert emitter.failing_for() > 10
        assert it.store.backlog().events == 10
    it.drain(emitter)
    assert it.post.sent == [list(range(5)), list(range(5, 10))]
    assert it.store.backlog() == EMPTY
    assert it.count("delivered") == 10
    assert it.reports.names == ["queue.unsettled", "queue.settled"]
    assert emitter.trouble == ""


def test_what_was_delivered_is_settled_by_the_next_emitter(it: Rig) -> None:
    """A reload while the state is locked: nothing is sent again, but what was left of a claim."""
    it.queue(1, 2, 3)
    it.queue(4, size=1_800)
    outbox = it.outbox()
    answers = iter([None, Answer(503)])

    def judge(events: list[dict[str, str]], _body: bytes) -> Answer | None:
        return Answer(400) if len(events) == 3 else next(answers, None)

    it.post.judge = judge
    with locked(it):
        old = it.emitter(max_bytes=2_000, outbox=outbox)
        old.turn()
        assert it.post.sent == [[1, 2, 3], [1], [2, 3]]
        assert outbox.unsettled == 1
        it.time.now += 1
        new = it.emitter(max_bytes=2_000, outbox=outbox)
        new.turn()
        assert outbox.unsettled == 1
    it.drain(new)
    assert it.post.sent[3:] == [[2, 3], [4]]
    assert outbox.unsettled == 0
    assert it.store.backlog() == EMPTY
    assert it.count("delivered") == 4


def test_the_state_is_tried_again_each_second(it: Rig) -> None:
    """However long it errs: sending goes on within a second of its end, as reading does."""
    it.queue(1)
    emitter = it.emitter(first_pause=10.0, longest_pause=600.0)
    waits = []
    with locked(it):
        for _ in range(40):
            waits.append(emitter.turn() or 0)
            it.time.now += waits[-1]
    assert 0.5 < max(waits) <= 1.0
    it.time.now += 1.0
    emitter.turn()
    assert it.count("delivered") == 1


def test_trouble_is_over_when_the_last_was_settled_late(it: Rig) -> None:
    """An emptied queue is no trouble, although nothing was sent since."""
    it.queue(1)
    emitter = it.emitter()
    with locked(it):
        emitter.turn()
    assert emitter.failing_for() >= 0
    assert emitter.trouble
    it.drain(emitter)
    assert emitter.trouble == ""
    assert emitter.failing_for() == 0
    assert emitter.turn() is None
    assert it.reports.names == ["queue.unsettled", "queue.settled"]


def test_a_full_disk_delays_a_burial_and_loses_nothing(it: Rig) -> None:
    """SQLITE_FULL at the dead letter: nothing is sent meanwhile; with room, it is filed."""
    noise = random.Random(5).randbytes(60_000).hex().encode()
    large = [
        b'{"e":"pv","eid":"00000000-0000-5000-8000-00000000000%d","p":"web","tv":"t","page":"%s"}'
        % (number, noise)
        for number in (1, 2)
    ]
    # Compressed together the two share one copy of the noise; apart they need the room of two.
    it.store.enqueue("web", [compress(large)], NOW_MS)
    it.post.judge = lambda _events, _body: Answer(400, body=b"no")
    emitter = it.emitter(max_bytes=500_000)
    with full(it):
        for _ in range(30):
            it.time.now += emitter.turn() or 0
        assert "the disk is full" in emitter.trouble
        assert it.post.sent == [[1, 2], [1], [2]]
        assert it.store.backlog().events == 2
    it.drain(emitter)
    assert it.post.sent == [[1, 2], [1], [2]]
    assert it.letters() == [(1, "rejected", "HTTP 400: no"), (2, "rejected", "HTTP 400: no")]
    assert it.store.backlog() == EMPTY
    assert (it.count("delivered"), it.count("buried")) == (0, 2)


# Many threads


def test_many_senders_deliver_everything_once(it: Rig) -> None:
    """Eight threads, small requests, a writer beside them: each event arrives exactly once."""
    emitter = it.emitter(max_bytes=1_500, clock=REAL)
    crew = Crew()
    bell = crew.bell()
    for number in range(8):
        crew.start(f"sender-{number}", emitter.turn, bell, lambda: 1.0)
    for number in range(600):
        it.queue(number)
        bell.ring()
    _until(lambda: it.store.backlog() == EMPTY and it.count("delivered") == 600)
    assert crew.join(10) == []
    assert crew.crash is None
    assert Counter(it.post.order) == Counter(range(600))
    assert it.server.counts() == (600, 600, 0)
    assert it.reports.all == []


def test_many_senders_ride_out_faults(it: Rig) -> None:
    """Outages and bad events among them: the union of taken and buried is what was queued."""
    chance = random.Random(11)

    def judge(events: list[dict[str, str]], _body: bytes) -> Answer | None:
        if chance.random() < 0.15:
            return Answer(chance.choice([500, 503, 429, 404]))
        bad = any(number_of(event) % 97 == 13 for event in events)
        return Answer(400, body=b"unlucky") if bad else None

    it.post.judge = judge
    for start in range(0, 600, 6):
        it.queue(*range(start, start + 6))
    emitter = it.emitter(
        max_bytes=2_500,
        clock=REAL,
        first_pause=0.01,
        longest_pause=0.02,
        misconfigured_pause=0.01,
    )
    crew = Crew()
    bell = crew.bell()
    for number in range(6):
        crew.start(f"sender-{number}", emitter.turn, bell, lambda: 0.05)
    _until(lambda: it.store.backlog() == EMPTY)
    assert crew.join(10) == []
    assert crew.crash is None
    bad = [number for number in range(600) if number % 97 == 13]
    assert sorted(number for number, _, _ in it.letters()) == bad
    assert it.good() == [number for number in range(600) if number not in bad]
    assert it.count("delivered") + it.count("buried") == 600


def test_an_outage_met_by_many_senders_is_one_pause(it: Rig) -> None:
    """Eight requests that fail together do not add up to a long pause, and one probes after it."""
    for number in range(16):
        it.queue(number, size=700)
    gate = threading.Barrier(9)
    gather = {"waiting": True}

    def scene(wire: Wire) -> None:
        while wire.request():
            if gather["waiting"]:
                gate.wait(10)
            wire.say(answer(503))

    with FaultServer(scene) as server:
        emitter = it.emitter(url=server.url, max_bytes=1_000, longest_pause=600.0, least=8)
        threads = [threading.Thread(target=emitter.turn) for _ in range(8)]
        for thread in threads:
            thread.start()
        gate.wait(10)
        for thread in threads:
            thread.join(10)
        gather["waiting"] = False
        assert len(server.requests) == 8
        assert 0 < (emitter.turn() or 0) <= 0.5
        it.time.now += 0.5
        assert [_entered(emitter, server) for _ in range(4)].count(True) == 1
    assert it.reports.names == ["collector.unavailable"]


def _entered(emitter: Emitter, server: FaultServer) -> bool:
    before = len(server.requests)
    emitter.turn()
    return len(server.requests) > before


def _until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "not done in time"
        time.sleep(0.01)
