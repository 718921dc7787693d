"""What figures come to: medians, ratios, percentiles, verdicts."""

from __future__ import annotations

import pytest

from benchmarks.figures import Finding, percentile, ratios, spread


def test_a_spread_is_the_median_between_its_ends() -> None:
    """One figure that is far off moves an end, not the median."""
    assert spread([8.0, 90.0, 7.0, 9.0, 8.5]) == (8.5, 7.0, 90.0)
    assert spread([8.0, 90.0, 7.0]).shown(1) == "8.0 (7.0–90.0)"
    assert spread([1234.5]).shown(0) == "1,234"


def test_no_figures_have_no_spread() -> None:
    """A part that measured nothing fails; it does not print a zero."""
    with pytest.raises(ValueError, match="no figures"):
        spread([])


def test_a_ratio_is_taken_within_each_round() -> None:
    """A machine that is twice as slow in one round slows both, and the ratio stays."""
    assert ratios([4.0, 8.0, 4.0], [8.0, 16.0, 8.0]) == (0.5, 0.5, 0.5)


def test_a_ratio_needs_both_in_each_round() -> None:
    """Rounds that one of the two missed can't be compared."""
    with pytest.raises(ValueError, match="shorter"):
        ratios([4.0, 8.0], [8.0])


@pytest.mark.parametrize(
    ("share", "figure"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)]
)
def test_a_percentile_is_a_figure_that_was_measured(share: float, figure: float) -> None:
    """The nearest rank, with no interpolation that makes up a figure."""
    assert percentile([float(n) for n in range(100, 0, -1)], share) == figure


def test_a_limit_may_be_the_most_or_the_least() -> None:
    """What stands exactly at the limit is reached."""
    cost = Finding(what="cost", limit=0.4, measured=0.4)
    speed = Finding(what="speed", limit=1.7, measured=1.69, unit="×", most=False)

    assert (cost.target, cost.result, cost.verdict) == ("≤ 0.40", "0.40", "reached")
    assert (speed.target, speed.result, speed.verdict) == ("≥ 1.70 ×", "1.69 ×", "not reached")


def test_what_was_not_measured_says_why() -> None:
    """It counts neither as reached nor as missed."""
    beside = Finding(what="cost", limit=0.4, measured=None, why="no syslog-ng")
    assert (beside.result, beside.verdict) == ("no syslog-ng", "not measured")
