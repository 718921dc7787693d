"""Finding the events that a collector refuses, without losing or delaying the others.

Rule 1: a refused group is halved, and each half is sent, until a refused one stands alone. One bad
        event among n costs about 2·log₂ n requests, and no good one is sent twice.
Rule 2: groups are sent from left to right, so that the order of events is kept.
"""

from __future__ import annotations

from shipper.collector.verdict import Delivered, Rejected


class Halving:
    """Which of `count` events to send next, and what became of those that were sent."""

    def __init__(self, count: int, *, singly: bool = False) -> None:
        """Begin with all in one group, or with *singly* each in its own."""
        groups = [range(i, i + 1) for i in range(count)] if singly else [range(count)]
        self._groups = groups[::-1] if count else []
        self.fates: list[Delivered | Rejected | None] = [None] * count
        self.decided = 0

    def next(self) -> range | None:
        """Return the places of the events to send together now; None if none is left."""
        return self._groups[-1] if self._groups else None

    def note(self, verdict: Delivered | Rejected) -> None:
        """Take down the *verdict* on what `next` returned, and go on."""
        group = self._groups.pop()
        if isinstance(verdict, Rejected) and len(group) > 1:
            middle = len(group) // 2
            self._groups += [group[middle:], group[:middle]]
        else:
            self.fates[group.start : group.stop] = [verdict] * len(group)
            self.decided += len(group)
