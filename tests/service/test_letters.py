"""Tests of keeping the dead letters: their limits by age and size, and the warning of growth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from shipper.pump import Pace
from shipper.service.audit import audit
from shipper.service.letters import Keeper
from shipper.store.dead_letters import Buried, Selection
from shipper.store.store import Settlement
from tests.shipping import SWEEP, Make, Shipper, shippers

_DAY = 86_400.0


@pytest.fixture
def ship(tmp_path: Path) -> Iterator[Make]:
    with shippers(tmp_path) as make:
        yield make


def _reject(shipper: Shipper, count: int) -> None:
    """Make *count* dead letters of about a kilobyte: lines over the limit, as noise."""
    rng = Random(shipper.store.counting.on_record("letters").entries)
    shipper.logs.append("app.log", *(rng.randbytes(1_000).hex() for _ in range(count)))
    shipper.catch_up()


def _keeper(shipper: Shipper, **limits: float) -> Keeper:
    return Keeper(shipper.store, shipper.reports, shipper.clock.clock(), **limits)  # type: ignore[arg-type]


def _count(shipper: Shipper) -> int:
    return shipper.store.counting.on_record("letters").entries


def test_reading_pauses_till_someone_has_seen_to_them(ship: Make) -> None:
    """At the limit reading pauses, and says where to look; discarded, it goes on."""
    shipper = ship("*.log", line_bytes=500, pace=Pace(sweep=SWEEP, letters_bytes=50_000))
    shipper.logs.append("app.log", *(Random(n).randbytes(1_000).hex() for n in range(100)))
    shipper.turn(2)
    shipper.logs.append("app.log", "more")
    shipper.turn()
    assert "shipper dead-letters" in shipper.pump.paused
    assert shipper.store.dead_letters.discard(Selection()) == 100
    assert shipper.turn().lines() == ["more"]
    assert shipper.store.counting.on_record("letters") == (0, 0, 0)


def test_the_oldest_are_discarded_and_it_is_said(ship: Make) -> None:
    """Over max_bytes the oldest go, a few at a time, down to below the limit."""
    shipper = ship("*.log", line_bytes=500)
    keeper = _keeper(shipper, max_bytes=100_000)
    _reject(shipper, 95)
    keeper.turn()
    assert shipper.reports.of("dead_letters.discarded") == []
    _reject(shipper, 20)
    last = shipper.store.dead_letters.page()[-1]
    keeper.turn()
    (told,) = shipper.reports.of("dead_letters.discarded")
    assert told["count"] == 115 - _count(shipper)
    assert 80_000 < shipper.store.counting.on_record("letters").stored_bytes < 100_000
    assert shipper.store.dead_letters.page()[-1] == last
    keeper.turn()
    assert len(shipper.reports.of("dead_letters.discarded")) == 1


def test_what_is_too_old_is_discarded(ship: Make) -> None:
    """Over max_age they go, whatever they are; refused events are counted for the audit."""
    shipper = ship("*.log", line_bytes=500)
    keeper = _keeper(shipper, max_age=30 * _DAY)
    _reject(shipper, 3)
    shipper.logs.append("app.log", "refused")
    shipper.catch_up()
    (queued,) = shipper.queue()
    now_ms = int(shipper.clock.wall * 1000)
    refused = Buried(b'{"x":1}', "rejected", "400")
    shipper.store.settle([Settlement(queued, 0, [refused])], now_ms)
    shipper.clock.pass_(29 * _DAY)
    _reject(shipper, 2)
    keeper.turn()
    assert _count(shipper) == 6
    shipper.clock.pass_(2 * _DAY)
    keeper.turn()
    assert _count(shipper) == 2
    assert audit(shipper.store).discarded == 1
    assert list(audit(shipper.store).faults()) == []


def test_a_warning_when_they_grow_fast(ship: Make) -> None:
    """A thousand in a minute are told with their reason, and not again for ten minutes."""
    shipper = ship("*.log", line_bytes=500)
    keeper = _keeper(shipper)
    for minute in range(10):
        keeper.turn()
        _reject(shipper, 1_000 if minute else 10)
        shipper.clock.pass_(61)
    first, *rest = shipper.reports.of("dead_letters.growing")
    assert first == {
        "count": 1_000,
        "seconds": 60,
        "source": "logs",
        "why": "oversize",
        "of_these": 1_000,
    }
    assert rest == []


def test_few_are_no_warning(ship: Make) -> None:
    """What was there before the start, and some here and there, is nothing to warn of."""
    shipper = ship("*.log", line_bytes=500)
    _reject(shipper, 2_000)
    keeper = _keeper(shipper)
    for _ in range(5):
        keeper.turn()
        _reject(shipper, 50)
        shipper.clock.pass_(61)
    assert shipper.reports.of("dead_letters.growing") == []
