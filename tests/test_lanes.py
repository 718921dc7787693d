"""Tests of the two lanes: rates are kept, speeds are what was done of late."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.lanes import Allowance, Speed


@given(
    st.lists(st.tuples(st.floats(0.001, 3), st.integers(0, 300)), min_size=1, max_size=60),
)
def test_no_span_of_time_has_more_than_its_rate(steps: list[tuple[float, int]]) -> None:
    """However it is asked and spent, no more goes than the rate allows, and one second's worth."""
    allowance, now, spent = Allowance(1_000), 0.0, 0.0
    for seconds, wanted in steps:
        now += seconds
        size = min(wanted, max(0, int(allowance.left(now))))
        allowance.spend(size)
        spent += size
        assert spent <= 1_000 * now + 1_000


def test_without_a_rate_anything_goes() -> None:
    """No rate is no limit."""
    allowance = Allowance(None)
    allowance.spend(10**15)
    assert allowance.left(0.0) == math.inf


def test_what_was_too_much_is_made_up_for() -> None:
    """A chunk that was larger than what was left delays the next one."""
    allowance = Allowance(100)
    assert allowance.left(0.0) == 100
    allowance.spend(300)
    assert allowance.left(1.0) == -100
    assert allowance.left(2.5) == 0
    assert allowance.left(3.0) == 50


@pytest.mark.parametrize("step", [0.01, 1.0, 30.0])
def test_a_steady_speed_is_told_from_the_start(step: float) -> None:
    """What goes at one speed has that speed, after a moment and after hours."""
    speed, now = Speed(), 5.0
    assert speed.at(now) == 0.0
    for _ in range(300):
        speed.add(int(step * 1_000))
        now += step
        assert speed.at(now) == pytest.approx(1_000)


def test_an_old_speed_is_forgotten() -> None:
    """A minute after it stopped, hardly anything is left of it."""
    speed = Speed()
    speed.at(0.0)
    speed.add(1_000_000)
    assert speed.at(1.0) == pytest.approx(1_000_000)
    assert speed.at(61.0) < 60_000
