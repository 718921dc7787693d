"""Several collectors: which one gets a request, and when the first one gets it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

import pytest

from shipper.collector.client import Address, HttpCollector
from shipper.collector.failover import Failover
from shipper.collector.verdict import Delivered, Misconfigured, Rejected, Unavailable, Verdict
from tests.faults import FaultServer, Wire, answer, refused_url
from tests.outbox import Reports, Time


class Site:
    """A collector that answers as it is told; `posts` and `asked` count what it got."""

    def __init__(self) -> None:
        self.status = 200
        self.health = 200
        self.resets = False
        self.posts = self.asked = 0

    def scene(self, wire: Wire) -> None:
        while (request := wire.request()) is not None:
            if b"/health" in request.line:
                self.asked += 1
                wire.say(answer(self.health))
                continue
            self.posts += 1
            if self.resets:
                wire.reset()
                return
            wire.say(answer(self.status, b"words"))


class Group:
    """Three sites, the failover before them, and a clock that is moved by hand."""

    def __init__(self, stack: ExitStack, *urls: str) -> None:
        self.sites = [Site() for _ in range(3)]
        self.servers = [stack.enter_context(FaultServer(site.scene)) for site in self.sites]
        self.time = Time()
        self.reports = Reports()
        chosen = urls or [server.url for server in self.servers]
        self.failover = Failover(
            [HttpCollector(Address(url=url, read_timeout=2.0)) for url in chosen],
            self.reports,
            pauses=(1.0, 60.0),
            clock=self.time.clock,
            rng=Random(5),
        )
        stack.callback(self.failover.close)

    def post(self, times: int = 1) -> list[Verdict]:
        return [self.failover.post(b"{}") for _ in range(times)]

    @property
    def posts(self) -> list[int]:
        return [site.posts for site in self.sites]


@contextmanager
def group(*urls: str) -> Iterator[Group]:
    with ExitStack() as stack:
        yield Group(stack, *urls)


def test_the_first_healthy_one_gets_all() -> None:
    """While the first takes events, nobody hears of the others, and nobody asks for health."""
    with group() as it:
        assert it.post(10) == [Delivered()] * 10
        assert it.posts == [10, 0, 0]
        assert [site.asked for site in it.sites] == [0, 0, 0]
        assert it.reports.all == []


def test_one_that_can_not_be_reached_is_given_up_at_once() -> None:
    """The request that met it is a failure, the next goes to the second: one line says so."""
    with group() as it:
        it.servers[0].shut()
        verdicts = it.post(5)
        assert isinstance(verdicts[0], Unavailable)
        assert verdicts[1:] == [Delivered()] * 4
        assert it.posts == [0, 4, 0]
        before, to = (server.url.removeprefix("http://") for server in it.servers[:2])
        assert it.reports.all == [("collector.changed", {"to": to, "before": before})]


@pytest.mark.parametrize("status", [500, 404, 301])
def test_bad_answers_count_three_times(status: int) -> None:
    """A request that brings a collector down does not chase all from one to the next."""
    with group() as it:
        it.sites[0].status = status
        it.post(2)
        it.sites[0].status = 200
        assert it.post(1) == [Delivered()]
        it.sites[0].status = status
        assert not any(isinstance(verdict, Delivered) for verdict in it.post(3))
        assert it.post(2) == [Delivered()] * 2
        assert it.posts == [6, 2, 0]


def test_a_refusal_is_an_answer_of_a_healthy_one() -> None:
    """400 is about the events: they would be refused by the next one, too."""
    with group() as it:
        it.sites[0].status = 400
        assert it.post(9) == [Rejected(400, "words")] * 9
        assert it.posts == [9, 0, 0]


def test_a_reset_counts_as_a_bad_answer() -> None:
    """The request may be the cause."""
    with group() as it:
        it.sites[0].resets = True
        it.post(4)
        assert it.posts == [3, 1, 0]


def test_the_first_is_taken_back_when_it_is_well() -> None:
    """It is asked for its health when its pause is over, never with events, and not before."""
    with group() as it:
        it.sites[0].status = it.sites[0].health = 503
        it.post(3)
        assert it.post(5) == [Delivered()] * 5
        assert it.posts == [3, 5, 0]
        assert it.sites[0].asked == 0
        for _ in range(50):
            it.time.now += 10
            assert it.post(1) == [Delivered()]
        assert it.posts == [3, 55, 0], "no event is a probe"
        assert 5 < it.sites[0].asked < 30
        it.sites[0].status = it.sites[0].health = 200
        it.time.now += 60
        assert it.post(4) == [Delivered()] * 4
        assert it.posts == [7, 55, 0]
        assert it.reports.names == ["collector.changed"] * 2


@pytest.mark.parametrize(("health", "back"), [(204, True), (404, True), (403, False), (500, False)])
def test_what_counts_as_well(health: int, back: bool) -> None:
    """A proxy that knows no /health is well; one that forbids it or fails is not."""
    with group() as it:
        it.sites[0].status, it.sites[0].health = 503, health
        it.post(3)
        it.sites[0].status = 200
        it.time.now += 60
        it.post(1)
        assert it.posts == ([4, 0, 0] if back else [3, 1, 0])


def test_its_wish_for_a_pause_is_kept() -> None:
    """Retry-After is waited for, on the second collector."""

    def scene(wire: Wire) -> None:
        while wire.request() is not None:
            wire.say(answer(503, Retry_After="100"))

    with (
        FaultServer(scene) as first,
        group() as spare,
        group(first.url, spare.servers[0].url) as it,
    ):
        it.post(1)
        for _ in range(9):
            it.time.now += 10
            assert it.post(1) == [Delivered()]
        assert len(first.requests) == 1


def test_when_none_is_healthy_all_are_tried_in_turn() -> None:
    """The one that has rested longest; whichever recovers first gets the events."""
    with group() as it:
        for site in it.sites:
            site.status = site.health = 503
        it.post(30)
        assert min(it.posts) >= 3
        it.sites[2].status = 200
        verdicts = it.post(10)
        assert Delivered() in verdicts
        assert set(verdicts[verdicts.index(Delivered()) :]) == {Delivered()}


def test_a_misconfigured_first_one_is_not_forgotten() -> None:
    """Its verdict is told to the caller before the second gets the events."""
    with group() as it:
        it.sites[0].status = 403
        verdicts = it.post(4)
        assert [type(verdict) for verdict in verdicts] == [Misconfigured] * 3 + [Delivered]


def test_the_longest_request_line_counts() -> None:
    """An event that fits one collector's prefix and not another's is too long for both."""
    with group("http://127.0.0.1:1/a", "http://127.0.0.1:1/a/longer/prefix") as it:
        assert it.failover.request_line("e=pv") == len("GET /a/longer/prefix/i?e=pv HTTP/1.1\r\n")


def test_get_fails_over_as_well() -> None:
    """The same for one event a request."""
    with group(refused_url()) as nobody, group() as it:
        assert nobody.failover.get("e=pv") != Delivered()
        assert it.failover.get("e=pv") == Delivered()
