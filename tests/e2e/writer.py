"""A program with a log: writes numbered lines at a steady rate, and reopens its log on SIGHUP.

Run as ``python -m tests.e2e.writer LOG LINES_A_SECOND``. Each line is one write, appended. On
SIGTERM it prints how many lines it wrote, and ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.arrivals import numbered
from tests.program import eventually

_BREATH = 0.002


class Writer:
    """The writer, inside its own process."""

    def __init__(self, log: str, rate: float) -> None:
        self._log = log
        self._rate = rate
        self._reopen = False
        self._stop = False
        signal.signal(signal.SIGHUP, self._note)
        signal.signal(signal.SIGTERM, self._note)

    def run(self) -> int:
        """Write until stopped; return how many lines."""
        lines, began = 0, time.monotonic()
        fd = self._open()
        while not self._stop:
            if self._reopen:
                self._reopen = False
                os.close(fd)
                fd = self._open()
            due = int((time.monotonic() - began) * self._rate)
            for _ in range(min(due - lines, 100)):
                lines += 1
                os.write(fd, numbered(lines))
            time.sleep(_BREATH)
        os.close(fd)
        return lines

    def _open(self) -> int:
        return os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._reopen |= number == signal.SIGHUP
        self._stop |= number == signal.SIGTERM


class Writing:
    """A writer process, seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def stop(self) -> int:
        """End it; return how many lines it wrote."""
        self._process.send_signal(signal.SIGTERM)
        told, _ = self._process.communicate(timeout=30)
        assert self._process.returncode == 0
        return int(told)


@contextmanager
def writing(log: Path, rate: float) -> Iterator[Writing]:
    """Start a writer; kill it at the end of the block if it is still there."""
    command = [sys.executable, "-m", "tests.e2e.writer", str(log), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            eventually(log.exists)  # from then on it knows its signals
            yield Writing(process)
        finally:
            process.kill()


if __name__ == "__main__":
    sys.stdout.write(str(Writer(sys.argv[1], float(sys.argv[2])).run()))
