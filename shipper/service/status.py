"""What there is to say about a shipper, read from its state alone, while it runs or not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shipper.config.models import Config
from shipper.model import Ledger
from shipper.room import disk_floor
from shipper.sending.tally import REQUESTS, SENT_BYTES, SENT_MS
from shipper.store.dead_letters import FILED, SLOW
from shipper.store.drops import COUNTER
from shipper.store.history import OF_ALL, Condition
from shipper.store.lock import alive_at, holder
from shipper.store.received import RECEIVED
from shipper.store.store import ReadingPace, Store

# `run` gives a sign of life every 5 s while its pump turns; a machine may be slow.
_ALIVE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One file that is being read: bytes, and how many of them wait."""

    path: str
    source: str
    size: int
    offset: int
    unread: int


@dataclass(frozen=True, slots=True)
class Room:
    """How much there is and how much there may be, in bytes: state, dead letters, disk.

    Reading pauses at a limit, and while `disk_free` is below `disk_floor`.
    """

    state: int
    state_limit: int
    dead_letters: int
    dead_letters_limit: int
    disk_free: int
    disk_floor: int


@dataclass(frozen=True, slots=True)
class Status:
    """The whole picture. `pid` is None when nothing runs; ages are in seconds.

    `unread_bytes` is what the running shipper counts, else what its files' sizes say.
    `eta_seconds` is how long reading that takes at `read_bytes_per_second`; both are None where
    that is not known: nothing runs, it said nothing for a minute, or (the former) it stands still.
    Nothing is read because of `paused`, nothing could be delivered for `failing_seconds` because
    of `trouble`; each is a case of its reason, and empty where all is well or nothing is known.
    Events are set aside that fail while others pass; the oldest began `oldest_set_aside_seconds`
    ago. They are among the queued ones.
    `queued_bytes` are as stored. `requests` are counted by verdict; their `request_bytes`, and the
    `request_seconds` that answers took, are sums. `dead_letters_filed` are those of all time.
    """

    pid: int | None
    sign_of_life_seconds: float | None
    paused_reason: str
    paused: str
    trouble_reason: str
    trouble: str
    failing_seconds: float
    queued_events: int
    queued_bytes: int
    oldest_seconds: float | None
    set_aside_events: int
    oldest_set_aside_seconds: float
    state_bytes: int
    room: Room
    received: dict[str, int]
    delivered: dict[str, int]
    refused: dict[str, int]
    dropped: dict[str, int]
    slow_grammars: dict[str, int]
    requests: dict[str, int]
    request_bytes: int
    request_seconds: float
    dead_letters: list[tuple[str, str, int]]
    dead_letters_filed: list[tuple[str, str, int]]
    ledgers: dict[str, Ledger]
    unread_bytes: int
    read_bytes_per_second: float | None
    eta_seconds: float | None
    files: list[FileStatus]

    @property
    def healthy(self) -> bool:
        """Whether a shipper runs and its reading goes round."""
        age = self.sign_of_life_seconds
        return self.pid is not None and age is not None and age < _ALIVE_SECONDS

    def as_json(self) -> dict[str, Any]:
        """Return the picture as JSON values."""
        ledgers = {source: ledger._asdict() for source, ledger in self.ledgers.items()}
        return {
            **asdict(self),
            "healthy": self.healthy,
            "dead_letters": _by_name(self.dead_letters),
            "dead_letters_filed": _by_name(self.dead_letters_filed),
            "ledgers": ledgers,
        }


def _by_name(counts: Iterable[tuple[str, str, int]]) -> list[dict[str, Any]]:
    return [dict(zip(("source", "reason", "count"), c, strict=True)) for c in counts]


