"""A connection that fails where a test says so, with the very errors that SQLite gives."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar

ERRORS = {
    sqlite3.SQLITE_IOERR_WRITE: "disk I/O error",
    sqlite3.SQLITE_IOERR_READ: "disk I/O error",
    sqlite3.SQLITE_IOERR_FSYNC: "disk I/O error",
    sqlite3.SQLITE_FULL: "database or disk is full",
    sqlite3.SQLITE_BUSY: "database is locked",
    sqlite3.SQLITE_READONLY: "attempt to write a readonly database",
}


def error(code: int) -> sqlite3.OperationalError:
    """Make the error that the sqlite3 module raises for *code*."""
    made = sqlite3.OperationalError(ERRORS[code])
    made.sqlite_errorcode = code
    made.sqlite_errorname = ERRORS[code]
    return made


class Faulty(sqlite3.Connection):
    """Asks `fault` before each statement; what that returns is raised in its place.

    A COMMIT that fails leaves its transaction open, as in SQLite, for the caller to roll back.
    """

    fault: ClassVar[Callable[[str], sqlite3.Error | None]] = staticmethod(lambda _sql: None)

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._ask(sql)
        return super().execute(sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._ask(sql)
        return super().executemany(sql, *values)

    def _ask(self, sql: str) -> None:
        if sql != "ROLLBACK" and (failure := type(self).fault(sql)) is not None:
            raise failure
