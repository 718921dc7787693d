"""Threads: each only calls a turn in a loop. Nothing below this room knows that there are any.

Rule 1: an unexpected exception in any thread stops the whole: nothing precious is in memory.
Rule 2: a bell that rings during a turn is heard after it: no wake-up is lost.
Rule 3: stopping waits for the turns under way, but no longer than the grace time.
Rule 4: what a signal handler calls takes no lock, for the thread that it interrupts may hold it.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 60.0
"""Seconds that a turn may take before its thread counts as stuck."""

Turn = Callable[[], float | None]


class Bell:
    """Wakes whoever sleeps; a ring counts even if nobody sleeps just then."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it has rung: to be read before the work whose sleep it may end."""
        return self._rings

    def ring(self) -> None:
        """Wake all who sleep, and the next to lie down."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def sleep(self, heard: int, seconds: float) -> None:
        """Sleep until the bell has rung more than *heard* times, *seconds* at most."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings > heard, seconds)


class Stopping:
    """A flag that a signal handler may set (rule 4): `threading.Event` would take a lock."""

    def __init__(self) -> None:
        self._set = False
        # Its `put` is the one blocking-free call that Python documents as safe in a handler.
        self._word: queue.SimpleQueue[None] = queue.SimpleQueue()

    def is_set(self) -> bool:
        """Tell whether it has been set."""
        return self._set

    def set(self) -> None:
        """Set it, and wake all who wait."""
        self._set = True
        self._word.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, *seconds* at most; tell whether it is."""
        if not self._set:
            try:
                self._word.get(timeout=min(seconds, threading.TIMEOUT_MAX))
            except queue.Empty:
                return self._set
            self._word.put(None)  # for the next who waits
        return self._set


class Crew:
    """The threads of the service."""

    def __init__(self) -> None:
        self.stopping = Stopping()
        self.crash: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._bells: list[Bell] = []
        self._ends: dict[str, float] = {}  # when the turn under way should be over, by thread

    def bell(self, bell: Bell | None = None) -> Bell:
        """Return a new bell, or *bell*, that also rings when the crew is joined."""
        self._bells.append(bell or Bell())
        return self._bells[-1]

    def start(
        self,
        name: str,
        turn: Turn,
        bell: Bell,
        idle: Callable[[], float],
        patience: float = PATIENCE,
    ) -> None:
        """Call *turn* until stopped; asleep between turns until the bell, *idle()* s at most.

        A turn that takes longer than *patience* seconds is stuck.
        """

        def timed() -> float | None:
            self._ends[name] = time.monotonic() + patience
            wait = turn()
            self._ends[name] = float("inf")
            return wait

        loop = threading.Thread(target=self._guard, name=name, args=(timed, bell, idle))
        loop.daemon = True
        self._threads.append(loop)
        loop.start()

    def stuck(self) -> list[str]:
        """Return the names of the threads whose turn has taken too long."""
        now = time.monotonic()
        return [name for name, end in list(self._ends.items()) if end < now]

    def stop(self) -> None:
        """Ask all to stop after the turn they are in. May be called from a signal handler."""
        self.stopping.set()

    def fail(self, error: BaseException) -> None:
        """Stop all because of *error* in one of the threads (rule 1)."""
        self.crash = self.crash or error
        self.stop()

    def join(self, grace: float) -> list[str]:
        """Wait up to *grace* seconds; return the names of those that are still busy."""
        self.stop()
        for bell in self._bells:
            bell.ring()
        end = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _guard(self, turn: Turn, bell: Bell, idle: Callable[[], float]) -> None:
        try:
            while not self.stopping.is_set():
                heard = bell.rings
                wait = turn()
                if wait is None:
                    bell.sleep(heard, idle())
                elif wait > 0:
                    self.stopping.wait(wait)
        except BaseException as error:  # rule 1
            self.fail(error)


@contextmanager
def stop_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call *stop* at SIGTERM or SIGINT; a second one, of either, ends the process at once."""
    numbers = (signal.SIGTERM, signal.SIGINT)

    def handle(_signum: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        stop()

    old = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
