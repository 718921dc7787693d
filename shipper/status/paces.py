"""How each file that is behind gets on: since when it is so, and when it will have caught up.

Rule 1: all is told from what was seen of a file in two or more looks; of a file that was seen
        behind from the first on, the time since then is all that is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from shipper.service.status import FileStatus

_HALVED_AFTER: Final = 10.0  # seconds after which an old speed counts half


class Pace(NamedTuple):
    """Seconds: for how long a file has been behind, and about how long it will be, if known."""

    behind_seconds: float
    eta_seconds: float | None


@dataclass(slots=True)
class _Seen:
    """What was seen of one file at the last look; `since` it has been behind."""

    at: float
    offset: int
    since: float | None = None
    speed: float | None = None


class Paces:
    """Remembers the files of the last look. One thread at a time may use it."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def look(self, files: Iterable[FileStatus], now: float) -> dict[str, Pace]:
        """Return the pace of each of *files* that is behind; *now* in seconds, of any clock."""
        seen = {file.path: self._one(file, now) for file in files}
        self._seen = seen
        return {file.path: _pace(seen[file.path], file, now) for file in files if file.unread}

    def _one(self, file: FileStatus, now: float) -> _Seen:
        before = self._seen.get(file.path)
        if before is None or file.offset < before.offset:  # new, or begun anew
            return _Seen(now, file.offset, now if file.unread else None)
        since = (before.since if before.since is not None else before.at) if file.unread else None
        return _Seen(now, file.offset, since, _speed(before, file.offset, now))


def _speed(before: _Seen, offset: int, now: float) -> float | None:
    """Return bytes a second: of late more than of old."""
    passed = now - before.at
    if passed <= 0:
        return before.speed
    fresh = (offset - before.offset) / passed
    weight = 0.5 ** (passed / _HALVED_AFTER)
    return fresh if before.speed is None else before.speed * weight + fresh * (1 - weight)


def _pace(seen: _Seen, file: FileStatus, now: float) -> Pace:
    behind = now - seen.since if seen.since is not None else 0.0
    return Pace(behind, file.unread / seen.speed if seen.speed else None)
