"""The last hour, as those who draw charts want it: JSON values, and rates for a line of blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shipper.store.history import STEP_SECONDS, Step
from shipper.store.store import Store


def history_of(store: Store, since: float = 0.0) -> dict[str, Any]:
    """Return the steps that ended after *since* (seconds since 1970) as JSON values, oldest first.

    The names of a point are those of `Step`, `Flow` and `Levels`. Points may stand further apart
    than `step_seconds`: where nothing ran there are none. Raises StateError.
    """
    points = [
        {
            "at": step.at,
            "lasted_ms": step.lasted_ms,
            **step.flow._asdict(),
            **step.levels._asdict(),
        }
        for step in store.history.steps(since)
    ]
    return {"step_seconds": STEP_SECONDS, "points": points}


def rates(
    steps: Iterable[Step], name: str, until: float, seconds: int, columns: int
) -> list[float]:
    """Return how often a second *name* happened in each of *columns* parts of the last *seconds*.

    A step is spread over the time that it lasted; where nothing was noted, nothing happened.
    """
    width = seconds / columns
    begin = until - seconds
    parts = [0.0] * columns
    for step in steps:
        lasted = step.lasted_ms / 1000
        rate = getattr(step.flow, name) / lasted if lasted else 0.0
        start, end = step.at - lasted - begin, step.at - begin
        for column in range(max(0, int(start // width)), min(columns, int(end // width) + 1)):
            overlap = min(end, (column + 1) * width) - max(start, column * width)
            parts[column] += rate * max(0.0, overlap) / width
    return parts


def levels(
    steps: Sequence[Step], name: str, until: float, seconds: int, columns: int
) -> list[float]:
    """Return the highest *name* noted in each of *columns* parts of the last *seconds*."""
    width = seconds / columns
    parts = [0.0] * columns
    for step in steps:
        column = int((step.at - (until - seconds)) // width)
        if 0 <= column < columns:
            parts[column] = max(parts[column], float(getattr(step.levels, name) or 0))
    return parts
