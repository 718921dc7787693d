"""The emitter, turn by turn, with a real queue and a real collector."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.devcollector.app import Answer
from shipper.event.batch import RecordBatch, compress
from shipper.sending.claims import Claim, Claims
from shipper.store.store import Backlog
from tests.outbox import NOW_MS, Judge, Rig, event, number_of, rig

EMPTY = Backlog(0, 0, None)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as made:
        yield made


def refuse(*bad: int, status: int = 400) -> Judge:
    """A judge that refuses every request with one of *bad* in it."""

    def judge(events: list[dict[str, str]], _body: bytes) -> Answer | None:
        found = [number_of(e) for e in events if number_of(e) in bad]
        words = f"event {found[0]} is bad".encode() if found else b""
        return Answer(status, body=words) if found else None

    return judge


# In order, and within the limits


def test_an_empty_queue_is_idle(it: Rig) -> None:
    """There is nothing to do and nothing is sent."""
    assert it.emitter().turn() is None
    assert it.post.bodies == []


def test_batches_are_sent_in_the_order_of_their_arrival(it: Rig) -> None:
    """First in, first out, each event once, and the queue is empty at the end."""
    for start in range(0, 1000, 10):
        it.queue(*range(start, start + 10))
    it.drain(it.emitter(max_bytes=5_000))
    assert it.post.order == list(range(1000))
    assert it.server.counts() == (1000, 1000, 0)
    assert it.store.backlog() == EMPTY
    assert it.count("delivered") == 1000
    assert it.reports.all == []


@pytest.mark.parametrize("limit", [1_000, 5_000, 12_345, 180_000])
def test_batches_are_joined_up_to_the_limit_and_never_over(it: Rig, limit: int) -> None:
    """No body is over max_bytes, and none could have held the batch that came next."""
    for number in range(120):
        it.queue(number, size=150 + 7 * (number % 40), max_bytes=limit)
    it.drain(it.emitter(max_bytes=limit))
    assert it.post.order == list(range(120))
    sizes = [len(body) for body in it.post.bodies]
    assert max(sizes) <= limit
    for size, following in zip(sizes, it.post.sent[1:], strict=False):
        next_event = 150 + 7 * (following[0] % 40)
        assert size + len(b',"stm":"1795417200123",') - 1 + next_event > limit


def test_a_batch_that_fills_a_request_to_the_byte_is_sent_whole(it: Rig) -> None:
    """The limit itself is allowed; a byte less of it makes two requests."""
    it.queue(1, 2, 3, size=300)
    exact = 88 + 3 * 22 + 3 * 300 + 2
    it.drain(it.emitter(max_bytes=exact))
    assert [len(body) for body in it.post.bodies] == [exact]
    it.queue(1, 2, 3, size=300)
    it.drain(it.emitter(max_bytes=exact - 1))
    assert it.post.sent[1:] == [[1], [2, 3]]


@pytest.mark.parametrize("most", [1, 7, 50, 120])
def test_a_request_has_no_more_events_than_allowed(it: Rig, most: int) -> None:
    """Full ones but for the last of each claim, in order, each event once."""
    it.queue(*range(120))
    it.drain(it.emitter(max_events=most))
    assert it.post.order == list(range(120))
    assert [len(sent) for sent in it.post.sent[:-1]] == [most] * ((120 - 1) // most)


# Lingering


def test_a_small_request_waits_for_more(it: Rig) -> None:
    """What comes within the time goes along in one request, at the end of the time."""
    emitter = it.emitter(linger=0.02)
    assert emitter.turn() is None
    it.queue(1)
    assert emitter.turn() == 0.02
    it.time.now += 0.015
    it.queue(2, 3)
    assert emitter.turn() is None, "one sender comes back for it; others are idle"
    assert it.post.sent == []
    it.time.now += 0.006
    assert emitter.turn() == 0
    assert it.post.sent == [[1, 2, 3]]
    it.queue(4)
    assert emitter.turn() == 0.02, "the next one waits anew"


def test_a_full_request_waits_for_nobody(it: Rig) -> None:
    """Half of a request is enough."""
    it.queue(*range(10), size=500)
    emitter = it.emitter(linger=5.0, max_bytes=10_000)
    assert emitter.turn() == 0
    assert it.post.sent == [list(range(10))]


def test_a_small_request_with_a_large_one_behind_waits_for_nobody(it: Rig) -> None:
    """What waits next would not fit into it, so nothing would be gained."""
    it.queue(1)
    it.queue(*range(2, 20), size=500)
    emitter = it.emitter(linger=5.0, max_bytes=8_000)
    assert emitter.turn() == 0
    assert it.post.sent == [[1]]


def test_what_came_back_waits_for_nobody(it: Rig) -> None:
    """A retry is late enough."""
    it.queue(1)
    it.post.judge = lambda _events, _body: Answer(503)
    emitter = it.emitter(linger=5.0)
    it.time.now += emitter.turn() or 0
    assert emitter.turn() == 0
    assert it.post.sent == [[1]]
    it.post.judge = lambda _events, _body: None
    it.time.now += emitter.turn() or 0
    assert emitter.turn() == 0
    assert it.post.sent == [[1]] * 2


def test_a_batch_for_a_larger_limit_than_todays_is_divided(it: Rig) -> None:
    """After max_bytes was made smaller, what is queued still goes out, in order, within it."""
    it.queue(*range(200), size=400, max_bytes=900_000)
    it.drain(it.emitter(max_bytes=7_000))
    assert it.post.order == list(range(200))
    assert max(map(len, it.post.bodies)) <= 7_000
    assert it.letters() == []


def test_an_event_over_todays_limit_is_a_dead_letter(it: Rig) -> None:
    """It is never sent; its neighbours are, and the letter says why."""
    it.queue(1, 2, size=300)
    it.queue(3, size=5_000)
    it.queue(4, 5, size=300)
    it.drain(it.emitter(max_bytes=2_000))
    assert it.good() == [1, 2, 4, 5]
    words = "a request of 5110 bytes, over the limit of 2000"
    assert it.letters() == [(3, "too_large", words)]
    assert it.post.order == [1, 2, 4, 5]


def test_claims_that_came_back_are_taken_in_their_old_order(it: Rig) -> None:
    """Whichever of three requests in flight fails first, the oldest goes out first again."""
    for number in range(4):
        it.queue(number, size=800)
    claims = Claims(it.store, 1_000)

    def take() -> Claim:
        claim = claims.take(0.0)
        assert isinstance(claim, Claim)
        return claim

    first, second, third = take(), take(), take()
    for claim in (second, third, first):
        claims.give_back(claim)
    assert [take().id for _ in range(4)] == [1, 2, 3, 4]
    assert claims.take(0.0) is None


# Events that the collector refuses


def test_one_bad_event_of_500_costs_that_event_only(it: Rig) -> None:
    """499 are delivered, one is a dead letter with the collector's words, in O(log n) requests."""
    it.queue(*range(500))
    it.post.judge = refuse(357)
    it.drain(it.emitter())
    assert it.good() == [n for n in range(500) if n != 357]
    assert it.letters() == [(357, "rejected", "HTTP 400: event 357 is bad")]
    assert len(it.post.bodies) <= 1 + 2 * math.ceil(math.log2(500))
    assert it.store.backlog() == EMPTY
    assert (it.count("delivered"), it.count("buried")) == (499, 1)
    assert it.reports.all == [
        ("event.buried", {"source": "web", "count": 1, "why": "HTTP 400: event 357 is bad"})
    ]


