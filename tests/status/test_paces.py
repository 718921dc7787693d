"""How long a file has been behind, and will be."""

from __future__ import annotations

import pytest

from shipper.service.status import FileStatus
from shipper.status.paces import Pace, Paces


def file(offset: int, size: int, path: str = "a") -> FileStatus:
    return FileStatus(path, "s", size, offset, size - offset)


def test_a_file_that_is_read_to_its_end_has_no_pace() -> None:
    """Only those that are behind are told of."""
    assert Paces().look([file(10, 10)], 0.0) == {}


def test_behind_counts_from_when_it_was_last_seen_read() -> None:
    """From the look before the first one that found it behind; caught up, it counts anew."""
    paces = Paces()
    paces.look([file(10, 10)], 100.0)
    assert paces.look([file(10, 30)], 105.0)["a"] == Pace(5.0, None)
    assert paces.look([file(20, 40)], 106.0)["a"].behind_seconds == 6.0
    assert paces.look([file(40, 40)], 107.0) == {}
    assert paces.look([file(40, 50)], 108.0)["a"].behind_seconds == 1.0


def test_behind_from_the_first_look_on() -> None:
    """Nothing is known of the time before; a file that begins anew counts anew."""
    paces = Paces()
    assert paces.look([file(0, 50)], 7.0)["a"] == Pace(0.0, None)
    assert paces.look([file(10, 50)], 9.0)["a"] == Pace(2.0, 8.0)
    assert paces.look([file(0, 5)], 10.0)["a"] == Pace(0.0, None)


def test_the_speed_is_that_of_late() -> None:
    """After a while of another speed, the old one counts for little; at rest nothing is known."""
    paces = Paces()
    size = 1_000_000
    paces.look([file(0, size)], 0.0)
    paces.look([file(1_000, size)], 10.0)
    for second in range(11, 111):
        pace = paces.look([file(1_000 + (second - 10) * 1_000, size)], float(second))["a"]
    assert pace.eta_seconds == pytest.approx((size - 101_000) / 1_000, rel=0.01)
    other = Paces()
    other.look([file(5, 10)], 0.0)
    assert other.look([file(5, 10)], 1.0)["a"].eta_seconds is None


def test_files_that_are_gone_are_forgotten() -> None:
    """What is not looked at any more takes no memory, and counts anew if it comes again."""
    paces = Paces()
    paces.look([file(0, 10), file(0, 10, "b")], 0.0)
    paces.look([file(0, 10)], 5.0)
    assert paces.look([file(0, 10, "b")], 9.0)["b"].behind_seconds == 0.0
