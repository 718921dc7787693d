"""Events that bring the collector to its knees, and refusals that say nothing of the events."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from shipper.devcollector.app import Answer
from shipper.emitter import Emitter
from shipper.store.store import Backlog
from tests.faults import OK, FaultServer, Wire
from tests.outbox import Judge, Rig, number_of, rig

EMPTY = Backlog(0, 0, None)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def choking(*bad: int, status: int = 500) -> Judge:
    """A judge that fails over every request with one of *bad* in it."""

    def judge(events: list[dict[str, str]], _body: bytes) -> Answer | None:
        found = any(number_of(e) in bad for e in events)
        return Answer(status, body=b"oops") if found else None

    return judge


def play(it: Rig, emitter: Emitter, done: Callable[[], bool], idle: float = 1.0) -> float:
    """Turn until *done*; idle time passes in steps of *idle* seconds. Returns how many passed."""
    began = it.time.now
    while not done():
        assert it.time.now - began < 90_000, "it does not come to an end"
        wait = emitter.turn()
        it.time.now += idle if wait is None else wait
    return it.time.now - began


def trickle(it: Rig, emitter: Emitter, done: Callable[[], bool]) -> None:
    """Queue a good event each half minute until *done*."""
    for number in range(10_000, 10_100):
        if done():
            return
        it.queue(number)
        end = it.time.now + 30
        play(it, emitter, lambda: it.time.now >= end, 10.0)  # noqa: B023  # called at once
    raise AssertionError("it does not come to an end")


def test_a_poison_batch_does_not_block_the_queue(it: Rig) -> None:
    """What stands behind it is delivered within seconds; it is aside, and has an age."""
    it.queue(*range(50), size=1_000)
    for start in range(50, 1000, 50):
        it.queue(*range(start, start + 50), size=1_000)
    it.post.judge = choking(7)
    emitter = it.emitter(max_bytes=60_000)
    took = play(it, emitter, lambda: len(it.good()) == 999)
    assert took < 60
    assert it.store.backlog().events == 1
    assert it.letters() == []
    events, age = emitter.set_aside()
    assert events == 1
    assert 0 < age <= took
    suspected = [facts for name, facts in it.reports.all if name == "event.suspected"]
    assert [(facts["source"], facts["among"]) for facts in suspected] == [("web", 50)]
    assert "500" in str(suspected[0]["why"])
    refused = [sent for sent in it.post.sent if 7 in sent]
    assert len(refused) <= 5 + 2 * math.ceil(math.log2(50)), "it is halved, not tried in full"


def test_a_poison_event_is_given_up_after_its_time(it: Rig) -> None:
    """Alone, after five failures and ten minutes of others that passed: a dead letter that says so.

    Its neighbours were delivered once, long before.
    """
    it.queue(*range(20))
    it.post.judge = choking(3)
    emitter = it.emitter()
    began = it.time.now
    trickle(it, emitter, lambda: bool(it.letters()))
    ((number, reason, detail),) = it.letters()
    assert (number, reason) == (3, "suspect")
    assert detail.startswith("failed ")
    assert detail.endswith(" s while others passed: the collector answers 500: oops")
    assert [3] in it.post.sent
    assert sum(sent == [3] for sent in it.post.sent) >= 5
    assert 600 <= it.time.now - began < 1_200
    assert it.good() == sorted({*range(20), *it.good()} - {3})
    assert it.server.counts().total == len(it.good()), "nothing was taken twice"
    assert emitter.set_aside() == (0, 0.0)
    assert it.count("buried") == 1


def test_nobody_is_suspect_while_nothing_passes(it: Rig) -> None:
    """Hours without the collector, a thousand tries: nothing is aside, nothing is buried."""
    for start in range(0, 200, 10):
        it.queue(*range(start, start + 10), size=900)
    it.post.judge = lambda _events, _body: Answer(500)
    emitter = it.emitter(max_bytes=10_000)
    end = it.time.now + 36_000
    play(it, emitter, lambda: it.time.now > end)
    assert len(it.post.bodies) > 1_000
    assert emitter.set_aside() == (0, 0.0)
    assert it.reports.names == ["collector.unavailable"]
    it.post.judge = lambda _events, _body: None
    it.post.sent.clear()
    it.drain(emitter)
    assert it.letters() == []
    probe, *rest = it.post.sent
    order = [number for sent in rest for number in sent]
    assert order == sorted(set(range(200)) - set(probe)), "oldest first again"
    assert it.good() == list(range(200))


def test_a_suspect_alone_is_never_given_up(it: Rig) -> None:
    """With nothing else to send there is no evidence: it is kept, and told as trouble."""
    it.queue(1)
    it.queue(2, size=100_000)
    it.queue(3, size=100_000)
    it.post.judge = choking(1)
    emitter = it.emitter()
    end = it.time.now + 50_000
    play(it, emitter, lambda: it.time.now > end, 60.0)
    assert it.count("delivered") == 2
    assert it.letters() == []
    assert emitter.failing_for() > 40_000
    assert "the collector answers 500" in emitter.trouble


def test_a_poison_event_is_found_without_other_traffic(it: Rig) -> None:
    """Its own neighbours are the others that pass: 63 of 64 arrive although nothing else comes."""
    it.queue(*range(64))
    it.post.judge = choking(20)
    emitter = it.emitter()
    took = play(it, emitter, lambda: len(it.good()) == 63)
    assert took < 600
    assert it.letters() == []


def test_many_poison_batches_block_nobody(it: Rig) -> None:
    """Twenty in a row at the head of the queue, and what is behind them arrives."""
    for start in range(0, 400, 10):
        it.queue(*range(start, start + 10), size=900)
    bad = range(0, 200, 10)
    it.post.judge = choking(*bad)
    emitter = it.emitter(max_bytes=10_000)
    play(it, emitter, lambda: len(it.good()) == 400 - len(bad))
    assert it.store.backlog().events == len(bad)
    trickle(it, emitter, lambda: len(it.letters()) == len(bad))
    assert sorted(number for number, _, _ in it.letters()) == list(bad)


@pytest.mark.parametrize("method", ["post", "get"])
def test_a_flapping_collector_condemns_nobody(it: Rig, method: str) -> None:
    """Every other request fails, whatever is in it: all are delivered, none is given up."""
    it.queue(*range(200), size=400)
    calls = 0

    def judge(_events: list[dict[str, str]], _body: bytes) -> Answer | None:
        nonlocal calls
        calls += 1
        return Answer(500) if calls % 2 else None

    it.post.judge = judge
    emitter = it.emitter(method=method, max_bytes=2_000, suspect_seconds=0.0)
    play(it, emitter, lambda: it.store.backlog() == EMPTY)
    assert it.letters() == []
    assert it.good() == list(range(200))


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "1"}])
@pytest.mark.parametrize("status", [429, 425])
def test_who_asks_for_patience_blames_no_event(
    it: Rig, status: int, headers: dict[str, str]
) -> None:
    """Too many requests are about their number: a batch that meets it again and again is kept."""
    for number in range(30):
        it.queue(number, size=900)

    def judge(events: list[dict[str, str]], _body: bytes) -> Answer | None:
        met = any(number_of(e) == 0 for e in events) and it.time.now < 3_000
        return Answer(status, headers=headers) if met else None

    it.post.judge = judge
    emitter = it.emitter(max_bytes=1_500, suspect_seconds=0.0)
    play(it, emitter, lambda: it.store.backlog() == EMPTY)
    assert it.good() == list(range(30))
    assert it.letters() == []
    assert "event.suspected" not in it.reports.names


def test_a_request_that_kills_the_connection_is_suspect(it: Rig) -> None:
    """A reset counts like a 500: over a real socket the poison is isolated and given up."""
    it.queue(*range(16))
    taken: list[int] = []

    def scene(wire: Wire) -> None:
        while (request := wire.request()) is not None:
            numbers = [number_of(event) for event in orjson.loads(request.body)["data"]]
            if 11 in numbers:
                wire.reset()
                return
            taken.extend(numbers)
            wire.say(OK)

    with FaultServer(scene) as server:
        emitter = it.emitter(url=server.url)
        trickle(it, emitter, lambda: bool(it.letters()))
    assert [letter[:2] for letter in it.letters()] == [(11, "suspect")]
    assert "the connection broke" in it.letters()[0][2]
    assert sorted(number for number in taken if number < 16) == [*range(11), *range(12, 16)]


# Refusals of everything


def test_a_wall_that_refuses_everything_buries_nothing(it: Rig) -> None:
    """A proxy's 400 to each request is a misconfiguration: all is kept, said once, then sent."""
    for start in range(0, 600, 100):
        it.queue(*range(start, start + 100), size=900)
    it.post.judge = lambda _events, _body: Answer(400, body=b"<h1>Bad Request</h1>")
    emitter = it.emitter(max_bytes=100_000)
    end = it.time.now + 3_600
    play(it, emitter, lambda: it.time.now > end)
    assert it.letters() == []
    assert it.store.backlog().events == 600
    assert len(it.post.bodies) < 2_000, "it is tried slowly"
    assert it.reports.names == ["collector.misconfigured"]
    assert "HTTP 400" in str(it.reports.all[0][1]["why"])
    it.post.judge = lambda _events, _body: None
    it.drain(emitter)
    assert it.good() == list(range(600))
    assert it.reports.names == ["collector.misconfigured", "collector.available"]


