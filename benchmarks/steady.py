"""Writes logs at a steady rate, a line a write."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

LINE = (
    '192.0.2.7 - - [14/Mar/2026:10:00:00 +0000] "GET /steady?r={:07d} HTTP/1.1" 200 5120 '
    '"https://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"\n'
)
_STEP = 0.01  # seconds between the moments at which many files are written


class Writer:
    """Notes when it wrote each line of a log, in `moments`.

    It writes while its block lasts, *seconds* long if nothing goes wrong.
    """

    def __init__(self, log: Path, rate: float, seconds: float) -> None:
        self._log, self._rate, self._lines = log, rate, int(rate * seconds)
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._stop = False
        self.moments: list[float] = []

    @property
    def written(self) -> int:
        """Return how many lines there are."""
        return len(self.moments)

    def seconds(self) -> float:
        """Return how long it has been writing."""
        return time.monotonic() - self._began

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stop = kind is not None
        self._thread.join()

    def _work(self) -> None:
        with self._log.open("ab", buffering=0) as log:
            for number in range(self._lines):
                time.sleep(max(0.0, self._began + number / self._rate - time.monotonic()))
                if self._stop:
                    return
                line = LINE.format(number).encode()
                self.moments.append(time.monotonic())
                log.write(line)


def write_in_turns(logs: Sequence[Path], rate: int, seconds: float, first: int) -> int:
    """Write *rate* lines a second, the next to the next log; return how many in all.

    Serials begin with *first*. Each log is open all the time, as programs keep theirs.
    """
    steps, each = int(seconds / _STEP), int(rate * _STEP)
    with ExitStack() as stack:
        files = [stack.enter_context(log.open("ab", buffering=0)) for log in logs]
        began = time.monotonic()
        for step in range(steps):
            time.sleep(max(0.0, began + step * _STEP - time.monotonic()))
            for serial in range(first + step * each, first + (step + 1) * each):
                files[serial % len(files)].write(LINE.format(serial).encode())
    return steps * each