def test_good_events_are_sent_once_although_a_neighbour_is_bad(it: Rig) -> None:
    """Halving repeats refused requests only, and what is taken keeps its order."""
    it.queue(*range(100))
    it.post.judge = refuse(0, 41, 42, 99)
    it.drain(it.emitter())
    taken = [sent for sent in it.post.sent if not {0, 41, 42, 99} & set(sent)]
    order = [number for request in taken for number in request]
    assert order == [n for n in range(100) if n not in (0, 41, 42, 99)]
    assert [number for number, _, _ in it.letters()] == [0, 41, 42, 99]
    whole = [sent for sent in it.post.sent if len(sent) == 100]
    assert len(whole) == 1, "a refused request is not sent again as it was"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_all_bad_are_all_dead_letters(it: Rig, status: int) -> None:
    """Each is buried once, over batches and sources; nothing is left, nothing goes round."""
    it.queue(*range(8))
    it.queue(*range(8, 12))
    it.post.judge = lambda _events, _body: Answer(status, body=b"none of it")
    it.drain(it.emitter())
    assert [number for number, _, _ in it.letters()] == list(range(12))
    assert {(why, said) for _, why, said in it.letters()} == {
        ("rejected", f"HTTP {status}: none of it")
    }
    assert it.store.backlog() == EMPTY
    assert it.reports.all[0][1]["count"] == 12
    assert len(it.reports.all) == 1, "one line, not one an event"