def test_a_wall_that_rises_later_buries_nothing(it: Rig) -> None:
    """It makes no difference that the collector took events before."""
    emitter = it.emitter()
    it.queue(*range(100))
    it.drain(emitter)
    it.post.judge = lambda _events, _body: Answer(422, body=b"request id 5f3e-%d" % it.time.now)
    it.queue(*range(100, 200))
    play(it, emitter, lambda: emitter.failing_for() > 300)
    assert it.letters() == []
    assert it.store.backlog().events == 100


def test_a_source_that_is_refused_throughout_is_buried(it: Rig) -> None:
    """Hundreds of refusals in a row condemn their events as soon as others are taken."""
    for start in range(0, 1000, 100):
        it.queue(*range(start, start + 100), size=900)
    bad = {*range(100, 300), *range(500, 600)}

    def judge(events: list[dict[str, str]], _body: bytes) -> Answer | None:
        return Answer(400, body=b"no") if any(number_of(e) in bad for e in events) else None

    it.post.judge = judge
    emitter = it.emitter(max_bytes=100_000)
    trickle(it, emitter, lambda: {n for n, _, _ in it.letters()} == bad)
    assert len(it.letters()) == len(bad)
    assert set(it.good()) >= set(range(1000)) - bad
    assert "collector.misconfigured" not in it.reports.names


