"""Halving, apart from any collector: which groups, in which order, and how many."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from shipper.collector.halving import Halving
from shipper.collector.verdict import Delivered, Rejected


def play(halving: Halving, bad: set[int]) -> list[range]:
    """Refuse each group with a bad one in it; return the groups in their order."""
    groups = []
    while (group := halving.next()) is not None:
        groups.append(group)
        halving.note(Rejected(400, "no") if bad & set(group) else Delivered())
    return groups


@given(st.integers(0, 300), st.sets(st.integers(0, 299), max_size=12), st.booleans())
def test_every_event_has_its_fate(count: int, chosen: set[int], singly: bool) -> None:
    """The refused are exactly the bad ones, the taken come once and in order, all are decided."""
    bad = {number for number in chosen if number < count}
    halving = Halving(count, singly=singly)
    groups = play(halving, bad)
    refused = {i for i, fate in enumerate(halving.fates) if isinstance(fate, Rejected)}
    assert refused == bad
    taken = [i for group in groups if not bad & set(group) for i in group]
    assert taken == [i for i in range(count) if i not in bad]
    assert halving.decided == count
    depth = 1 + math.ceil(math.log2(max(count, 2)))
    assert len(groups) <= (count if singly else 1 + 2 * depth * len(bad))


def test_one_bad_event_costs_the_logarithm() -> None:
    """Wherever it stands among 500, 19 requests are enough."""
    assert max(len(play(Halving(500), {bad})) for bad in range(500)) == 19


def test_what_is_not_yet_sent_has_no_fate() -> None:
    """Stopping on the way leaves the rest undecided, on the right of what was sent."""
    halving = Halving(8)
    halving.note(Rejected(400, "no"))
    halving.note(Delivered())
    assert halving.fates == [Delivered()] * 4 + [None] * 4
    assert halving.next() == range(4, 8)
