"""The evidence: when failing alone counts, and when a refusal says nothing of the event."""

from __future__ import annotations

from shipper.collector.verdict import Delivered, Misconfigured, Rejected, Unavailable
from shipper.sending.health import Health

DOWN = Unavailable("the collector answers 500", blames=True)


def test_others_have_to_pass() -> None:
    """Nothing that passed before the mark counts, and neither does silence."""
    health = Health()
    health.note(Delivered())
    mark = health.mark()
    assert not health.passing_since(mark)
    health.note(Delivered())
    assert health.passing_since(mark)


def test_a_flapping_collector_is_no_evidence() -> None:
    """Of the others at most one in eleven may fail."""
    health = Health()
    mark = health.mark()
    for _ in range(9):
        health.note(Delivered())
    health.note(DOWN)
    assert not health.passing_since(mark)
    health.note(Delivered())
    assert health.passing_since(mark)
    health.note(Misconfigured("the collector answers 404"))
    assert not health.passing_since(mark)


def refused(health: Health, times: int, words: str = "no request {}") -> bool:
    for number in range(times):
        health.note(Rejected(400, words.format(number)))
    return health.refuses_all()


def test_the_same_answer_again_and_again_is_about_all() -> None:
    """32 in a row, whatever numbers the answer carries, and not one less."""
    health = Health()
    assert not refused(health, 31)
    assert refused(health, 1, "no request 5eadbeef-{}")


def test_one_that_passes_ends_the_row() -> None:
    """So does an answer in other words, or of another status."""
    for other in (Delivered(), Rejected(400, "too long"), Rejected(413, "no request 7")):
        health = Health()
        refused(health, 31)
        health.note(other)
        assert not refused(health, 30)


def test_our_own_limit_is_no_answer() -> None:
    """Events that were never sent neither make a row nor break one."""
    health = Health()
    refused(health, 31)
    health.note(Rejected(0, "over the limit"))
    assert not health.refuses_all()
    assert refused(health, 1)
