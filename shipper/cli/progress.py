"""How a run shows its progress: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from shipper.service.logs import report
from shipper.service.run import Snapshot


class ProgressBar:
    """Two bars, each with the time that is left: the bytes read, and the events delivered."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.fields[done]}"),
            TimeRemainingColumn(),
            TextColumn("[yellow]{task.fields[trouble]}"),
            console=Console(stderr=True),
        )
        self._reading = self._progress.add_task("reading", total=None, done="", trouble="")
        self._sending = self._progress.add_task("delivering", total=None, done="", trouble="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, look: Callable[[], Snapshot]) -> None:
        """Draw the bar anew."""
        now = look()
        read, size = decimal(now.lag.read), decimal(now.lag.bytes)
        events = now.delivered + now.queued
        self._progress.update(
            self._reading,
            total=now.lag.bytes or None,
            completed=now.lag.read,
            done=f"{read} of {size}",
        )
        self._progress.update(
            self._sending,
            total=events or None,
            completed=now.delivered,
            done=f"{now.delivered:,} of {events:,} events",
            trouble=escape(now.trouble[:80]),
        )


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