def test_413_divides_until_bodies_fit(it: Rig) -> None:
    """A collector with a smaller limit than ours gets everything, in smaller requests."""
    it.queue(*range(64), size=500)
    it.post.judge = lambda _events, body: Answer(413) if len(body) > 9_000 else None
    it.drain(it.emitter())
    assert it.good() == list(range(64))
    assert it.letters() == []


def test_an_outage_amid_halving_keeps_the_progress(it: Rig) -> None:
    """What was taken is not sent again, what was found bad is buried, the rest waits in order."""
    it.queue(*range(0, 40))
    it.queue(*range(40, 64))
    refusing = refuse(5, 50)
    calls = 0

    def judge(events: list[dict[str, str]], body: bytes) -> Answer | None:
        nonlocal calls
        calls += 1
        return Answer(503) if calls == 12 else refusing(events, body)

    it.post.judge = judge
    emitter = it.emitter()
    assert emitter.turn() == 0
    before = it.good()
    assert 0 < len(before) < 62
    assert it.letters() == [(5, "rejected", "HTTP 400: event 5 is bad")]
    assert it.store.backlog().events == 64 - len(before) - 1
    assert emitter.trouble == "the collector answers 503"
    it.drain(emitter)
    assert it.good() == [n for n in range(64) if n not in (5, 50)]
    assert it.server.counts().total == 62, "nothing was taken twice"
    assert [number for number, _, _ in it.letters()] == [5, 50]


def test_a_long_halving_is_put_on_record_on_the_way(it: Rig) -> None:
    """After turn_seconds a turn that has come to something ends; the next goes on from there."""
    it.queue(*range(64))
    bad = [number for number in range(64) if number % 8]

    def judge(events: list[dict[str, str]], body: bytes) -> Answer | None:
        it.time.now += 1.0
        return refuse(*bad)(events, body)

    it.post.judge = judge
    emitter = it.emitter(turn_seconds=5.0)
    left = [it.store.backlog().events]
    while left[-1]:
        assert emitter.turn() == 0
        left.append(it.store.backlog().events)
        assert left[-1] < left[-2], "each turn comes to something, however slow the collector"
    assert len(left) > 4
    assert [number for number, _, _ in it.letters()] == bad


# Outages and misconfigurations


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_an_outage_keeps_everything_and_pauses(it: Rig, status: int) -> None:
    """69: Nothing is halved or buried; after the pause the same bytes go out, but for `stm`."""
    it.queue(*range(10))
    it.post.judge = lambda _events, _body: Answer(status, body=b"later")
    emitter = it.emitter()
    assert emitter.turn() == 0
    assert emitter.trouble == f"the collector answers {status}: later"
    assert (wait := emitter.turn())
    assert 0 < wait <= 0.5
    assert len(it.post.bodies) == 1
    it.time.now += 30
    assert emitter.failing_for() == 30
    it.post.judge = lambda _events, _body: None
    it.drain(emitter)
    assert it.post.sent == [list(range(10))] * 2
    first, second = it.post.bodies
    assert first != second
    assert first.replace(it.post.stamps[0].encode(), it.post.stamps[-1].encode()) == second
    assert emitter.failing_for() == 0
    assert emitter.trouble == ""
    assert it.reports.names == ["collector.unavailable", "collector.available"]


def test_retry_after_is_waited_for(it: Rig) -> None:
    """The pause is at least what the collector wishes."""
    it.queue(1)
    it.post.judge = lambda _events, _body: Answer(429, headers={"Retry-After": "90"})
    emitter = it.emitter()
    emitter.turn()
    assert 90 <= (emitter.turn() or 0) <= 90.5


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 405, 410])
def test_a_misconfiguration_keeps_everything_and_says_so_once(it: Rig, status: int) -> None:
    """71: Tried again slowly, said once though the words change, nothing lost in the end."""
    it.queue(*range(10))
    calls = 0

    def judge(_events: list[dict[str, str]], _body: bytes) -> Answer:
        nonlocal calls
        calls += 1
        return Answer(status, body=b"request %d" % calls)

    it.post.judge = judge
    emitter = it.emitter(misconfigured_pause=30.0)
    waits = []
    for _ in range(12):
        wait = emitter.turn()
        assert wait is not None
        waits += [wait] if wait else []
        it.time.now += wait
    assert min(waits) >= 30
    assert it.reports.names == ["collector.misconfigured"]
    assert it.store.backlog().events == 10
    assert it.letters() == []
    assert "request 6" in emitter.trouble
    it.post.judge = lambda _events, _body: None
    it.drain(emitter)
    assert it.good() == list(range(10))
    assert it.reports.names == ["collector.misconfigured", "collector.available"]


