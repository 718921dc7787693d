"""The directory of logs that a walk works on, with modification times that never repeat.

Real times have the grain of the kernel's clock, coarser than a walk's steps: which steps fall
together would be chance, and a failure could not be shown again.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.nobody import as_nobody
from tests.shipping import Logs


class Disk(Logs):
    """A directory of logs. `here`: it is where it belongs."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._aside = root.with_name("unmounted")
        self._seconds = 1_000_000
        self.here = True

    def write(self, name: str, data: bytes) -> None:
        super().write(name, data)
        self._touch(name)

    def truncate(self, name: str, size: int = 0) -> None:
        super().truncate(name, size)
        self._touch(name)

    def copy(self, old: str, new: str) -> None:
        super().copy(old, new)
        self._touch(new)

    def save_anew(self, name: str) -> None:
        """Put a new file with the same content in the place of the old one, as editors do."""
        self.copy(name, f".{name}.new")
        self.rename(f".{name}.new", name)

    def size(self, name: str) -> int:
        return self.path(name).stat().st_size

    def _touch(self, name: str) -> None:
        self._seconds += 1
        os.utime(self.path(name), (self._seconds, self._seconds))

    # What can befall the directory

    def take_away(self, *, empty: bool) -> None:
        """Unmount it: the mount point is *empty*, or missing."""
        self.here = False
        self.root.rename(self._aside)
        if empty:
            self.root.mkdir()

    def bring_back(self) -> None:
        """Mount it again."""
        if self.root.exists():
            self.root.rmdir()
        self._aside.rename(self.root)
        self.here = True

    @contextmanager
    def forbidden(self) -> Iterator[None]:
        """Let nobody look into the directory."""
        mode = self.root.stat().st_mode
        self.root.chmod(0)
        try:
            with as_nobody():
                yield
        finally:
            self.root.chmod(mode)


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let this process open no more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
