"""Tells the service manager how it goes, by systemd's protocol: datagrams to the socket it names.

Rule 1: where no socket is named, nothing is said and nothing costs anything.
Rule 2: the watchdog gets a sign only while the work goes round: what hangs is to be restarted.
Rule 3: whoever does not listen is no reason to stop; that is reported once.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import closing

from shipper.model import Report

_BEAT = 5.0
_SIGNS = 3  # so many signs are given in the time in which the watchdog wants one
_WORDS = 200


class Manager:
    """The service manager that started this process, if there is one. One thread calls it."""

    def __init__(self, environ: Mapping[str, str], report: Report) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._watchdog = _watchdog_seconds(environ)
        self._report = report
        self._is_ready = self._is_deaf = False
        self._beat_due = float("-inf")

    def ready(self) -> None:
        """Say that all is up: after the start, and when a reload is over."""
        if not self._is_ready:
            self._is_ready = True
            self._say("READY=1")

    def reloading(self) -> None:
        """Say that the configuration is read again; `ready` ends it."""
        self._is_ready = False
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._say("STOPPING=1")

    def beat(self, words: Callable[[], str], *, alive: bool) -> None:
        """Say how it goes in *words*, and give the watchdog its sign if *alive*; now and then."""
        now = time.monotonic()
        if not self._address or now < self._beat_due:
            return
        self._beat_due = now + min(_BEAT, (self._watchdog or _BEAT) / _SIGNS)
        line = " ".join(words().split())[:_WORDS]
        self._say(f"STATUS={line}", *(["WATCHDOG=1"] if alive and self._watchdog else []))

    def _say(self, *facts: str) -> None:
        if not self._address:
            return
        try:
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as to:
                to.setblocking(False)
                to.sendto("\n".join(facts).encode(), self._address)
        except OSError as error:
            if not self._is_deaf:
                self._is_deaf = True
                self._report("service.unheard", by="NOTIFY_SOCKET", why=error.strerror or error)


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """Return how often the watchdog wants a sign of this process, if it does."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 1e6 if microseconds.isdecimal() and meant else None
