"""How a run shows its progress where no terminal is: now and then a line of the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from shipper.service.logs import report
from shipper.service.run import Snapshot


class LogLines:
    """A line of the log every so many seconds, and only when something has changed."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._due = time.monotonic() + every
        self._shown: dict[str, int | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, look: Callable[[], Snapshot]) -> None:
        """Log how it goes if it is time, and news."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._every
        now = look()
        facts = {
            "files": now.lag.files,
            "unread_bytes": now.lag.unread,
            "eta_seconds": None if now.lag.eta is None else round(now.lag.eta),
            "queued": now.queued,
            "delivered": now.delivered,
            "refused": now.buried,
        }
        if facts != self._shown:
            self._shown = facts
            report("service.progress", **facts)
