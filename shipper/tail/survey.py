"""The survey: which files the sources name at this moment, by node.

Rule 1: a file belongs to the first source that names it, and is one file, however many names,
        links and globs lead to it: the node decides.
Rule 2: a name that is not UTF-8 can't be put on record; the file is left alone, and that is said.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from shipper.formats.encodings import UTF_8, Encoding
from shipper.tail.checkpoint import Node
from shipper.tail.glob import Exclude, Found, Glob


class Source(NamedTuple):
    """Which files a source reads, and in which encoding they are, unless they say themselves.

    `from_end` skips what stands in them at the very first start.
    """

    name: str
    globs: tuple[Glob, ...]
    exclude: Exclude
    from_end: bool = False
    encoding: Encoding = UTF_8

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


def look_of(status: os.stat_result) -> Look:
    """Return what shows of a file."""
    return Look(status.st_size, status.st_mtime_ns)


def survey(
    sources: Iterable[Source], found: Found, unfit: Callable[[str], None]
) -> dict[Node, list[Place]]:
    """Look for all files. *found* takes what could not be looked at, *unfit* is told bad names."""
    places: dict[Node, list[Place]] = {}
    taken: set[str] = set()
    for source in sources:
        mine = Found(blind=found.blind)
        for glob in source.globs:
            glob.find(mine)
        for path, status in mine.files.items():
            if path in taken or source.exclude.matches(path):
                continue
            taken.add(path)
            if not recordable(path):
                unfit(path)
                continue
            node = Node.of(status.st_dev, status.st_ino)
            places.setdefault(node, []).append(Place(source.name, path, status))
    return places


def recordable(path: str) -> bool:
    """Tell whether *path* is text: SQLite and JSON take no other."""
    return path.isascii() or path == path.encode("utf-8", "replace").decode()
