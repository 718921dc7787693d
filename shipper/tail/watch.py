"""Hints from the kernel, by watchdog: something happened to a file, so sweep sooner.

Rule 1: a hint marks and wakes, nothing else: watchdog calls us under its own lock.
Rule 2: one recursive watch on the static root of a glob, not one a directory: watchdog takes a
        thread for each.
Rule 3: hints may be missing (a directory that is not there yet, network mounts, exhausted
        watches, an overflow): nothing but speed depends on them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from watchdog.events import (
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from shipper.model import Report
from shipper.tail.glob import Glob

_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]


class Watch:
    """Watches on the roots of globs; `refresh` sets those that could not be set before."""

    def __init__(
        self,
        globs: Iterable[Glob],
        names: Callable[[str], bool],
        nudge: Callable[[], None],
        report: Report,
    ) -> None:
        self._wanted = _roots(globs)
        self._names = names
        self._nudge = nudge
        self._wake: Callable[[], None] = lambda: None
        self._handler = _Handler(self._hint)
        self._report = report
        self._observer: BaseObserver = Observer()
        self._refused: set[str] = set()

    def on_hint(self, wake: Callable[[], None]) -> None:
        """Have *wake* called after each hint."""
        self._wake = wake

    def start(self) -> None:
        """Start listening."""
        self._observer.start()
        self.refresh()

    def stop(self) -> None:
        """Stop listening."""
        self._observer.stop()
        self._observer.join()

    def refresh(self) -> None:
        """Watch the roots that exist by now. A root that can't be watched is swept only."""
        for root, recursive in list(self._wanted.items()):
            if root in self._refused or not os.path.isdir(root):  # noqa: PTH112  # a str here
                continue
            try:
                self._observer.schedule(
                    self._handler, root, recursive=recursive, event_filter=_EVENTS
                )
            except OSError as error:
                self._refused.add(root)
                self._report("watch.unavailable", path=root, why=error.strerror or str(error))
            else:
                del self._wanted[root]

    def _hint(self, paths: Iterable[str]) -> None:
        if any(path and self._names(path) for path in paths):
            self._nudge()
            self._wake()


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Watch for the length of a block."""
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


class _Handler(FileSystemEventHandler):
    def __init__(self, hint: Callable[[Iterable[str]], None]) -> None:
        self._hint = hint

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._hint((os.fsdecode(event.src_path), os.fsdecode(event.dest_path)))


def _roots(globs: Iterable[Glob]) -> dict[str, bool]:
    """Return the directories to watch, and whether with all below; none lies within another."""
    roots: dict[str, bool] = {}
    for glob in globs:
        roots[glob.root] = roots.get(glob.root, False) or glob.recursive
    covered = [r for r, recursive in roots.items() if recursive]
    return {
        root: recursive
        for root, recursive in roots.items()
        if not any(root != c and root.startswith(c.rstrip("/") + "/") for c in covered)
    }