def test_another_trouble_is_news(it: Rig) -> None:
    """When an outage turns into a misconfiguration, a person hears of it."""
    it.queue(1)
    emitter = it.emitter()
    for status in (503, 503, 401, 401, 503):
        it.post.judge = lambda _events, _body, status=status: Answer(status)  # type: ignore[misc]
        while wait := emitter.turn():
            it.time.now += wait
    assert it.reports.names == [
        "collector.unavailable",
        "collector.misconfigured",
        "collector.unavailable",
    ]


def test_an_answer_that_was_lost_means_the_same_again(it: Rig) -> None:
    """72: Counted there but unknown to us: sent again, equal but for the time of sending."""
    it.queue(*range(5))
    it.post.judge = lambda _events, _body: Answer(503, counted=True)
    emitter = it.emitter()
    emitter.turn()
    it.post.judge = lambda _events, _body: None
    it.drain(emitter)
    taken = [dict(item["rawEvent"]["parameters"]) for item in it.server.good()]
    assert len(taken) == 10
    stamps = [parameters.pop("stm") for parameters in taken]
    assert len(set(stamps)) == 2
    assert taken[:5] == taken[5:]


# What is damaged


@pytest.mark.parametrize(
    "damage",
    [
        lambda batch: batch._replace(body=b"no zstd"),
        lambda batch: batch._replace(body=batch.body[:-6]),
        lambda batch: batch._replace(body=batch.body[:40] + b"\0\0\0" + batch.body[43:]),
        lambda batch: batch._replace(events=batch.events + 1),
        lambda batch: batch._replace(events=batch.events - 1),
        lambda batch: batch._replace(size=batch.size - 1),
        lambda batch: batch._replace(size=batch.size + 1),
        lambda batch: batch._replace(body=b""),
    ],
)
def test_a_damaged_batch_is_set_aside_alone(it: Rig, damage: object) -> None:
    """It becomes a dead letter that keeps the bytes; what came before and after it is delivered."""
    it.queue(1, 2)
    batch: RecordBatch = damage(compress([event(3), event(4), event(5)]))  # type: ignore[operator]
    it.store.enqueue("web", [batch], NOW_MS)
    it.queue(6)
    it.drain(it.emitter())
    assert it.good() == [1, 2, 6]
    (letter,) = it.store.dead_letters.page()
    assert (letter.reason, letter.event) == ("damaged", batch.body)
    assert f"{batch.events} events" in letter.detail
    assert it.store.backlog() == EMPTY


# GET


def test_get_sends_one_event_a_request(it: Rig) -> None:
    """In order, as the query string of the pixel's path."""
    it.queue(*range(30))
    it.drain(it.emitter(method="get"))
    assert it.post.sent == [[n] for n in range(30)]
    assert it.good() == list(range(30))
    assert all(target.startswith("/i?") for target in it.post.targets)
    assert not any(it.post.bodies)


def test_an_event_too_long_for_get_is_a_dead_letter(it: Rig) -> None:
    """The limit counts the whole request line, to the byte; a longer one is never sent."""
    it.queue(1, 2, 3)
    it.drain(it.emitter(method="get"))
    limit = len(f"GET {it.post.targets[0]} HTTP/1.1\r\n")
    it.queue(4, size=len(event(4)))
    it.queue(5, size=len(event(5)) + 1)
    it.queue(6)
    it.drain(it.emitter(method="get", max_get_bytes=limit))
    assert it.post.order == [1, 2, 3, 4, 6]
    words = f"a request line of {limit + 1} bytes, over the limit of {limit}"
    assert it.letters() == [(5, "too_large", words)]


def test_a_get_that_is_refused_concerns_one_event(it: Rig) -> None:
    """There is nothing to halve."""
    it.queue(*range(10))
    it.post.judge = refuse(3)
    it.drain(it.emitter(method="get"))
    assert it.good() == [n for n in range(10) if n != 3]
    assert len(it.post.targets) == 10
    assert it.letters() == [(3, "rejected", "HTTP 400: event 3 is bad")]


def test_an_outage_amid_gets_keeps_the_progress(it: Rig) -> None:
    """What was taken is not sent again."""
    it.queue(*range(10))
    it.post.judge = lambda _events, _body: Answer(503) if len(it.post.sent) == 4 else None
    it.drain(it.emitter(method="get"))
    assert it.post.sent == [[n] for n in [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9]]
    assert it.server.counts() == (10, 10, 0)
