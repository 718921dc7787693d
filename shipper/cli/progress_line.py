"""A bar for a command that takes long: on a terminal only, and on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Tick = Callable[[int, int], None]
"""Is told how much is done, and of how much."""

_PARTS = 1_000


def no_tick(_done: int, _of: int) -> None:
    """Show nothing."""


@contextmanager
def progress(what: str) -> Iterator[Tick]:
    """Show how far *what* has come."""
    if not sys.stderr.isatty():
        yield no_tick
        return
    with click.progressbar(length=_PARTS, label=what, file=sys.stderr) as bar:
        shown = 0

        def tick(done: int, of: int) -> None:
            nonlocal shown
            now = min(_PARTS, _PARTS * done // max(1, of))
            bar.update(max(0, now - shown))
            shown = max(now, shown)

        yield tick
