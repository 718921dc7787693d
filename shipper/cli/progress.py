"""How a run shows its progress: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from shipper.service.logs import report
from shipper.service.run import Snapshot


class ProgressBar:
    """A bar over the bytes of all files, with the time that is left; the events beside it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("[bold]reading"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[events]}"),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("reading", total=None, events="")

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

    def show(self, now: Snapshot) -> None:
        """Draw the bar anew."""
        events = f"{now.delivered:,} delivered, {now.queued:,} queued"
        events += f" [yellow]{now.trouble[:80]}" if now.trouble else ""
        self._progress.update(
            self._task, total=now.lag.bytes or None, completed=now.lag.read, events=events
        )


class LogLines:
    """A line of the log every so many seconds, and only when something has changed."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._due = time.monotonic() + every
        self._shown: Snapshot | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, now: Snapshot) -> None:
        """Log *now* if it is time, and news."""
        if time.monotonic() < self._due or now == self._shown:
            return
        self._due, self._shown = time.monotonic() + self._every, now
        report(
            "service.progress",
            files=now.lag.files,
            unread_bytes=now.lag.bytes - now.lag.read,
            queued=now.queued,
            delivered=now.delivered,
            refused=now.buried,
        )
