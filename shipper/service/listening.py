"""A bell that also hears descriptors: a stream that has something to read ends the sleep.

Rule 1: which descriptors is asked before each sleep. Who wants no more of them just now, names
        none, and is not woken by what it would not read.
Rule 2: the bell is closed after all who may ring it; a late ring does no harm.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from shipper.service.threads import Bell


class ListeningBell(Bell):
    """A bell for one sleeper."""

    def __init__(self, listening: Callable[[], Iterable[int]]) -> None:
        """*listening* returns the descriptors; the sleeper's thread calls it."""
        super().__init__()
        self._listening = listening
        self._closing = threading.Lock()
        self._ear, self._voice = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._voice, False)
        self._closed = False

    def ring(self) -> None:
        """Wake whoever sleeps, or the next to lie down."""
        super().ring()
        with self._closing:
            if not self._closed:
                with suppress(BlockingIOError):  # it is full of rings
                    os.write(self._voice, b"\0")

    def sleep(self, heard: int, seconds: float) -> None:
        """Sleep until a ring after *heard* or until a descriptor has news, *seconds* at most."""
        with suppress(BlockingIOError):
            os.read(self._ear, 4096)
        if self.rings > heard:
            return
        awaited = select.poll()
        for fd in (self._ear, *self._listening()):
            awaited.register(fd, select.POLLIN)
        awaited.poll(seconds * 1000)

    def close(self) -> None:
        """Let go of the descriptors."""
        with self._closing:
            self._closed = True
            os.close(self._ear)
            os.close(self._voice)
