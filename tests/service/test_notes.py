"""Tests of the notes: the last hour on record is what happened, whatever came between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from shipper.collector.client import Address, HttpCollector
from shipper.devcollector.app import Answer
from shipper.devcollector.schemas import Memory
from shipper.devcollector.server import DevCollector
from shipper.emitter import Emitter, Sending
from shipper.errors import StateBusyError
from shipper.pump import Pace
from shipper.sending.outbox import Outbox
from shipper.service.history import history_of
from shipper.service.notes import Notes
from tests.shipping import SWEEP, Make, Shipper, shippers

_STEP = 10.0


class Site:
    """A shipper with a real collector, and notes of both; the collector fails over `bad` bytes."""

    def __init__(self, shipper: Shipper, url: str) -> None:
        self.shipper = shipper
        self.bad = b""
        self._client = HttpCollector(Address(url=url))
        self.assemble()

    def assemble(self) -> None:
        """Make emitter and notes anew, as a start or a reload does."""
        shipper, clock = self.shipper, self.shipper.clock.clock()
        outbox = Outbox(shipper.store, shipper.reports, clock)
        sending = Sending(first_pause=0.1, longest_pause=0.1, misconfigured_pause=0.1)
        self.emitter = Emitter(outbox, self._client, sending=sending, rng=Random(3))
        self.notes = Notes(shipper.store, shipper.pump, self.emitter, clock)

    def send(self) -> None:
        """Let a sender take a turn; what it is to wait for passes."""
        self.shipper.clock.pass_(self.emitter.turn() or 0.0)

    def empty(self) -> None:
        """Send until nothing waits."""
        for _ in range(100):
            if not self.shipper.store.backlog().events:
                return
            self.send()
        raise AssertionError("the queue does not become empty")

    def pass_(self, seconds: float) -> None:
        """Let time pass, with a note every 5 seconds."""
        for _ in range(int(seconds / 5)):
            self.shipper.clock.pass_(5.0)
            self.notes.turn()

    def points(self) -> list[dict[str, Any]]:
        points: list[dict[str, Any]] = history_of(self.shipper.store)["points"]
        return points

    def total(self, name: str) -> int:
        return sum(point[name] for point in self.points())

    def close(self) -> None:
        self._client.close()


@contextmanager
def _site(make: Make, answers: list[int], **options: Any) -> Iterator[Site]:
    """A site whose collector gives these *answers*, then takes everything."""

    sites: list[Site] = []

    def intercept(_method: str, _target: str, body: bytes) -> Answer | None:
        if any(site.bad and site.bad in body for site in sites):
            return Answer(500)
        return Answer(answers.pop(0)) if answers else None

    with DevCollector(Memory({}), intercept=intercept) as server:
        sites.append(Site(make("*.log", **options), server.url))
        try:
            yield sites[0]
        finally:
            sites[0].close()


@pytest.fixture
def ship(tmp_path: Path) -> Iterator[Make]:
    with shippers(tmp_path) as make:
        yield make


def test_what_happened_is_on_record(ship: Make) -> None:
    """Lines, bytes, events and requests of the time are in the steps, each once."""
    with _site(ship, [503, 404]) as site:
        site.shipper.logs.append("app.log", *(f"line {n:03}" for n in range(100)))
        site.shipper.catch_up()
        site.pass_(20)
        waited = site.points()[-1]
        assert (waited["queue_events"], waited["lag_bytes"]) == (100, 0)
        assert waited["queue_bytes"] > 0
        assert waited["queue_oldest_seconds"] >= 15
        site.empty()
        site.pass_(20)
        assert {name: site.total(name) for name in site.points()[0] if "_read" in name} == {
            "lines_read": 100,
            "bytes_read": 900,
        }
        assert site.total("events_made") == site.total("events_delivered") == 100
        assert site.total("requests_delivered") == 1
        assert site.total("requests_unavailable") == 1
        assert site.total("requests_misconfigured") == 1
        assert site.points()[-1]["queue_oldest_seconds"] is None
        counters = site.shipper.store.counters()
        assert counters["requests:delivered", ""] == 1
        assert counters["sent:bytes", ""] > 3 * 100


def test_steps_follow_each_other(ship: Make) -> None:
    """A step ends every ten seconds, and they cover the time without a gap."""
    with _site(ship, []) as site:
        site.pass_(60)
        points = site.points()
        assert len(points) == 6
        assert [b["at"] - a["at"] for a, b in pairwise(points)] == [10] * 5
        assert {point["lasted_ms"] for point in points} == {10_000}


def test_what_happened_since_the_last_step_is_noted_at_the_end(ship: Make) -> None:
    """A stop, or a reload, forgets nothing; what comes after is counted anew, not twice."""
    with _site(ship, []) as site:
        for n in range(2):
            site.shipper.logs.append("app.log", f"line {n}")
            site.shipper.catch_up()
            site.empty()
            site.shipper.clock.pass_(3.0)
            site.notes.close()
            site.shipper.reconfigure(*site.shipper.sources)
            site.assemble()
        site.pass_(20)
        assert site.total("lines_read") == site.total("events_delivered") == 2
        assert site.total("requests_delivered") == 2
        assert site.shipper.store.counters()["requests:delivered", ""] == 2


def test_a_state_without_time_loses_no_count(ship: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be noted is in the next note."""
    with _site(ship, []) as site:
        site.shipper.logs.append("app.log", "a line")
        site.shipper.catch_up()
        site.send()

        def busy(*_: object) -> None:
            raise StateBusyError("locked")

        with monkeypatch.context() as patch:
            patch.setattr(site.shipper.store.history, "note", busy)
            site.shipper.clock.pass_(_STEP)
            with pytest.raises(StateBusyError):
                site.notes.turn()
        site.pass_(10)
        assert site.total("lines_read") == site.total("requests_delivered") == 1
        assert site.points()[0]["lasted_ms"] >= 15_000


