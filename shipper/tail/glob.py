"""Globs over absolute paths: which files they name, and what could not be looked at.

Rule 1: `**` is a segment of its own and stands for any number of directories; `*`, `?` and `[…]`
        stay within a name and, as in a shell, never take its leading dot.
Rule 2: a directory that can't be listed is reported, never taken for an empty one.
Rule 3: directories behind symbolic links are followed where a pattern names them, not by `**`:
        a loop of links can't trap the walk.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from shipper.tail.listing import Listing, Listings

_MAGIC = re.compile(r"[*?\[]")
_GLOBSTAR = "**"


@dataclass
class Found:
    """The regular files and FIFOs that exist, by path, and what could not be looked at."""

    files: dict[str, os.stat_result] = field(default_factory=dict)
    fifos: dict[str, os.stat_result] = field(default_factory=dict)
    blind: dict[str, OSError] = field(default_factory=dict)


_Matched = dict[tuple[str, int], tuple[Listing, list[str]]]


class Glob:
    """One pattern over absolute paths."""

    def __init__(self, pattern: str) -> None:
        self.pattern = os.path.normpath(pattern)
        segments = _without_repeats(self.pattern.strip("/").split("/"))
        magic = next((i for i, s in enumerate(segments) if _MAGIC.search(s)), len(segments) - 1)
        self.root = "/" + "/".join(segments[:magic])
        # A pattern that ends in ** names all files below: it says the same as **/*.
        self._segments = (*segments[magic:], *(["*"] if segments[-1] == _GLOBSTAR else []))
        self._matched: _Matched = {}

    def __repr__(self) -> str:
        return f"Glob({self.pattern!r})"

    @property
    def recursive(self) -> bool:
        """Whether files may stand deeper than in the root itself."""
        return len(self._segments) > 1 or self._segments[0] == _GLOBSTAR

    def matches(self, path: str) -> bool:
        """Tell whether the pattern names *path*, without looking at the file system."""
        return self._regex.fullmatch(path) is not None

    def find(self, found: Found) -> None:
        """Add the files that the pattern names to *found*."""
        disk = Listings()
        disk.blind = found.blind
        for path in self.paths(disk):
            try:
                status = os.stat(path)  # noqa: PTH116  # hot: no Path
            except (FileNotFoundError, NotADirectoryError):
                continue  # nothing there, or a link that dangles
            except OSError as error:
                found.blind[path] = error
                continue
            if stat.S_ISREG(status.st_mode):
                found.files[path] = status
            elif stat.S_ISFIFO(status.st_mode):
                found.fifos[path] = status

    def paths(self, disk: Listings) -> list[str]:
        """Return the paths that the pattern names in *disk*: of files or anything else, if at all.

        What was matched is not matched again as long as its directory stays as it is.
        """
        walk = _Walk(disk, self._segments, self._matched)
        walk.into(self.root, 0)
        self._matched = walk.matched
        return walk.paths

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        root = self.root.rstrip("/")
        parts = [_regex(s) + "/" if s != _GLOBSTAR else "(?:[^/.][^/]*/)*" for s in self._segments]
        return re.compile(f"{re.escape(root)}/{''.join(parts).removesuffix('/')}", re.DOTALL)


class Exclude:
    """Patterns of files to leave alone: one without a slash speaks of names, else of paths."""

    def __init__(self, patterns: Iterable[str]) -> None:
        parts = list(patterns)
        self._names = [re.compile(fnmatch.translate(p)) for p in parts if "/" not in p]
        self._globs = [Glob(p) for p in parts if "/" in p]

    def matches(self, path: str) -> bool:
        """Tell whether *path* is to be left alone."""
        if not self._names and not self._globs:
            return False
        name = path.rpartition("/")[2]
        return any(p.match(name) for p in self._names) or any(g.matches(path) for g in self._globs)


def _without_repeats(segments: list[str]) -> list[str]:
    """Write ``**/**`` as ``**``: it says the same, and is walked once."""
    pairs = zip(segments, [*segments[1:], ""], strict=True)
    return [this for this, then in pairs if this != _GLOBSTAR or then != _GLOBSTAR]


class _Walk:
    """One walk of a pattern: `matched` are the paths by directory and number of the segment."""

    def __init__(self, disk: Listings, segments: tuple[str, ...], before: _Matched) -> None:
        self.paths: list[str] = []
        self.matched: _Matched = {}
        self._disk = disk
        self._segments = segments
        self._before = before

    def into(self, folder: str, at: int) -> None:
        """Gather what the segments from number *at* on name in *folder*."""
        if self._segments[at] == _GLOBSTAR:
            self.into(folder, at + 1)
            for name in self._disk.of(folder).folders:
                if not name.startswith("."):
                    self.into(os.path.join(folder, name), at)  # noqa: PTH118  # hot: no Path
        elif at == len(self._segments) - 1:
            self.paths += self._named(folder, at)
        else:
            for path in self._named(folder, at):
                if self._is_directory(path):
                    self.into(path, at + 1)

    def _named(self, folder: str, at: int) -> list[str]:
        segment = self._segments[at]
        if not _MAGIC.search(segment):
            return [os.path.join(folder, segment)]  # noqa: PTH118  # hot: no Path
        listing = self._disk.of(folder)
        before, paths = self._before.get((folder, at), (None, []))
        if before is not listing:
            start, wanted = folder.rstrip("/") + "/", re.compile(_regex(segment)).fullmatch
            paths = [start + name for name in listing.names if wanted(name)]
        self.matched[folder, at] = (listing, paths)
        return paths

    def _is_directory(self, path: str) -> bool:
        try:
            return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116  # hot: no Path
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing there, or a link that dangles: it is looked for again at each look
        except OSError as error:
            self._disk.blind[path] = error
        return False


_PIECE = re.compile(r"\[!?\]?[^\]]*\]|\*+|\?|[^*?]", re.DOTALL)


def _regex(segment: str) -> str:
    # The leading dot of a hidden file has to be written out.
    guard = r"(?!\.)" if segment[:1] in "*?[" else ""
    return guard + _PIECE.sub(_piece, segment)


def _piece(match: re.Match[str]) -> str:
    sign = match[0]
    if sign[0] == "*":
        return "[^/]*"
    if sign == "?":
        return "[^/]"
    # The standard library knows all about brackets: empty ones, and ranges that run backwards.
    inside = fnmatch.translate(sign).removeprefix("(?s:")[: -len(r")\Z")]
    return f"(?!/){inside}" if len(sign) > 1 else inside
