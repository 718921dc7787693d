"""The order in which batches are claimed: that of their ids, but news go ahead of a backlog.

Rule 1: while some log is behind, every other claim is for logs that are up to date, if they have
        something: a busy log makes no quiet one wait, and what is old is not left for ever.
Rule 2: batches of one log keep their order: behind one that waits in its place, its others do, too.
Rule 3: while no log is behind, the order is that of the ids. So it is until all is claimed that
        stands there at a start: which log it is of is known in memory only.
Rule 4: a batch is claimed once. While a sender has it in hand it is not dropped (`hold`).
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from contextlib import closing
from typing import NamedTuple

from shipper.event.batch import RecordBatch
from shipper.protocol.envelope import post_size
from shipper.store.database import Database

# So many of the ids that go ahead are looked up at a time: one request rarely holds more.
_LOOK = 256
# So many logs are remembered before those are forgotten of which nothing waits.
_FEW = 1_000
_THERE = "SELECT id FROM batch WHERE id IN (SELECT value FROM json_each(?))"


class Queued(NamedTuple):
    """A batch in the queue; `id` orders it."""

    id: int
    source: str
    batch: RecordBatch


class Placed(NamedTuple):
    """Which ids batches of some *logs* got, and whether these are `behind`: more is unread."""

    logs: tuple[str, ...]
    ids: range
    behind: bool


class Order:
    """Which batches are claimed next. `note` is for any thread, the rest for one at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noting = threading.Lock()
        self.in_hand: set[int] = set()
        """Which a sender has in hand: they may just be arriving. It outlives a `begin`."""
        self.begin()

    def begin(self) -> None:
        """Begin anew: whatever the queue holds is to be claimed, also what was claimed before."""
        self.cursor = 0
        """Up to which id batches were claimed in the order of their ids."""
        self.ahead: set[int] = set()
        """Which behind the cursor were claimed, too."""
        with self._database.reading() as db:
            (self._old,) = db.execute("SELECT ifnull(max(id), 0) FROM batch").fetchone()
        self._news: deque[int] = deque()
        self._behind = 0  # the last id of a log that was behind
        self._in_place: dict[str, int] = {}  # by log, the last id that waits in its place
        self._tidy_at = _FEW
        self._news_next = True
        self._shows_news = False
        self.more = False
        """Whether more waits than what `peek` returned last."""

    def note(self, placed: Iterable[Placed]) -> None:
        """Note what was committed."""
        with self._noting:
            for logs, ids, behind in placed:
                if ids:
                    self._place(logs, ids, behind=behind)
            if len(self._in_place) > self._tidy_at:
                claimed = self.cursor
                self._in_place = {k: last for k, last in self._in_place.items() if last > claimed}
                self._tidy_at = 2 * len(self._in_place) + _FEW

    def waiting(self) -> Callable[[str], bool]:
        """Return what tells of a log whether something of it waits in its place, for a backlog."""
        claimed, in_place = self.cursor, self._in_place
        if self._behind <= claimed:
            return lambda _log: False
        return lambda log: in_place.get(log, 0) > claimed

    def _place(self, logs: tuple[str, ...], ids: range, *, behind: bool) -> None:
        claimed = self.cursor
        if behind:
            self._behind = ids[-1]
        waits = max([self._in_place.get(log, 0) for log in logs])
        overtakes = self._behind > claimed >= max(self._old, waits)
        if overtakes and not behind:
            self._news.extend(ids)
        else:
            self._in_place |= dict.fromkeys(logs, ids[-1])

    def peek(self, max_bytes: int) -> list[Queued]:
        """Return what is to be claimed next, as much as one POST of *max_bytes* can hold.

        There is at least one, if there are any at all: a batch that was packed for a larger
        limit comes alone, for its sender to divide.
        """
        found = self._peek_news(max_bytes) if self._news_next else []
        self._shows_news = self.more = bool(found)
        return found or self._read("id > ?", self.cursor, max_bytes)

    def claim(self, peeked: Sequence[Queued]) -> None:
        """Take what `peek` returned last."""
        self._news_next = not self._shows_news
        last = peeked[-1].id
        if self._shows_news:
            self.ahead.update(queued.id for queued in peeked)
            self._forget_news(last)
        else:
            self.cursor = last
            self.ahead = {taken for taken in self.ahead if taken > last}

    def hold(self, ids: Collection[int]) -> set[int]:
        """Take batches in hand; return those that are there: others were dropped since `claim`."""
        # In one block with the look, so that nobody drops them in between.
        with self._database.reading() as db:
            there = {row for (row,) in db.execute(_THERE, (json.dumps(list(ids)),))}
            self.in_hand |= there
        return there

    def let_go(self, ids: Collection[int]) -> None:
        """Give batches out of hand."""
        with self._database.reading():
            self.in_hand -= set(ids)

    def _peek_news(self, max_bytes: int) -> list[Queued]:
        self._forget_news(self.cursor)
        while self._news:
            ids = [self._news[n] for n in range(min(_LOOK, len(self._news)))]
            where = "id IN (SELECT value FROM json_each(?))"
            if found := self._read(where, json.dumps(ids), max_bytes):
                return found
            self._forget_news(ids[-1])  # they were dropped meanwhile
        return []

    def _read(self, where: str, value: object, max_bytes: int) -> list[Queued]:
        found, more = read_batches(self._database, where, value, max_bytes, self.ahead)
        self.more = self.more or more
        return found

    def _forget_news(self, last: int) -> None:
        while self._news and self._news[0] <= last:
            self._news.popleft()


def read_batches(
    database: Database, where: str, value: object, max_bytes: int, but: Container[int] = ()
) -> tuple[list[Queued], bool]:
    """Return the first batches, *but* for some, that one POST can hold; and whether there are more.

    *where* is SQL about a *value*. There is at least one, if there are any at all.
    """
    sql = f"SELECT id, source, events, size, body FROM batch WHERE {where} ORDER BY id"
    found: list[Queued] = []
    events = size = 0
    with database.reading() as db, closing(db.execute(sql, (value,))) as rows:
        for id, source, *batch in rows:  # noqa: A001  # the column's name
            if id in but:
                continue
            queued = Queued(id, source, RecordBatch(*batch))
            events += queued.batch.events
            size += queued.batch.size + bool(found)
            if found and post_size(events, size) > max_bytes:
                return found, True
            found.append(queued)
    return found, False
