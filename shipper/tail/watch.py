"""Hints from the kernel, by watchdog: something happened to a file, so look sooner.

Rule 1: a hint marks and wakes, nothing else: watchdog calls us under its own lock.
Rule 2: one recursive watch on the static root of a glob, not one a directory: watchdog takes a
        thread for each.
Rule 3: hints may be missing (a directory that is not there yet, network mounts, exhausted
        watches, an overflow): nothing but speed depends on them. Where sweeps find what hints
        should have told, that is said, and sweeps go on as if there were no hints.
Rule 4: a busy file is asked by the pump at each turn; the kernel's word for each write to it would
        cost more than it tells. So while writes are many, nobody listens to them, but to files
        that come, go and move.
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
from watchdog.observers.api import BaseObserver, ObservedWatch

from shipper.model import Report
from shipper.tail.glob import Glob

_COMING_AND_GOING: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
]
_ALL = [*_COMING_AND_GOING, FileModifiedEvent]
# 17,000 writes a second cost a tenth of a core in notifications (measured on 2 cores).
_MANY = 1_000.0  # a second
_TUNING = 1.0  # seconds between two looks at how it goes
_PATIENCE = 3.0  # seconds in which a hint may follow what a sweep found
_SURPRISES = 3

Hint = Callable[[str | None], None]
"""Takes the path of a file that was written to, or None: a file came, went or moved."""


class Watch:
    """Watches on the roots of globs; `tune`, called now and then, keeps them right."""

    def __init__(
        self, globs: Iterable[Glob], names: Callable[[str], bool], hint: Hint, report: Report
    ) -> None:
        """Call *hint* for what happens to files that are ours, as *names* tells."""
        self._roots = [_Root(path, self._hear, deep=deep) for path, deep in _roots(globs).items()]
        self._names = names
        self._hint = hint
        self._wake: Callable[[], None] = lambda: None
        self._report = report
        self._observer: BaseObserver | None = None
        self._writes = 0
        self._quiet = False
        self._tuned_at = float("-inf")

    @property
    def hears_all(self) -> bool:
        """Whether hints may be expected for whatever happens."""
        return not self._quiet and all(r.watch and not r.silent for r in self._roots)

    def on_hint(self, wake: Callable[[], None]) -> None:
        """Have *wake* called after each hint."""
        self._wake = wake

    def start(self, now: float) -> None:
        """Start listening. Where the kernel gives no inotify instance, all is swept only."""
        try:
            self._observer = Observer()
        except OSError as error:
            for root in self._roots:
                self._refuse(root, error)
            return
        self._observer.start()
        self.tune(now, hot=False)

    def stop(self) -> None:
        """Stop listening."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()

    def tune(self, now: float, *, hot: bool) -> None:
        """Watch the roots that exist by now, and listen to writes as long as they are not many.

        *hot* says whether some file is busy. A root that can't be watched is swept only.
        """
        passed, observer = now - self._tuned_at, self._observer
        # Too many for a second are too many before it is over: each costs as much as a line.
        many = self._writes > _MANY * max(passed, _TUNING)
        if observer is None or (passed < _TUNING and (self._quiet or not many)):
            return
        self._writes = 0
        self._tuned_at = now
        if many and not self._quiet:
            self._listen(observer, quiet=True, now=now)
        elif self._quiet and not hot:
            self._listen(observer, quiet=False, now=now)
        for root in self._roots:
            if root.watch is None and not root.refused and os.path.isdir(root.path):  # noqa: PTH112  # a str here
                self._schedule(observer, root, now)
            for folder in root.falling_silent(now):
                self._report("watch.silent", path=folder)

    def missed(self, path: str, now: float) -> None:
        """Note that a sweep found that the quiet file at *path* was written to."""
        if self._quiet:
            return
        for root in self._roots:
            if root.watch is not None and path.startswith(root.path.rstrip("/") + "/"):
                root.missed(path, now)

    def _listen(self, observer: BaseObserver, *, quiet: bool, now: float) -> None:
        """Set all watches anew: what happens in between is found by a sweep."""
        self._quiet = quiet
        for root in self._roots:
            if root.watch is not None:
                observer.unschedule(root.watch)
                self._schedule(observer, root, now)
        self._hint(None)

    def _schedule(self, observer: BaseObserver, root: _Root, now: float) -> None:
        events = _COMING_AND_GOING if self._quiet else _ALL
        root.watch = None
        try:
            root.watch = observer.schedule(
                root, root.path, recursive=root.deep, event_filter=list(events)
            )
        except OSError as error:
            self._refuse(root, error)
        else:
            root.begin(now)

    def _refuse(self, root: _Root, error: OSError) -> None:
        root.refused = True
        self._report("watch.unavailable", path=root.path, why=error.strerror or str(error))

    def _hear(self, event: FileSystemEvent) -> None:
        if isinstance(event, FileModifiedEvent):
            self._writes += 1
            path = os.fsdecode(event.src_path)
            if not self._names(path):
                return
            self._hint(path)
        else:
            paths = (os.fsdecode(event.src_path), os.fsdecode(event.dest_path))
            if not any(path and self._names(path) for path in paths):
                return
            self._hint(None)
        self._wake()


@contextmanager
def watching(watch: Watch, now: float) -> Iterator[Watch]:
    """Watch for the length of a block, which begins *now*."""
    watch.start(now)
    try:
        yield watch
    finally:
        watch.stop()


class _Root(FileSystemEventHandler):
    """A directory that is watched, or will be, and what was heard of it.

    Whether hints come is a question for each directory below: of a tree with more directories than
    watches, only some are watched.
    """

    def __init__(self, path: str, hear: Callable[[FileSystemEvent], None], *, deep: bool) -> None:
        self.path = path
        self.deep = deep
        self.watch: ObservedWatch | None = None
        self.refused = False
        self.silent: set[str] = set()
        self._hear = hear
        self._missed: dict[str, list[float]] = {}
        self._since = 0.0

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on what happened."""
        if self._missed or self.silent:
            for path in (os.fsdecode(event.src_path), os.fsdecode(event.dest_path)):
                folder = path.rpartition("/")[0]
                self._missed.pop(folder, None)
                self.silent.discard(folder)
        self._hear(event)

    def begin(self, now: float) -> None:
        """Note that it is watched from *now* on."""
        self._since = now
        self._missed.clear()

    def missed(self, path: str, now: float) -> None:
        """Note that *path* was written to, of which a hint has come, or will, or should have."""
        times = self._missed.setdefault(path.rpartition("/")[0], [])
        if now - self._since >= _PATIENCE and len(times) < _SURPRISES:
            times.append(now)

    def falling_silent(self, now: float) -> list[str]:
        """Return the directories of which it shows just now that no hints come (rule 3)."""
        late = [
            folder
            for folder, times in list(self._missed.items())
            if len(times) == _SURPRISES and now - times[-1] >= _PATIENCE
        ]
        fresh = [folder for folder in late if folder not in self.silent]
        for folder in late:
            self._missed.pop(folder, None)
            self.silent.add(folder)
        return fresh


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
