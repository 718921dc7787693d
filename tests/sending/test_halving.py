"""Halving, apart from any collector: which groups, in which order, and how many."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from shipper.collector.verdict import Delivered, Rejected
from shipper.sending.halving import Group, Halving, divide


def play(halving: Halving, bad: set[int]) -> list[range]:
    """Refuse each group with a bad one in it; return the groups in their order."""
    groups = []
    while (group := halving.next()) is not None:
        groups.append(group.events)
        halving.note(group, Rejected(400, "no") if bad & set(group.events) else Delivered())
    return groups


@given(
    st.integers(0, 300),
    st.sets(st.integers(0, 299), max_size=12),
    st.sampled_from([1, 7, 100, 10_000]),
)
def test_every_event_has_its_fate(count: int, chosen: set[int], most: int) -> None:
    """The refused are exactly the bad ones, the taken come once and in order, all are decided."""
    bad = {number for number in chosen if number < count}
    halving = Halving(divide(count, most))
    groups = play(halving, bad)
    refused = {i for i, fate in enumerate(halving.fates) if isinstance(fate, Rejected)}
    assert refused == bad
    assert all(len(group) <= most for group in groups)
    taken = [i for group in groups if not bad & set(group) for i in group]
    assert taken == [i for i in range(count) if i not in bad]
    assert halving.decided == count
    depth = 1 + math.ceil(math.log2(max(min(count, most), 2)))
    assert len(groups) <= math.ceil(count / most) + 2 * depth * len(bad)


def test_one_bad_event_costs_the_logarithm() -> None:
    """Wherever it stands among 500, 19 requests are enough."""
    assert max(len(play(Halving(divide(500, 500)), {bad})) for bad in range(500)) == 19


def test_what_is_not_yet_sent_has_no_fate() -> None:
    """Stopping on the way leaves the rest undecided, in the groups that it has come to."""
    halving = Halving(divide(8, 8))
    for fate in (Rejected(400, "no"), Delivered()):
        group = halving.next()
        assert group is not None
        halving.note(group, fate)
    assert halving.fates == [Delivered()] * 4 + [None] * 4
    assert [group.events for group in halving.groups] == [range(4, 8)]


def test_what_is_not_due_is_passed_over() -> None:
    """The groups behind it are sent meanwhile; it keeps its place."""
    halving = Halving([Group(2), Group(3, due=5.0), Group(4)])
    seen = []
    while (group := halving.next(now=4.9)) is not None:
        seen.append(group.events)
        halving.note(group, Delivered())
    assert seen == [range(2), range(5, 9)]
    left = halving.next(now=5.0)
    assert left is not None
    assert left.events == range(2, 5)
