"""Durations: what people and programs write, in the unit that the field names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.grammar.durations import NANOSECONDS, read_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("17", 17),
        ("-5", -5),
        ("0.1", 0.1),
        ("1.5s", 1500),
        ("250ms", 250),
        ("3µs", 0.003),
        ("3us", 0.003),
        ("1m30s", 90_000),
        ("1h2m3.5s", 3_723_500),
        ("-1m", -60_000),
        ("5 sec", 5000),
        ("1 hour 2 minutes", 3_720_000),
        ("2 days", 172_800_000),
        ("00:01:02.5", 62_500),
        ("100:00:00", 360_000_000),
        ("1 02:03:04,25", 93_784_250),
        ("-00:00:01", -1000),
    ],
)
def test_a_duration_is_read(text: str, milliseconds: float) -> None:
    """Bare numbers, Go's and the shell's forms, words, and clocks."""
    assert read_duration(text, "ms", "ms") == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "s", "1x", "1s1s", "1s1m", "1e3", "+1", " 1s", "1s ", "1..5s", "٣s", "1 2"),
        *("00:60:00", "00:01", "1:00:00:00", "nan", "1s-2s", "1" * 31, "1h" + "2" * 31 + "m"),
    ],
)
def test_what_is_no_duration(text: str) -> None:
    """Parts out of order or twice, other scripts, and what Python's float would take."""
    assert read_duration(text, "ms", "ms") is None


@given(st.decimals(0, 10**6, places=6), st.sampled_from(sorted(NANOSECONDS)))
def test_units_are_exact(number: object, unit: str) -> None:
    """A tenth of a second is a hundred milliseconds, not a little more or less."""
    assert read_duration(f"{number}", unit, unit) == float(str(number))
    seconds = read_duration(f"{number}s", "s", "ms")
    assert seconds == float(str(number))
    assert read_duration("0.1s", "ms", "s") == 100
