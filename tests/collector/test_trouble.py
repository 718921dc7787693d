"""Trouble is told when it begins, changes and ends, and not in between."""

from __future__ import annotations

from shipper.collector.trouble import Trouble
from tests.outbox import Reports, Time


def test_trouble_is_told_once() -> None:
    """The words vary with each try and are the newest when asked for; the log has two lines."""
    reports, time = Reports(), Time()
    trouble = Trouble(reports, time.clock)
    for number in range(5):
        trouble.failing("collector.unavailable", "it answers 503", f"incident {number}", 1.26)
        time.now += 10
    assert trouble.words == "it answers 503: incident 4"
    assert trouble.seconds() == 50
    assert trouble.over()
    assert (trouble.words, trouble.seconds()) == ("", 0)
    assert reports.all == [
        (
            "collector.unavailable",
            {"why": "it answers 503: incident 0", "next_try_seconds": 1.3},
        ),
        ("collector.available", {"after_seconds": 50.0}),
    ]


def test_a_change_of_trouble_is_told_and_the_time_goes_on() -> None:
    """From unavailable to misconfigured is news; it has been failing since the first."""
    reports, time = Reports(), Time()
    trouble = Trouble(reports, time.clock)
    trouble.failing("collector.unavailable", "refused", "", 0.1)
    time.now += 5
    trouble.failing("collector.misconfigured", "it answers 401", "", 30.0)
    assert reports.names == ["collector.unavailable", "collector.misconfigured"]
    assert trouble.seconds() == 5


def test_the_queue_can_not_end_the_collectors_trouble() -> None:
    """That the state can be read again says nothing of the collector, but ends its own trouble."""
    reports, time = Reports(), Time()
    trouble = Trouble(reports, time.clock)
    assert not trouble.over("queue.unsettled")
    trouble.failing("collector.unavailable", "refused", "", 0.1)
    assert not trouble.over("queue.unsettled")
    trouble.failing("queue.unsettled", "the disk is full", "", 0.1)
    assert trouble.over("queue.unsettled")
    assert reports.names == ["collector.unavailable", "queue.unsettled", "queue.settled"]
