"""The memory of the collector is bounded in events and bytes; its counts are not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shipper.devcollector.record import Counts, Received, Record
from shipper.devcollector.validate import BadRow, GoodEvent, Judgement

RECEIVED = Received("v", "tp2", (), None, "2026-11-23T07:00:00.000Z", None, None, None)


def judged(good: int, bad: int) -> Judgement:
    """The first events good, the last ones bad."""
    return Judgement(
        tuple(GoodEvent(index, {}, "page_view", None, ()) for index in range(good)),
        tuple(BadRow(good + index, "schema_violations", ("why",)) for index in range(bad)),
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30), st.integers(1, 40))
def test_counts_are_exact_and_the_newest_are_kept(
    requests: list[tuple[int, int]], most: int
) -> None:
    """After any requests the counts are their sum, and at least the newest *most* are there."""
    record = Record(max_events=most)
    for good, bad in requests:
        record.add(RECEIVED, b"body", judged(good, bad))

    good, bad = sum(good for good, _ in requests), sum(bad for _, bad in requests)
    assert record.counts() == Counts(good + bad, good, bad)
    stored = record.newest()
    assert [(len(each.good), len(each.bad)) for each in stored] == requests[::-1][: len(stored)]
    kept = sum(each.events for each in stored)
    assert kept >= min(most, good + bad)
    assert len(stored) <= 1 or kept - stored[-1].events < most


def test_bytes_are_bounded() -> None:
    """Old requests go when their bodies take too much; the newest always stays."""
    record = Record(max_events=1_000, max_bytes=100)
    for number in range(50):
        record.add(RECEIVED, bytes([number]) * 5, judged(1, 0))
    record.add(RECEIVED, bytes(range(256)) * 4, judged(1, 0))

    assert [each.body for each in record.newest()] == [bytes(range(256)) * 4]
    assert record.counts().good == 51


def test_bodies_come_back_as_they_came() -> None:
    """Also an empty one, and one that can hardly be compressed."""
    record = Record(max_events=10)
    for body in (b"", b"x", bytes(range(256)) * 8_000):
        record.add(RECEIVED, body, judged(1, 0))
        assert record.newest()[0].body == body
