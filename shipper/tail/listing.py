"""Directories as they are at one look, each listed once, however many patterns lead there.

Rule 1: a directory whose entries did not change since the look before has the same `Listing`, so
        that what was made of it then can be used again. The entries themselves are compared:
        modification times are coarse, and not every file system keeps those of directories.
Rule 2: a directory that can't be listed is blind, never taken for an empty one.
"""

from __future__ import annotations

import os


class Listing:
    """The names in one directory; `folders` are those that are directories, and no links to one."""

    __slots__ = ("_entries", "folders", "names")

    def __init__(self, entries: list[str]) -> None:
        """*entries* end in a slash if they are directories."""
        self._entries = entries
        self.names = [entry.rstrip("/") for entry in entries]
        self.folders = [entry[:-1] for entry in entries if entry[-1] == "/"]

    def same(self, entries: list[str]) -> bool:
        """Tell whether there is nothing new."""
        return self._entries == entries


_EMPTY = Listing([])


class Listings:
    """What was listed at this look and at the one before; `blind` is what could not be."""

    def __init__(self) -> None:
        self.blind: dict[str, OSError] = {}
        self._now: dict[str, Listing] = {}
        self._before: dict[str, Listing] = {}

    def look(self) -> None:
        """Begin another look: forget what nobody asked for at the last one."""
        self._before, self._now, self.blind = self._now, {}, {}

    def of(self, folder: str) -> Listing:
        """Return the entries of *folder*; none if it is not there, or blind."""
        known = self._now.get(folder)
        if known is None:
            entries = self._entries(folder)
            before = self._before.get(folder)
            known = before if before is not None and before.same(entries) else Listing(entries)
            self._now[folder] = known if entries else _EMPTY
        return self._now[folder]

    def _entries(self, folder: str) -> list[str]:
        try:
            with os.scandir(folder) as entries:
                return [self._entry(entry) for entry in entries]
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            self.blind[folder] = error
        return []

    def _entry(self, entry: os.DirEntry[str]) -> str:
        try:
            return entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name
        except OSError as error:  # a file system that keeps no types in its directories
            self.blind[entry.path] = error
            return entry.name
