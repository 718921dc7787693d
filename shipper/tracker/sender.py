"""The thread that sends, in the one process that holds the sender's lock.

Rule 1: one process sends a queue; the others only add, and look now and then whether the lock is
        free: the kernel gives it back when its holder dies.
Rule 2: nothing that goes wrong here reaches the program: it is logged, and tried again.
Rule 3: at a fork the child lets go of the lock's descriptor and of the thread's things: they are
        the parent's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from shipper.emitter import Emitter
from shipper.errors import StateError
from shipper.store.lock import sender_lock
from shipper.tracker.committer import ended
from shipper.tracker.outcome import LOG

_LOCK_AGAIN: Final = 0.5
# Other processes add, too, and ring no bell here.
_LOOK: Final = 0.25
_AFTER_DEFECT: Final = 5.0


class Sender:
    """Sends while there is something to send, from a thread of its own."""

    def __init__(self, directory: Path, make: Callable[[ExitStack], Emitter]) -> None:
        """*make* builds what sends, once the lock is held; it is closed by the stack."""
        self._directory = directory
        self._make = make
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._gate = threading.Lock()
        self._lock = ExitStack()
        self._parts = ExitStack()
        self._emitter: Emitter | None = None
        self._working = False
        self._thread = threading.Thread(target=self._run, name="tracker-send", daemon=True)
        self._thread.start()

    @property
    def holds(self) -> bool:
        """Whether this process is the one that sends."""
        return self._emitter is not None

    @property
    def working(self) -> bool:
        """Whether a request is under way, or the next is being tried."""
        return self._working

    @property
    def runs_here(self) -> bool:
        """Whether the caller is this thread: whoever waits for it then waits for himself."""
        return threading.current_thread() is self._thread

    def ring(self) -> None:
        """Say that there is something to send."""
        self._bell.set()

    def stop(self, timeout: float) -> bool:
        """End after the request under way; tell whether that was in *timeout* seconds."""
        self._stopping.set()
        self._bell.set()
        return ended(self._thread, timeout)

    def before_fork(self) -> None:
        """Stand still: no lock may be half taken."""
        self._gate.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on; in the *child*, let go of what is the parent's."""
        if child:
            self._lock.close()
        self._gate.release()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._bell.clear()
                self._working = True
                wait = self._guarded()
                self._working = wait == 0
                if wait is None:
                    self._bell.wait(_LOOK)
                elif wait:
                    self._stopping.wait(wait)
        finally:
            self._end()

    def _end(self) -> None:
        emitter, self._emitter = self._emitter, None
        self._working = False
        try:
            if emitter is not None:
                emitter.settle()
        except Exception:  # rule 2
            LOG.exception("what was sent is not on record: it is sent again, with the same ids")
        with self._gate:
            self._parts.close()
            self._lock.close()

    def _guarded(self) -> float | None:
        try:
            emitter = self._emitter or self._take()
            return emitter.turn() if emitter else _LOCK_AGAIN
        except Exception:  # rule 2
            LOG.exception("sending failed; it is tried again")
            return _AFTER_DEFECT

    def _take(self) -> Emitter | None:
        """Return what sends, if the lock is to be had."""
        with self._gate:
            try:
                self._lock.enter_context(sender_lock(self._directory))
            except StateError as error:
                LOG.debug("not sending: %s", error)
                return None
            self._emitter = self._make(self._parts)
            return self._emitter
