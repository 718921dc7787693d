"""What the rows of each table of a state file look like, to know them on a page of no known tree.

Rule 1: a row is of a table only if the kind of every column is, and its values make sense: what
        a program would stumble over later is no row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import NamedTuple

from shipper.formats.held import Held
from shipper.model import Ledger
from shipper.store.pages import Row, Value
from shipper.store.schema import MIGRATIONS

_KINDS = {"INTEGER": int, "TEXT": str, "BLOB": bytes}
_NUMBERED = ("file", "batch", "dead_letter")
_KNOWN_COUNTS = (
    "delivered", "buried", "replayed", "received", "gaps", "discarded", "forgotten"
)  # fmt: skip
_KNOWN_KINDS = ("dropped:", "slow:", "letters:", "requests:", "sent:")
_STATES = ("open", "finished", "over")
_NONE = type(None)


class Shape(NamedTuple):
    """The columns of a table and their kinds; rows of older programs may have only `least`."""

    columns: tuple[str, ...]
    kinds: tuple[tuple[type, ...], ...]
    least: int
    makes_sense: Callable[[tuple[Value, ...]], bool] = lambda _values: True
    rowid: bool = True

    def fits(self, row: Row) -> bool:
        """Tell whether *row* may be of this table."""
        values = row.values
        return (
            (row.rowid is not None) == self.rowid
            and self.least <= len(values) <= len(self.kinds)
            and all(type(v) in kinds for v, kinds in zip(values, self.kinds, strict=False))
            and self.makes_sense(values)
        )


_FATES = slice(18, 18 + len(Ledger._fields))


def _file(values: tuple[Value, ...]) -> bool:
    """Tell whether the row of a file is one; its ledger proves more of it than any type."""
    generation, (start, offset), state, held = values[1], values[11:13], values[14], values[17]
    if not isinstance(start, int) or not isinstance(offset, int) or offset < start:
        return False
    try:
        lines = Held.from_bytes(held if isinstance(held, bytes) else b"")
    except ValueError:
        return False
    counts = [value for value in values[_FATES] if isinstance(value, int)]
    known = isinstance(generation, bytes) and len(generation) == 16 and state in _STATES
    return known and min(counts) >= 0 and Ledger(*counts).adds_up(lines.lines, lines.width)


def _digest(values: tuple[Value, ...]) -> bool:
    return isinstance(key := values[0], bytes) and len(key) == 16


def _positive(*columns: int) -> Callable[[tuple[Value, ...]], bool]:
    def check(values: tuple[Value, ...]) -> bool:
        return all(isinstance(v := values[n], int) and v >= 0 for n in columns)

    return check


def _count(values: tuple[Value, ...]) -> bool:
    name = values[0]
    return isinstance(name, str) and (name in _KNOWN_COUNTS or name.startswith(_KNOWN_KINDS))


def _arrival(values: tuple[Value, ...]) -> bool:
    """Tell whether the row of an arrival is one: it holds as many events as it says."""
    events, body = values[2:4]
    return isinstance(body, bytes) and body[:1] == b"{" and body.count(b"\n") + 1 == events


def _numbered(values: tuple[Value, ...]) -> bool:
    return values[0] in _NUMBERED


_CHECKS: dict[str, Callable[[tuple[Value, ...]], bool]] = {
    "file": _file,
    "batch": _positive(2, 3),
    "arrival": _arrival,
    "stream": _digest,
    "tally": _positive(1, 2, 3),
    "counter": _count,
}


@cache
def shapes_of_tables() -> dict[str, Shape]:
    """Return the shapes of all tables, as the migrations make them, one after the other.

    That takes a state in memory, which hardly any start has a use for.
    """
    shapes: dict[str, Shape] = {}
    with closing(sqlite3.connect(":memory:")) as db:
        for script in MIGRATIONS:
            db.executescript(script)
            for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"):
                if not name.startswith("sqlite_"):
                    shape = _shape(db, name)
                    least = shapes[name].least if name in shapes else len(shape.columns)
                    shapes[name] = shape._replace(least=least)
    shapes["stream"] = shapes["stream"]._replace(least=3)  # else an index looks the same
    shapes["sqlite_sequence"] = Shape(("name", "seq"), ((str,), (int,)), 2, _numbered)
    return shapes


def _shape(db: sqlite3.Connection, table: str) -> Shape:
    (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    columns, kinds, with_rowid = [], [], "WITHOUT ROWID" not in sql
    for _, name, kind, required, _, key in db.execute(f"PRAGMA table_info({table})"):
        columns.append(name)
        # The number of a row stands beside its columns, whose first is then empty.
        numbered = key and kind == "INTEGER" and with_rowid
        kinds.append(
            (_NONE,) if numbered else (_KINDS[kind],) if required else (_KINDS[kind], _NONE)
        )
    check = _CHECKS.get(table, lambda _values: True)
    return Shape(tuple(columns), tuple(kinds), 0, check, rowid=with_rowid)


INDEX_OF_IDS = Shape(("id", "row"), ((bytes,), (int,)), 2, _digest, rowid=False)
# Rows of indexes look like those: only a tree can tell them.
AMBIGUOUS = frozenset({"loss"})
