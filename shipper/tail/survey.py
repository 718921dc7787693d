"""The survey: which files the sources name at this moment, by node, and what changed since.

Rule 1: a file belongs to the first source that names it, and is one file, however many names,
        links and globs lead to it: the node decides.
Rule 2: a name that is not UTF-8 can't be put on record; the file is left alone, and that is said.
Rule 3: each look asks for every file, and trusts nothing: but only what changed costs more than
        one `stat`.
Rule 4: "could not look" changes nothing: what was known of a blind place stays as it was.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from shipper.formats.encodings import UTF_8, Encoding
from shipper.tail.checkpoint import Node
from shipper.tail.glob import Exclude, Glob
from shipper.tail.listing import Listings


class Source(NamedTuple):
    """Which files a source reads, and in which encoding they are, unless they say themselves.

    `from_end` skips what stands in them at the very first start. A last line without an end is
    taken as it is `partial_after` seconds after it was written, if that is set. With `stdin` it
    reads standard input, too.
    """

    name: str
    globs: tuple[Glob, ...]
    exclude: Exclude
    from_end: bool = False
    encoding: Encoding = UTF_8
    partial_after: float | None = None
    stdin: bool = False

    def names(self, path: str) -> bool:
        """Tell whether the source reads *path*."""
        return any(g.matches(path) for g in self.globs) and not self.exclude.matches(path)


class Place(NamedTuple):
    """A file as the survey found it."""

    source: str
    path: str
    status: os.stat_result


class Look(NamedTuple):
    """What shows from outside that a file has changed."""

    size: int
    modified_ns: int


class News(NamedTuple):
    """What is different from the look before: nodes that changed or are new, nodes that are gone.

    A node has changed if its size, its modification time or one of its names has.
    """

    changed: set[Node]
    gone: set[Node]


def look_of(status: os.stat_result) -> Look:
    """Return what shows of a file."""
    return Look(status.st_size, status.st_mtime_ns)


class Survey:
    """What the sources name, look by look.

    `places` is what stands there, by node; a file with several names has the place of the first
    source first. `fifos` stand there as well; they are no files. `blind` is what could not be
    looked at the last time.
    """

    def __init__(self, sources: Sequence[Source], unfit: Callable[[str], None]) -> None:
        """*unfit* is told the names that can't be put on record (rule 2)."""
        self.places: dict[Node, list[Place]] = {}
        self.fifos: dict[Node, Place] = {}
        self.blind: dict[str, OSError] = {}
        self._sources = sources
        self._unfit = unfit
        self._order = {source.name: number for number, source in enumerate(sources)}
        self._disk = Listings()
        self._found: list[list[str]] = []
        self._named: dict[str, str] = {}
        self._known: dict[str, os.stat_result] = {}
        self._was_blind = False

    def node(self, path: str) -> Node | None:
        """Return the node that *path* led to at the last look."""
        known = self._known.get(path)
        return None if known is None else node_of(known)

    def look(self) -> News:
        """Look at all files: list directories, ask for sizes and times."""
        news = News(set(), set())
        self._disk.look()
        self.fifos = {}
        self.blind = self._disk.blind
        named = self._name_all()
        shut = tuple(self.blind)
        if named is not self._named or self._was_blind:
            self._named = named
            for path in [path for path in self._known if path not in named]:
                if not within(path, shut):
                    self._note(path, None, news)
        for path in [p for p in named if not within(p, shut)] if shut else named:
            self._ask(path, news)
        self._was_blind = bool(self.blind)
        return news

    def _name_all(self) -> dict[str, str]:
        """Return the paths that the sources name, each with the first source that does."""
        found = [glob.paths(self._disk) for source in self._sources for glob in source.globs]
        if found == self._found:
            return self._named
        self._found = found
        lists = iter(found)
        named: dict[str, str] = {}
        for source in self._sources:
            for path in (path for _ in source.globs for path in next(lists)):
                if path not in named and not source.exclude.matches(path) and self._fits(path):
                    named[path] = source.name
        return named

    def _fits(self, path: str) -> bool:
        if recordable(path):
            return True
        self._unfit(path)
        return False

    def _ask(self, path: str, news: News) -> None:
        """Ask for one file: the hot path of a sweep over many quiet ones."""
        try:
            status = os.stat(path)  # noqa: PTH116  # hot: no Path
        except (FileNotFoundError, NotADirectoryError):
            self._note(path, None, news)
            return
        except OSError as error:
            self.blind[path] = error
            return
        known = self._known.get(path)
        if (
            known is None
            or known.st_size != status.st_size
            or known.st_mtime_ns != status.st_mtime_ns
            or known.st_ino != status.st_ino
            or known.st_dev != status.st_dev
        ):
            self._note(path, status, news)

    def _note(self, path: str, status: os.stat_result | None, news: News) -> None:
        """Put what was seen of *path* in the place of what was known; None: it is gone."""
        known = self._known.pop(path, None)
        if known is not None:
            self._leave(node_of(known), path, news)
        if status is not None and stat.S_ISREG(status.st_mode):
            self._known[path] = status
            node = node_of(status)
            names = self.places.setdefault(node, [])
            names.append(Place(self._named[path], path, status))
            names.sort(key=lambda place: (self._order[place.source], place.path))
            news.gone.discard(node)
            news.changed.add(node)
        elif status is not None and stat.S_ISFIFO(status.st_mode):
            self.fifos.setdefault(node_of(status), Place(self._named[path], path, status))

    def _leave(self, node: Node, path: str, news: News) -> None:
        """Take the name *path* from a node; the last one takes the node along."""
        names = [place for place in self.places[node] if place.path != path]
        if names:
            self.places[node] = names
            news.changed.add(node)
        else:
            del self.places[node]
            news.changed.discard(node)
            news.gone.add(node)


def within(path: str, places: Iterable[str]) -> bool:
    """Tell whether *path* is one of *places*, or below one."""
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)


def recordable(path: str) -> bool:
    """Tell whether *path* is text: SQLite and JSON take no other."""
    return path.isascii() or path == path.encode("utf-8", "replace").decode()


def node_of(status: os.stat_result) -> Node:
    """Return the node that has a status."""
    return Node.of(status.st_dev, status.st_ino)
