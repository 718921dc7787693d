"""Group commit: callers go on while a thread puts what came meanwhile into the queue at once.

Rule 1: a receipt is settled after the commit that holds its events, or with why there is none.
Rule 2: what came during one commit shares the next: a commit costs the disk the same for one event
        as for a thousand.
Rule 3: who adds faster than the disk takes has to wait: memory is bounded.
Rule 4: after a group of several the next waits `_LINGER` for company. Without, the two threads take
        turns at every event, which costs more than the commits. Who adds one at a time and waits
        for each receipt waits for nothing else.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from shipper.tracker.receipt import Receipt

_TURN_BYTES: Final = 4 << 20
_MOST_BYTES: Final = 16 << 20
_LINGER: Final = 0.005
STOPPED: Final = "the emitter was stopped: make another one"


class _Waiting(NamedTuple):
    payloads: Sequence[bytes]
    receipt: Receipt
    size: int


class Committer:
    """Calls *commit* with groups of events, from a thread of its own."""

    def __init__(
        self, commit: Callable[[Sequence[bytes]], None], committed: Callable[[], None]
    ) -> None:
        """*committed* is called after each commit."""
        self._commit = commit
        self._committed = committed
        self._news = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._size = 0
        self._busy = self._closing = False
        self._thread = threading.Thread(target=self._run, name="tracker-commit", daemon=True)
        self._thread.start()

    def add(self, payloads: Sequence[bytes], receipt: Receipt) -> None:
        """Have *payloads* committed together; *receipt* is settled then.

        Raises RuntimeError after `stop`: nobody would commit them.
        """
        size = sum(map(len, payloads))
        with self._news:
            self._news.wait_for(lambda: self._size < _MOST_BYTES or self._closing)
            if self._closing:
                raise RuntimeError(STOPPED)
            self._waiting.append(_Waiting(payloads, receipt, size))
            self._size += size
            self._news.notify_all()

    def drain(self, timeout: float) -> int:
        """Wait until nothing waits, *timeout* seconds at most; return how many events still do."""
        with self._news:
            self._news.wait_for(lambda: not self._waiting and not self._busy, timeout)
            return sum(len(waiting.payloads) for waiting in self._waiting)

    def stop(self, timeout: float) -> bool:
        """Commit what waits and end; tell whether that was possible in *timeout* seconds."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        return ended(self._thread, timeout)

    @property
    def runs_here(self) -> bool:
        """Whether the caller is this thread: whoever waits for it then waits for himself."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        group: list[_Waiting] = []
        while group := self._next(several=len(group) > 1):
            try:
                self._commit([each for waiting in group for each in waiting.payloads])
            except Exception as error:  # whoever holds a receipt hears of it
                _settle(group, error)
            else:
                self._committed()
                _settle(group, None)

    def _next(self, *, several: bool) -> list[_Waiting]:
        """Wait for what is to be committed next; nothing when it is time to end.

        *several* says that the last group was more than one.
        """
        group: list[_Waiting] = []
        size = 0
        with self._news:
            self._busy = False
            self._news.notify_all()
            self._news.wait_for(lambda: self._waiting or self._closing)
        if several and not self._closing:
            time.sleep(_LINGER)
        with self._news:
            while self._waiting and size < _TURN_BYTES:
                group.append(self._waiting.popleft())
                size += group[-1].size
            self._size -= size
            self._busy = bool(group)
        return group


def _settle(group: Sequence[_Waiting], error: Exception | None) -> None:
    for waiting in group:
        waiting.receipt.settle(error)


def ended(thread: threading.Thread, timeout: float) -> bool:
    """Wait up to *timeout* seconds for the end of *thread*, unless it is the caller; tell if so."""
    if threading.current_thread() is thread:
        return False
    thread.join(max(0.0, timeout))
    return not thread.is_alive()


def left_of(deadline: float) -> float:
    """Return the seconds up to *deadline* (monotonic), not less than 0."""
    return max(0.0, deadline - time.monotonic())
