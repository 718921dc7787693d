"""The real program, in a process of its own.

`under` is a command that starts the program in its own place: its limits or its namespaces hold
for the program, and its pid is the program's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

COMMAND = (sys.executable, "-m", "shipper")


def shipper(
    *arguments: str | Path,
    environ: dict[str, str] | None = None,
    stdin: str = "",
    under: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*under, *COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        input=stdin,
        env={**os.environ, **(environ or {})},
    )


class Running:
    """A `shipper run` that goes on; `log` holds the lines it has written so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self._news = threading.Condition()
        self._over = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, event: str, seconds: float = 30.0) -> str:
        """Return the first log line with *event*, as soon as it is there."""
        with self._news:
            self._news.wait_for(lambda: self._over or self._found(event), seconds)
            line = self._found(event)
        assert line, f"no {event!r} within {seconds} s in:\n" + "".join(self.log)
        return line

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._reader.join()
        return code

    def _found(self, event: str) -> str | None:
        return next((line for line in self.log if event in line), None)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.log.append(line)
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()


@contextmanager
def running(
    *arguments: str | Path, environ: dict[str, str] | None = None, under: Sequence[str] = ()
) -> Iterator[Running]:
    """Start a command that goes on; kill it at the end of the block if it still does."""
    process = subprocess.Popen(
        [*under, *COMMAND, *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **(environ or {})},
    )
    program = Running(process)
    try:
        yield program
    finally:
        if process.poll() is None:
            program.stop(signal.SIGKILL)
        assert process.stderr is not None
        process.stderr.close()


def eventually(claim: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until *claim* holds, and fail if it does not in time."""
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
