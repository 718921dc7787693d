"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config import units


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("2s", 2),
        ("5m", 300),
        ("1h", 3_600),
        ("1d", 86_400),
        ("1.5 h", 5_400),
        ("7", 7),
        (" 7s ", 7),
        (7, 7),
        (0.25, 0.25),
        ("0.25", 0.25),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    """A duration is a number of seconds, or a number with a unit."""
    assert seconds == units.seconds(written)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("180kB", 180_000),
        ("10GB", 10**10),
        ("64KiB", 65_536),
        ("1mb", 10**6),
        ("2MiB", 2**21),
        ("1.5kB", 1_500),
        ("4.35kB", 4_350),
        ("9", 9),
        (9, 9),
        ("3B", 3),
        ("1TB", 10**12),
    ],
)
def test_sizes(written: object, size: int) -> None:
    """Units with an i count in 1024s, units without in thousands."""
    assert size == units.size(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x",
        "5x",
        "s",
        "-1s",
        "1e3",
        "٣s",
        "1..5s",
        "5 s s",
        "5k",
        None,
        True,
        [],
        {},
        float("inf"),
        float("nan"),
        10**400,
        "9" * 30,
    ],
)
def test_anything_else_is_no_quantity(written: object) -> None:
    """What is no finite number with a known unit is refused, a boolean too."""
    with pytest.raises(ValueError, match="is not a number with a known unit"):
        units.seconds(written)
    with pytest.raises(ValueError, match="is not a number with a known unit"):
        units.size(written)


@pytest.mark.parametrize("written", ["0.5", "0.0001kB", 1.5])
def test_there_is_no_part_of_a_byte(written: object) -> None:
    """A size is a whole number of bytes."""
    with pytest.raises(ValueError, match="whole number of bytes"):
        units.size(written)


@given(st.integers(0, 10**9), st.sampled_from(sorted(units.BYTES)))
def test_a_size_is_number_times_unit(number: int, unit: str) -> None:
    """Number and unit multiply exactly, for every unit."""
    assert number * units.BYTES[unit] == units.size(f"{number}{unit}")