def status_of(config: Config, store: Store, condition: Condition | None = None) -> Status:
    """Read the picture from *store*; who runs it gives its *condition*. Raises StateError."""
    now = time.time()
    backlog = store.backlog()
    counters = store.counters()
    life = alive_at(config.state)
    oldest = backlog.oldest_ms
    pid = holder(config.state)
    pace, noted = _of_late(store, now) if pid else (None, Condition(0))
    condition = condition or noted
    files = _files(store)
    return Status(
        pid=pid,
        sign_of_life_seconds=max(0.0, now - life) if life is not None else None,
        paused_reason=condition.paused_reason,
        paused=condition.paused,
        trouble_reason=condition.trouble_reason,
        trouble=condition.trouble,
        failing_seconds=condition.failing_seconds,
        queued_events=backlog.events,
        queued_bytes=backlog.stored_bytes,
        oldest_seconds=max(0.0, now - oldest / 1000) if oldest is not None else None,
        set_aside_events=condition.set_aside_events,
        oldest_set_aside_seconds=condition.oldest_set_aside_seconds,
        state_bytes=store.used_bytes(),
        room=_room(config, store),
        received=_by_source(counters, RECEIVED),
        delivered=_by_source(counters, "delivered"),
        refused={source: n for source, n in _by_source(counters, "buried").items() if n},
        dropped=_dropped(counters),
        slow_grammars=_slow(counters),
        requests=_requests(counters),
        request_bytes=counters.get((SENT_BYTES, OF_ALL), 0),
        request_seconds=counters.get((SENT_MS, OF_ALL), 0) / 1000,
        dead_letters=store.dead_letters.reasons(),
        dead_letters_filed=_filed(counters),
        ledgers=store.ledgers(),
        unread_bytes=pace.unread_bytes if pace else sum(file.unread for file in files),
        read_bytes_per_second=pace.read_bytes_per_s if pace else None,
        eta_seconds=_eta(pace),
        files=files,
    )


def _room(config: Config, store: Store) -> Room:
    disk = store.space.disk()
    return Room(
        state=store.used_bytes(),
        state_limit=config.queue.max_bytes,
        dead_letters=store.counting.on_record("letters").stored_bytes,
        dead_letters_limit=config.dead_letters.max_bytes,
        disk_free=disk.free,
        disk_floor=disk_floor(config.queue.min_free, disk.total),
    )


def _of_late(store: Store, now: float) -> tuple[ReadingPace | None, Condition]:
    """Return what the shipper that runs noted last, if that is not long ago."""
    pace, condition = store.pace(), store.history.condition()
    if pace and abs(now - pace.at_ms / 1000) > _ALIVE_SECONDS:
        pace = None
    if condition and abs(now - condition.at_ms / 1000) > _ALIVE_SECONDS:
        condition = None
    return pace, condition or Condition(0)


Counters = Mapping[tuple[str, str], int]


def _by_source(counters: Counters, name: str) -> dict[str, int]:
    return {source: count for (of, source), count in counters.items() if of == name}


def _dropped(counters: Counters) -> dict[str, int]:
    """Return by source how many events were dropped, for whatever cause."""
    dropped: Counter[str] = Counter()
    for (name, source), count in counters.items():
        if name.startswith(COUNTER):
            dropped[source] += count
    return dict(dropped)


def _slow(counters: Counters) -> dict[str, int]:
    """Return by grammar on how many records it took longer than a match may, of all sources."""
    slow: Counter[str] = Counter()
    for (name, _), count in counters.items():
        if name.startswith(SLOW):
            slow[name.removeprefix(SLOW)] += count
    return dict(slow)


def _requests(counters: Counters) -> dict[str, int]:
    """Return by verdict how many requests were sent."""
    counts = {name: n for (name, _), n in counters.items() if name.startswith(REQUESTS)}
    return {name.removeprefix(REQUESTS): n for name, n in counts.items()}


def _filed(counters: Counters) -> list[tuple[str, str, int]]:
    """Return by source and reason how many dead letters were ever filed."""
    return [
        (source, name.removeprefix(FILED), count)
        for (name, source), count in counters.items()
        if name.startswith(FILED)
    ]


def _eta(pace: ReadingPace | None) -> float | None:
    if pace is None:
        return None
    if not pace.unread_bytes:
        return 0.0
    return pace.unread_bytes / pace.read_bytes_per_s if pace.read_bytes_per_s > 0 else None


def _files(store: Store) -> list[FileStatus]:
    """Return the open files, the one that is furthest behind first."""
    files = []
    for c in store.checkpoints():
        size = _size(c.path, c.size)
        files.append(FileStatus(c.path, c.source, size, c.offset, max(0, size - c.offset)))
    return sorted(files, key=lambda file: -file.unread)


def _size(path: str, last_seen: int) -> int:
    try:
        return max(last_seen, Path(path).stat().st_size)
    except OSError:
        return last_seen
