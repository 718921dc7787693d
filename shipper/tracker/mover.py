"""The thread that moves into the queue what blocking callers kept, soon after it came.

Rule 1: a caller only rings. What came within `_LINGER` is moved together, or within `_COMPANY`
        while more comes all the time: it costs little then, callers seldom wait for it, and few
        requests carry it.
Rule 2: what can't be moved just now, on a full disk, stays safe where it is, and is tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from shipper.errors import StateError
from shipper.tracker.committer import ended
from shipper.tracker.outcome import LOG

_LINGER: Final = 0.01
_COMPANY: Final = 0.05
_AGAIN: Final = 1.0
# Another process of the same queue may have died before it moved its own.
_LOOK: Final = 5.0


class Mover:
    """Calls *move* soon after somebody rang, from a thread of its own; then *moved*."""

    def __init__(self, move: Callable[[], bool], moved: Callable[[], None]) -> None:
        """*move* tells whether it moved anything; it may raise StateError."""
        self._move = move
        self._moved = moved
        self._rung = False
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tracker-move", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """Say that there is something to move."""
        if not self._rung:
            self._rung = True
            self._bell.set()

    def stop(self, timeout: float) -> bool:
        """End; tell whether that was in *timeout* seconds."""
        self._stopping.set()
        self._bell.set()
        return ended(self._thread, timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            busy = self._bell.is_set()  # somebody rang while it moved
            self._bell.wait(_LOOK)
            self._stopping.wait(_COMPANY if busy else _LINGER)
            self._bell.clear()
            self._rung = False
            try:
                if self._move():
                    self._moved()
            except StateError as error:
                LOG.warning("what was tracked is safe, but can't be queued just now: %s", error)
                self.ring()
                self._stopping.wait(_AGAIN)
