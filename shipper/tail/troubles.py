"""Troubles with files: each is reported once, not at each sweep."""

from __future__ import annotations

import os
from collections.abc import Collection

from shipper.model import Report


class Troubles:
    """What is known to be wrong, by path."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._known: dict[str, str] = {}

    def note(self, path: str, error: Exception | str) -> None:
        """Report a trouble with *path*, unless it is the one that was reported last."""
        why = error if isinstance(error, str) else (getattr(error, "strerror", None) or str(error))
        if self._known.get(path) != why:
            self._known[path] = why
            self._report("file.unreadable", path=printable(path), why=why)

    def ended(self, path: str) -> None:
        """Note that *path* is all right now."""
        self._known.pop(path, None)

    def forget(self, blind: Collection[str]) -> None:
        """Forget the troubles of paths that are gone; *blind* ones could not be looked at."""
        for path in [p for p in self._known if p not in blind and not os.path.lexists(p)]:
            del self._known[path]


def printable(path: str) -> str:
    """Return *path* with the bytes that are not UTF-8 written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