def test_what_stands_in_the_way_is_noted(ship: Make) -> None:
    """A full queue and a collector that is away: why, as words and as one of a closed set."""
    with _site(ship, [503], pace=Pace(sweep=SWEEP, queue_bytes=1)) as site:
        site.shipper.logs.append("app.log", "a line")
        site.shipper.turn(3)
        site.notes.turn()
        full = site.shipper.store.history.condition()
        assert full is not None
        assert (full.paused_reason, full.paused) == ("queue_full", "the queue is full")
        assert (full.trouble_reason, full.trouble) == ("", "")
        site.shipper.pump._pace = Pace(sweep=SWEEP)
        site.shipper.catch_up()
        site.send()
        site.pass_(5)
        away = site.shipper.store.history.condition()
        assert away is not None
        assert (away.paused_reason, away.paused) == ("", "")
        assert (away.trouble_reason, away.trouble) == ("unavailable", "the collector answers 503")
        assert away.failing_seconds == pytest.approx(5.0, abs=0.5)


def test_what_is_set_aside_is_on_record(ship: Make) -> None:
    """An event that fails while others pass: how many there are, and for how long."""
    with _site(ship, []) as site:
        assert _noted(site) == (0, 0.0)
        site.bad = b"bad line"
        for line in ("bad line", "good", "good again"):
            site.shipper.logs.append("app.log", line)
            site.shipper.catch_up()
            for _ in range(20):
                site.send()
        site.pass_(100)
        events, seconds = _noted(site)
        assert events >= 1
        assert seconds >= 100
        site.bad = b""
        site.shipper.logs.append("app.log", "and more")
        site.shipper.catch_up()
        site.empty()
        assert _noted(site) == (0, 0.0)


def _noted(site: Site) -> tuple[int, float]:
    site.notes.turn()
    condition = site.shipper.store.history.condition()
    assert condition is not None
    return condition.set_aside_events, condition.oldest_set_aside_seconds