def test_good_events_among_many_bad_are_found(it: Rig) -> None:
    """One claim, nothing else to compare with: the good ones in it lift the doubt."""
    it.queue(*range(400))
    bad = {number for number in range(400) if number < 300 or number % 2}

    def judge(events: list[dict[str, str]], _body: bytes) -> Answer | None:
        return Answer(400, body=b"no") if any(number_of(e) in bad for e in events) else None

    it.post.judge = judge
    emitter = it.emitter()
    play(it, emitter, lambda: it.store.backlog() == EMPTY)
    assert {number for number, _, _ in it.letters()} == bad
    assert it.good() == sorted(set(range(400)) - bad)


def test_a_collector_is_not_flooded_by_suspects(it: Rig) -> None:
    """A claim that was set aside and halved to single events is tried at the pace of one."""
    it.queue(*range(300))
    it.post.judge = choking(*range(300))
    emitter = it.emitter(first_pause=0.05, longest_pause=0.2)
    for number in range(1_000, 1_020):
        it.queue(number)
        end = it.time.now + 3
        play(it, emitter, lambda: it.time.now > end, 0.01)  # noqa: B023  # called at once
    assert emitter.set_aside().events == it.store.backlog().events == 300
    it.post.sent.clear()
    end = it.time.now + 10
    play(it, emitter, lambda: it.time.now > end, 0.01)
    assert 100 < len(it.post.sent) < 600, "each would come ten times a second by itself"
