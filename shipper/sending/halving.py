"""Finding the events that a collector can't take, without losing or delaying the others.

Rule 1: a refused group is halved, and each half is sent, until a refused one stands alone. One bad
        event among n costs about 2·log₂ n requests, and no good one is sent twice.
Rule 2: groups are sent from left to right, so that the order of events is kept; one that failed is
        behind those that were due before it, and passed over until it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from shipper.collector.verdict import Fate, Rejected
from shipper.sending.health import Mark


@dataclass(slots=True, eq=False)
class Group:
    """Events that go together: `size` of them, from the place `start`.

    Of its failures: how many (`tries`), how many of them while others passed (`strikes`), when the
    first was (`since`), how others fared when the last was (`mark`); it is tried again at `due`.
    """

    size: int
    start: int = 0
    tries: int = 0
    strikes: int = 0
    since: float | None = None
    mark: Mark | None = None
    due: float = 0.0

    @property
    def events(self) -> range:
        """The places of its events."""
        return range(self.start, self.start + self.size)


def divide(count: int, most: int) -> list[Group]:
    """Return groups of *most* events for *count*."""
    return [Group(min(most, count - start)) for start in range(0, count, most)]


class Halving:
    """Which of the events in `groups` to send next, and what became of those that were sent."""

    def __init__(self, groups: Sequence[Group]) -> None:
        """Begin with *groups*, which stand one behind the other."""
        self.groups = list(groups)
        count = 0
        for group in self.groups:
            group.start = count
            count += group.size
        self.fates: list[Fate | None] = [None] * count
        self.decided = 0

    def next(self, now: float = 0.0) -> Group | None:
        """Return the group to send now; None if none is left that is due."""
        if self.groups and self.groups[0].due <= 0.0:
            return self.groups[0]
        due = (group for group in self.groups if group.due <= now)
        return min(due, key=lambda group: group.due, default=None)

    def note(self, group: Group, fate: Fate) -> None:
        """Take down what became of *group*: a refused one of several events is halved."""
        if isinstance(fate, Rejected) and group.size > 1:
            self.halve(group)
            return
        self.groups.remove(group)
        self.fates[group.start : group.start + group.size] = [fate] * group.size
        self.decided += group.size

    def halve(self, group: Group, mark: Mark | None = None) -> None:
        """Put two groups in the place of *group*, which begin anew at *mark*."""
        at, half = self.groups.index(group), group.size // 2
        left = Group(half, group.start, mark=mark)
        right = Group(group.size - half, group.start + half, mark=mark)
        self.groups[at : at + 1] = [left, right]

    def single_out(self, rng: Random) -> Group | None:
        """Give one of the events that are left, chosen by chance, a group of its own."""
        if not self.groups:
            return None
        (group,) = rng.choices(self.groups, [group.size for group in self.groups])
        at, place = self.groups.index(group), rng.randrange(group.size)
        cuts = (0, place), (place, place + 1), (place + 1, group.size)
        parts = [Group(end - begin, group.start + begin) for begin, end in cuts]
        self.groups[at : at + 1] = [part for part in parts if part.size]
        return parts[1]
