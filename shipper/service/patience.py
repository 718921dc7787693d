"""Waits for what the state does not allow just now, and says so once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

from shipper.errors import StateBusyError
from shipper.model import Report
from shipper.service.notify import Manager
from shipper.service.threads import Stopping

T = TypeVar("T")

_RETRY = 1.0


class Patience:
    """Waits for a state that can't be used just now, as where the disk is full."""

    def __init__(self, report: Report, stopping: Stopping, manager: Manager, most: float) -> None:
        """*most* is how many seconds it waits at most."""
        self._report = report
        self._stopping = stopping
        self._manager = manager
        self._most = most

    def get(self, make: Callable[[ExitStack], T], stack: ExitStack) -> T:
        """Return what *make* makes, once it can; it is said once that it can't.

        Raises StateBusyError at a stop, and when it has waited long enough.
        """
        began, told = time.monotonic(), ""
        while True:
            try:
                with ExitStack() as own:
                    made = make(own)
                    stack.enter_context(own.pop_all())
            except StateBusyError as error:
                if not told:
                    told = error.message
                    self._report("state.unavailable", why=told, remedy=error.remedy)
                self._manager.beat(partial(str, f"waits: {told}"), alive=True)
                late = time.monotonic() - began >= self._most
                if late or self._stopping.wait(_RETRY):
                    raise
            else:
                if told:
                    self._report("state.available", after=told)
                return made
