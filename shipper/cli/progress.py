"""How a run shows its progress on a terminal: two bars."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

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
