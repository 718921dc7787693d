"""Sending in the foreground: what it does while nothing can be sent."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

from shipper.emitter import Emitter
from shipper.tracker.draining import Tally, run_to_end
from shipper.tracker.queueing import Queue


def test_it_does_not_spin_while_what_waits_is_set_aside() -> None:
    """An emitter that has nothing to do for now is asked now and then, and not all the time."""
    turns: list[float] = []

    def turn() -> None:
        turns.append(time.monotonic())

    letters = SimpleNamespace(events=lambda: 0)
    queue = SimpleNamespace(
        newest=lambda: 1, waiting=lambda _upto: 3, store=SimpleNamespace(dead_letters=letters)
    )
    emitter = SimpleNamespace(turn=turn, settle=lambda: None)
    done = run_to_end(
        cast(Emitter, emitter), cast(Queue, queue), Tally(None), 3, time.monotonic() + 1.0
    )
    assert (done.delivered, done.left) == (0, 3)
    assert 2 <= len(turns) <= 20
