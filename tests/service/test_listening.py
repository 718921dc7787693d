"""The bell that hears descriptors, too."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from shipper.service.listening import ListeningBell
from tests.service.test_threads import in_threads


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def seconds_of(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def test_something_to_read_ends_the_sleep(pipe: tuple[int, int]) -> None:
    """A writer wakes who sleeps on its pipe, and is not missed if it was there before."""
    reader, writer = pipe
    with closing(ListeningBell(lambda: [reader])) as bell:
        asleep = lambda: bell.sleep(bell.rings, 60)  # noqa: E731  # a name for the work
        assert seconds_of(lambda: in_threads(asleep, lambda: os.write(writer, b"x"))) < 5
        assert seconds_of(asleep) < 5


def test_who_names_no_descriptor_is_not_woken_by_it(pipe: tuple[int, int]) -> None:
    """What would not be read, as while the queue is full, does not end the sleep."""
    reader, writer = pipe
    named = [reader]
    with closing(ListeningBell(lambda: [named.pop()] if named else [])) as bell:
        os.write(writer, b"x")
        assert seconds_of(lambda: bell.sleep(0, 60)) < 5
        assert seconds_of(lambda: bell.sleep(0, 0.05)) >= 0.05


def test_a_ring_ends_the_sleep(pipe: tuple[int, int]) -> None:
    """A ring wakes who sleeps on silent descriptors; one before the sleep counts."""
    with closing(ListeningBell(lambda: [pipe[0]])) as bell:
        assert seconds_of(lambda: in_threads(lambda: bell.sleep(0, 60), bell.ring)) < 5
        assert seconds_of(lambda: bell.sleep(0, 60)) < 5


def test_rings_that_were_heard_do_not_end_the_next_sleep() -> None:
    """However often it rang during the work, the sleep after the next look is a sleep."""
    with closing(ListeningBell(list)) as bell:
        for _ in range(100_000):  # more than its own pipe holds
            bell.ring()
        for _ in range(30):
            bell.sleep(bell.rings, 0)
        assert seconds_of(lambda: bell.sleep(bell.rings, 0.05)) >= 0.05


def test_a_late_ring_does_no_harm(pipe: tuple[int, int]) -> None:
    """A ring after the end writes into no descriptor that somebody else has got meanwhile."""
    bell = ListeningBell(list)
    bell.close()
    fresh = os.pipe()
    os.set_blocking(fresh[0], False)
    bell.ring()
    with pytest.raises(BlockingIOError):
        os.read(fresh[0], 1)
    for end in fresh:
        os.close(end)
