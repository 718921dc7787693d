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

_MAGIC = re.compile(r"[*?\[]")
_GLOBSTAR = "**"


@dataclass
class Found:
    """The regular files that exist, by path, and the places that could not be looked at."""

    files: dict[str, os.stat_result] = field(default_factory=dict)
    blind: dict[str, OSError] = field(default_factory=dict)


class Glob:
    """One pattern over absolute paths."""

    def __init__(self, pattern: str) -> None:
        self.pattern = os.path.normpath(pattern)
        segments = _without_repeats(self.pattern.strip("/").split("/"))
        magic = next((i for i, s in enumerate(segments) if _MAGIC.search(s)), len(segments) - 1)
        self.root = "/" + "/".join(segments[:magic])
        self._segments = tuple(segments[magic:])

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
        self._walk(self.root, self._segments, found)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        root = self.root.rstrip("/")
        parts = [_regex(s) + "/" if s != _GLOBSTAR else "(?:[^/.][^/]*/)*" for s in self._segments]
        last = "[^/.][^/]*" if self._segments[-1] == _GLOBSTAR else ""
        return re.compile(f"{re.escape(root)}/{''.join(parts).removesuffix('/')}{last}", re.DOTALL)

    def _walk(self, folder: str, segments: tuple[str, ...], found: Found) -> None:
        first, rest = segments[0], segments[1:]
        if not _MAGIC.search(first):
            self._step(os.path.join(folder, first), rest, found)  # noqa: PTH118  # hot: no Path
            return
        if first == _GLOBSTAR:
            self._walk(folder, rest or ("*",), found)
        wanted = re.compile(_regex(first)).fullmatch
        for entry in _entries(folder, found):
            if first == _GLOBSTAR:
                if not entry.name.startswith(".") and _is_directory(entry, found):
                    self._walk(entry.path, segments, found)
            elif wanted(entry.name):
                self._step(entry.path, rest, found)

    def _step(self, path: str, rest: tuple[str, ...], found: Found) -> None:
        try:
            status = os.stat(path)  # noqa: PTH116  # hot: no Path
        except (FileNotFoundError, NotADirectoryError):
            return  # nothing there, or a link that dangles: it is looked for again at each sweep
        except OSError as error:
            found.blind[path] = error
            return
        if rest and stat.S_ISDIR(status.st_mode):
            self._walk(path, rest, found)
        elif not rest and stat.S_ISREG(status.st_mode):
            found.files[path] = status


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


def _is_directory(entry: os.DirEntry[str], found: Found) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError as error:  # a file system that keeps no types in its directories
        found.blind[entry.path] = error
        return False


def _entries(folder: str, found: Found) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        found.blind[folder] = error
    return []


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
