"""What figures come to: medians with their spread, ratios, and whether a target was reached.

Rule 1: a ratio is taken within each round, between runs that stood beside each other, and only
        then its median, so that a machine that is slow for a while slows both.
Rule 2: what could not be measured is neither reached nor missed: it says why.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple


class Spread(NamedTuple):
    """The median of several figures, the least and the most of them."""

    median: float
    least: float
    most: float

    def shown(self, digits: int = 2) -> str:
        """Return it as text: the median, and the ends if they differ from it."""
        median, least, most = (f"{figure:,.{digits}f}" for figure in self)
        return median if least == most else f"{median} ({least}–{most})"


def spread(figures: Sequence[float]) -> Spread:
    """Return the spread of *figures*. Raises ValueError if there are none."""
    if not figures:
        raise ValueError("no figures")
    return Spread(statistics.median(figures), min(figures), max(figures))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return how *ours* are to *theirs*, round by round (rule 1)."""
    return spread([one / other for one, other in zip(ours, theirs, strict=True)])


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the figure that *share* of all do not exceed; the nearest rank."""
    ordered = sorted(figures)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One target and what was measured of it.

    *measured* None: it could not be, for the reason *why*. *most* says whether the limit is the
    most that may be, or the least. *unit* follows both numbers, *digits* come after the point.
    """

    what: str
    limit: float
    measured: float | None
    unit: str = ""
    most: bool = True
    digits: int = 2
    why: str = ""

    @property
    def verdict(self) -> Literal["reached", "not reached", "not measured"]:
        """Tell whether what was measured keeps to the limit."""
        if self.measured is None:
            return "not measured"
        kept = self.measured <= self.limit if self.most else self.measured >= self.limit
        return "reached" if kept else "not reached"

    def shown(self, figure: float) -> str:
        """Return *figure* with the unit."""
        return f"{figure:,.{self.digits}f}{self.unit and ' ' + self.unit}"

    @property
    def target(self) -> str:
        """Return the limit as text."""
        return f"{'≤' if self.most else '≥'} {self.shown(self.limit)}"

    @property
    def result(self) -> str:
        """Return what was measured as text, or why nothing was."""
        return self.why if self.measured is None else self.shown(self.measured)
