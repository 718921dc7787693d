"""The status on a terminal, again and again: a glance that fits, whatever the terminal's size.

Rule 1: what is shown was read from the state in one look; between looks nothing is held open.
Rule 2: the terminal is as it was when it ends, by Ctrl-C, SIGTERM or an error.
Rule 3: names of files and words of others are harmless for the terminal.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import NamedTuple

from rich.console import Console
from rich.live import Live

from shipper.cli.options import open_store
from shipper.cli.status_view import Look, view
from shipper.config.models import Config
from shipper.errors import StateBusyError
from shipper.service.status import status_of
from shipper.service.threads import Stopping, stop_on_signal

_TICK = 0.1
_SECONDS = 600


class _Seen(NamedTuple):
    """The last look and the one before; `trouble` is why there is no newer one."""

    now: Look
    before: Look | None
    trouble: str = ""


def watch(config: Config, interval: float) -> None:
    """Show the status on the terminal, anew every *interval* seconds, until a signal ends it.

    Raises StateError where there is no state at the start, or it can't be read any more.
    """
    console, stopping = Console(), Stopping()
    seen = _Seen(_look(config), None)
    live = Live(console=console, screen=True, auto_refresh=False)
    with stop_on_signal(stopping.set), live:
        while not stopping.is_set():
            _hold(console, live, seen, stopping, interval)
            seen = _again(config, seen)


def _hold(console: Console, live: Live, seen: _Seen, stopping: Stopping, seconds: float) -> None:
    """Show what was *seen* for so long, or till the end; anew where the size becomes another."""
    end, size = time.monotonic() + seconds, None
    while time.monotonic() < end and not stopping.is_set():
        if size != console.size:
            size = console.size
            live.update(view(seen.now, seen.before, size, seen.trouble), refresh=True)
        stopping.wait(_TICK)


def _again(config: Config, seen: _Seen) -> _Seen:
    try:
        now = _look(config)
    except StateBusyError as error:
        return seen._replace(trouble=error.message)
    return _Seen(now, seen.now)


def _look(config: Config) -> Look:
    now = time.time()
    with closing(open_store(config)) as store:
        return Look(now, status_of(config, store), store.history.steps(now - _SECONDS))
