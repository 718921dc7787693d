"""Taking up a changed configuration without a restart.

Rule 1: a configuration that can't be used is refused with all its problems, and the old one stays
        in force; it is looked at again when the file changes once more, or at the next SIGHUP.
Rule 2: what holds the state (the state directory, the namespace of ids) can't change while it
        runs: that is refused too.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from shipper.config.load import load_config
from shipper.config.models import Config
from shipper.errors import InvalidError
from shipper.model import Report
from shipper.service.assemble import recipes_of

_LOOK = 2.0
Stamp = tuple[int, int, int]


class Reloader:
    """Tells when *file* should be read again, and reads it."""

    def __init__(
        self,
        file: Path,
        environ: Mapping[str, str],
        report: Report,
        narrow: Callable[[Config, str], Config] | None = None,
    ) -> None:
        """*narrow* returns the part of a configuration, read from a file, that is in force."""
        self._narrow = narrow
        self._file = file
        self._environ = environ
        self._report = report
        self._asked = False
        self._stamp = _stamp(file)
        self._look_due = 0.0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGHUP as a wish to reload, for the length of a block."""

        def handle(_signum: int, _frame: FrameType | None) -> None:
            self._asked = True  # a handler takes no lock: see `threads`, rule 4

        old = signal.signal(signal.SIGHUP, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGHUP, old)

    def news(self, config: Config, begins: Callable[[], None]) -> Config | None:
        """Return a new configuration to take up in place of *config*, or None.

        *begins* is called when there may be one.
        """
        if not self._due():
            return None
        begins()
        try:
            fresh = load_config(self._file, self._environ)
            fresh = self._narrow(fresh, str(self._file)) if self._narrow else fresh
            recipes_of(fresh)  # the grammars, too, have to be there and right
        except InvalidError as error:
            self._refuse(str(error))
            return None
        if fresh == config:
            self._report("config.unchanged", file=self._file)
            return None
        if (fresh.state, fresh.namespace) != (config.state, config.namespace):
            self._refuse("state and namespace can't change while it runs: restart for that")
            return None
        self._report("config.reloaded", file=self._file, sources=len(fresh.sources))
        return fresh

    def _due(self) -> bool:
        asked, self._asked = self._asked, False
        now = time.monotonic()
        if not asked and now < self._look_due:
            return False
        self._look_due = now + _LOOK
        stamp = _stamp(self._file)
        changed = stamp is not None and stamp != self._stamp
        self._stamp = stamp or self._stamp
        return asked or changed

    def _refuse(self, why: str) -> None:
        self._report("config.refused", file=self._file, why=why)


def _stamp(file: Path) -> Stamp | None:
    """Return what changes when *file* does; None while it is not there (it is being replaced)."""
    try:
        status = os.stat(file)  # noqa: PTH116  # three fields of one call
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
