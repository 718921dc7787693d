"""The real program on a terminal of its own: a pty, a person who reads and types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


class Terminal:
    """A process with a terminal as its standard input, output and error."""

    def __init__(self, command: Sequence[str | Path], environ: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.text = ""
        self._seen = 0
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", **environ},
            start_new_session=True,
        )
        os.close(theirs)

    def expect(self, text: str, seconds: float = 60.0) -> str:
        """Read until *text* has come; return all that came since the last call."""
        end = time.monotonic() + seconds
        while (found := self.text.find(text, self._seen)) < 0:
            assert self._read(end), f"no {text!r} in:\n{self.text}"
        start, self._seen = self._seen, found + len(text)
        return self.text[start : self._seen]

    def type(self, keys: str) -> None:
        """Press *keys*; ``\\r`` is the enter key."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal this large; who draws on it is told."""
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)

    def end(self, seconds: float = 60.0) -> int:
        """Read to the end, and return the exit code."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        return self.process.wait(seconds)

    def close(self) -> None:
        """Let go of the terminal, and end the process if it still runs."""
        os.close(self._ours)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _read(self, end: float) -> bool:
        """Read some; False at the end of the process or of the time."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
        with suppress(OSError):  # EIO: nobody holds the other side
            if ready and (data := os.read(self._ours, 65_536)):
                self.text += data.decode("utf-8", "replace")
                return True
        return False


@contextmanager
def terminal(*command: str | Path, **environ: str) -> Iterator[Terminal]:
    """Start *command* on a terminal."""
    made = Terminal(command, environ)
    try:
        yield made
    finally:
        made.close()
