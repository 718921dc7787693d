"""Tests of the last hour as rates and levels: sums are kept, whatever the columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.service.history import levels, rates
from shipper.store.history import Flow, Levels, Step

_NOW = 1_795_417_200


def _step(at: int, lasted: int, read: int, lag: int = 0) -> Step:
    flow = Flow(*(0 for _ in Flow._fields))._replace(lines_read=read)
    return Step(at, lasted * 1000, flow, Levels(lag, 0, 0, None))


def test_a_rate_stands_where_it_was() -> None:
    """Ten lines a second for the last ten seconds of a minute, in parts of ten seconds."""
    assert rates([_step(_NOW, 10, 100)], "lines_read", _NOW, 60, 6) == [0, 0, 0, 0, 0, 10]


def test_a_long_step_is_spread() -> None:
    """After a time in which nothing could be noted, the step covers that time."""
    assert rates([_step(_NOW, 40, 80)], "lines_read", _NOW, 60, 6) == [0, 0, 2, 2, 2, 2]


def test_a_step_without_a_length_is_no_error() -> None:
    """A clock that did not move on between two notes."""
    assert rates([_step(_NOW, 0, 80)], "lines_read", _NOW, 60, 3) == [0, 0, 0]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 10_000)), max_size=30),
    st.integers(1, 100),
)
def test_no_line_is_drawn_twice_or_not_at_all(shapes: list[tuple[int, int]], columns: int) -> None:
    """The area of the chart is what happened, however many columns there are."""
    at, steps = _NOW - sum(lasted for lasted, _ in shapes), []
    for lasted, read in shapes:
        at += lasted
        steps.append(_step(at, lasted, read))
    drawn = rates(steps, "lines_read", _NOW, 3_600, columns)
    assert sum(drawn) * 3_600 / columns == pytest.approx(sum(read for _, read in shapes))


def test_the_highest_level_of_a_part_is_drawn() -> None:
    """A short peak is not smoothed away; what is out of the time is left out."""
    steps = [_step(_NOW - 90, 10, 0, 99), _step(_NOW - 50, 10, 0, 9), _step(_NOW - 41, 10, 0, 3)]
    assert levels(steps, "lag_bytes", _NOW, 60, 3) == [9, 0, 0]
