"""How it went of late: a row each step of time, and what holds at present, for those who look.

Rule 1: the history is bounded: what is older than an hour goes, in the transaction that adds.
Rule 2: it is for charts and not for the books: what was not noted before a crash is missing in it,
        and in no count of events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from shipper.store.database import Database
from shipper.store.dead_letters import add_to_counter

STEP_SECONDS = 10
"""How far the rows stand apart at least."""

KEPT_SECONDS = 3_600
"""How long a row is kept."""

OF_ALL = ""
"""The source of counts that belong to none, such as those of requests."""


class Flow(NamedTuple):
    """What happened since some moment. These counts only grow.

    Lines and bytes were read of log files, and events made of them; others came from trackers.
    Requests are counted by verdict.
    """

    lines_read: int
    bytes_read: int
    events_made: int
    events_received: int
    events_delivered: int
    requests_delivered: int
    requests_rejected: int
    requests_misconfigured: int
    requests_unavailable: int
    dead_letters_filed: int

    def since(self, before: Flow) -> Flow:
        """Return what happened since it was *before*."""
        return Flow(*(max(0, now - was) for now, was in zip(self, before, strict=True)))


class Levels(NamedTuple):
    """What held at a moment: bytes that were yet to be read, and what waited in the queue.

    That is events, bytes as stored, and the age of the oldest, None where the queue was empty.
    """

    lag_bytes: int
    queue_events: int
    queue_bytes: int
    queue_oldest_seconds: int | None


class Step(NamedTuple):
    """What happened in the `lasted_ms` before `at` (seconds since 1970), and what held then."""

    at: int
    lasted_ms: int
    flow: Flow
    levels: Levels


class Condition(NamedTuple):
    """What stood in the way at a moment: of reading (`paused`), and of delivery (`trouble`).

    Each has a reason of a closed set, or none, and the words to it. Nothing could be delivered
    for `failing_seconds`. So many events were set aside, because they failed while others passed,
    the first of them so many seconds before.
    """

    at_ms: int
    paused_reason: str = ""
    paused: str = ""
    trouble_reason: str = ""
    trouble: str = ""
    failing_seconds: float = 0.0
    set_aside_events: int = 0
    oldest_set_aside_seconds: float = 0.0


_COLUMNS = ("at", "lasted_ms", *Flow._fields, *Levels._fields)
_INSERT = f"INSERT OR REPLACE INTO history VALUES ({', '.join('?' * len(_COLUMNS))})"


class History:
    """The last hour of a state file. Its methods may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, condition: Condition, counts: Mapping[str, int], step: Step | None) -> None:
        """Put on record what holds, add *counts* to the counters, and add a *step*, if any."""
        words = json.dumps(condition)
        with self._database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('condition', ?)", (words,))
            for name, count in counts.items():
                add_to_counter(db, name, OF_ALL, count)
            if step is not None:
                # After the clock was set back, what is yet to come would else stay for longer.
                sql = "DELETE FROM history WHERE at <= ? OR at > ?"
                db.execute(sql, (step.at - KEPT_SECONDS, step.at))
                db.execute(_INSERT, (step.at, step.lasted_ms, *step.flow, *step.levels))

    def steps(self, since: float = 0.0) -> list[Step]:
        """Return the steps that ended after *since* (seconds since 1970), oldest first."""
        sql = f"SELECT {', '.join(_COLUMNS)} FROM history WHERE at > ? ORDER BY at"
        levels = 2 + len(Flow._fields)
        with self._database.reading() as db:
            rows = db.execute(sql, (int(since),)).fetchall()
        return [Step(r[0], r[1], Flow(*r[2:levels]), Levels(*r[levels:])) for r in rows]

    def condition(self) -> Condition | None:
        """Return what held when that was last put on record."""
        with self._database.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'condition'").fetchone()
        return None if row is None else Condition(*json.loads(row[0])[: len(Condition._fields)])
