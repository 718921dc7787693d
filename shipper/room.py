"""Room: whether the queue may take more, and what is done where it may not.

Rule 1: the limits are of the whole state file, of the age of what waits, and of what the disk has
        left for others. By `pause` nothing is dropped: the log files keep what is new.
Rule 2: over its limits, a queue is full till it is a sixteenth below them, so that the log has one
        line for an outage and not one for each request that makes a little room.
Rule 3: whatever is dropped is on record, and told of (see `store.drops`).
Rule 4: by no policy does anything go on while the disk is nearly full: that is mended by a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from shipper.store.space import MOST_WAL
from shipper.store.store import Store

WhenFull = Literal["pause", "drop_oldest", "drop_newest"]

FULL, OLD = "queue_full", "queue_age"
"""The causes for which events are dropped, and reasons for which reading pauses."""

LETTERS, DISK, LOG = "dead_letters_full", "disk_floor", "write_ahead_log"
"""Further reasons for which reading pauses."""

_MARGIN = 16
# Of a small disk, no more than this part is left to others.
_SMALL_DISK = 20
# What is made free at a time where the oldest go: enough for a turn.
_TURN = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may wait: bytes of the state file, seconds; bytes of the disk that are left free.

    Reading pauses at `letters_bytes` of dead letters, if that is not None.
    """

    queue_bytes: int = 10_000_000_000
    queue_age: float | None = None
    when_full: WhenFull = "pause"
    min_free: int = 0
    letters_bytes: int | None = None


class Answer(NamedTuple):
    """Whether there is room: nothing is read because of `pause`; events go because of `drop`.

    `pause` is words, and `reason` what they are a case of.
    """

    pause: str = ""
    drop: str = ""
    reason: str = ""


ROOM = Answer()
"""There is room."""


def disk_floor(min_free: int, total: int) -> int:
    """Return the bytes of a disk of *total* bytes below which reading pauses."""
    return min(min_free, total // _SMALL_DISK)


class Room:
    """Asked before each turn of reading, by one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._full = self.short = False

    def ask(self, limits: Limits, now_ms: int) -> Answer:
        """Tell whether there is room for a turn, and make it where old events may go."""
        if answer := self._disk(limits):
            return answer
        if why := self._letters(limits):
            return Answer(pause=why, reason=LETTERS)
        if used := self._over(limits):
            return self._give_way(limits, FULL, "the queue is full", room=used)
        if limits.queue_age is not None:
            oldest_ms = self._store.backlog().oldest_ms
            before_ms = now_ms - int(limits.queue_age * 1000)
            if oldest_ms is not None and oldest_ms < before_ms:
                why = "the oldest event in the queue has waited for its longest time"
                return self._give_way(limits, OLD, why, before_ms=before_ms)
        return ROOM

    def _give_way(
        self, limits: Limits, cause: str, why: str, *, room: int = 0, before_ms: int = 0
    ) -> Answer:
        if limits.when_full == "drop_newest":
            return Answer(drop=cause)
        if limits.when_full == "pause":
            return Answer(pause=why, reason=cause)
        freed = self._store.drops.oldest(cause, self._store.order, room=room, before_ms=before_ms)
        if freed >= room or self._store.used_bytes() < limits.queue_bytes:
            return ROOM
        words = f"{why}, and of what is being sent or of dead letters"
        return Answer(pause=words, reason=cause)

    def _over(self, limits: Limits) -> int:
        """Return by how many bytes the state is too large (rule 2); 0: it is not."""
        used, most = self._store.used_bytes(), limits.queue_bytes
        margin = min(most // _MARGIN, _TURN)
        self._full = used >= (most - margin if self._full else most)
        return max(1, used - most + margin) if self._full else 0

    def _letters(self, limits: Limits) -> str:
        most = limits.letters_bytes
        if most is None or self._store.counting.on_record("letters").stored_bytes < most:
            return ""
        return f"the dead letters have {most:,} bytes: see to them (shipper dead-letters --help)"

    def _disk(self, limits: Limits) -> Answer | None:
        space = self._store.space
        if limits.min_free:
            disk = space.disk()
            floor = disk_floor(limits.min_free, disk.total)
            # The write-ahead log has to find room in the state file, too.
            free = disk.free - space.wal_bytes()
            self.short = free < floor + (floor // _MARGIN if self.short else 0)
            if self.short:
                why = f"the disk of the state is nearly full: less than {floor:,} bytes are free"
                return Answer(pause=why, reason=DISK)
        if space.wal_bytes() > MOST_WAL:
            why = "the write-ahead log is too long: some program reads the state without an end"
            return Answer(pause=why, reason=LOG)
        return None
