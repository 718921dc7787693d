"""What counts as growth of a cost."""

from __future__ import annotations

from benchmarks.growth import finding


def test_the_dearest_is_compared_with_the_smallest_size() -> None:
    """Wherever it stands in between."""
    found = finding("files", {1: 10.0, 100: 12.5, 1_000: 11.0})
    assert (found.what, found.measured) == ("µs a line, 1 to 1,000 files", 1.25)
    assert found.verdict == "not reached"


def test_what_gets_cheaper_is_no_fault() -> None:
    """A long line's bytes are cheaper than a short one's, for a line has a cost of its own."""
    assert finding("bytes a line", {100: 58.0, 10_000: 17.0}).verdict == "reached"
