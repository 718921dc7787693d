"""The thread that moves into the queue what blocking callers kept."""

from __future__ import annotations

import threading
import time

import pytest

from shipper.errors import StateBusyError
from shipper.tracker.mover import Mover


def test_it_moves_after_a_ring_and_tells() -> None:
    """Many rings before it wakes are one move; the next ring is another."""
    moved = threading.Semaphore(0)
    mover = Mover(lambda: True, moved.release)
    for _ in range(2):
        for _ in range(100):
            mover.ring()
        assert moved.acquire(timeout=30)
    assert mover.stop(30)


def test_it_gathers_longer_while_more_comes() -> None:
    """Who rings during a move waits for company; the first of all is moved soon."""
    moves: list[float] = []
    second = threading.Event()

    def move() -> bool:
        moves.append(time.monotonic())
        if len(moves) == 1:
            mover.ring()
        else:
            second.set()
        return True

    mover = Mover(move, lambda: None)
    mover.ring()
    assert second.wait(30)
    assert moves[1] - moves[0] >= 0.05
    assert mover.stop(30)


def test_it_tries_again_what_could_not_be_moved(caplog: pytest.LogCaptureFixture) -> None:
    """A full disk is logged, nobody is told that anything moved, and the next try moves it."""
    moved = threading.Event()
    failures = iter([StateBusyError("the disk is full", "free some")])

    def move() -> bool:
        for error in failures:
            raise error
        return True

    mover = Mover(move, moved.set)
    mover.ring()
    assert moved.wait(30)
    assert mover.stop(30)
    assert "is safe, but can't be queued just now: the disk is full" in caplog.text


def test_it_ends_while_it_waits() -> None:
    """At once, and tells so."""
    assert Mover(lambda: False, lambda: None).stop(30)
