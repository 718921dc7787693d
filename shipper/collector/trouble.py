"""Trouble on the way out: said once when it begins, when it changes and when it is over."""

from __future__ import annotations

import threading

from shipper.model import Clock, Report


class Trouble:
    """What keeps events in the queue: told when it begins, when it changes, when it is over."""

    def __init__(self, report: Report, clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._lock = threading.Lock()
        self._kind = ("", "")
        self._since: float | None = None
        self.words = ""

    @property
    def kind(self) -> str:
        """The event that told of it, such as ``collector.unavailable``; empty when all is well."""
        return self._kind[0]

    def failing(self, event: str, why: str, words: str, pause: float) -> None:
        """Note that a try failed; *words* vary from try to try and are no news by themselves."""
        with self._lock:
            if self._since is None:
                self._since = self._clock.monotonic()
            news, self._kind = self._kind != (event, why), (event, why)
            self.words = f"{why}: {words}" if words else why
        if news:
            self._report(event, why=self.words, next_try_seconds=round(pause, 1))

    def over(self, event: str = "") -> bool:
        """Note that the trouble called *event*, or any, is over; tell whether there was some."""
        with self._lock:
            was, since = self._kind[0], self._since
            if since is None or event not in ("", was):
                return False
            self._kind, self._since, self.words = ("", ""), None, ""
        name = "queue.settled" if was == "queue.unsettled" else "collector.available"
        self._report(name, after_seconds=round(self._clock.monotonic() - since, 1))
        return True

    def seconds(self) -> float:
        """Return for how long there has been trouble; 0 when all is well."""
        since = self._since
        return self._clock.monotonic() - since if since is not None else 0.0
