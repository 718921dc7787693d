"""Reads what may stand before a record that names its own fields: a syslog header, a time, a level.

Rule 1: prefixes are tried in order, and last the record without any; what they capture are fields
of the record, and keys of the record itself go before them.
Rule 2: a prefix ends where the record begins, and a record of JSON begins with ``{``, of CEF with
``CEF:``, of LEEF with ``LEEF:``. So a prefix may be as loose as ``.*?``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from shipper.grammar.grok import Compiled
from shipper.grammar.records import RecordError
from shipper.grammar.time_limit import in_time

ReadRecord = Callable[[str], dict[str, Any]]

OPENINGS: Final = {"json": r"(?=\{)", "cef": "(?=CEF:)", "leef": "(?=LEEF:)"}
"""What a prefix stands before, by the format of the record."""


def after_prefix(prefixes: Sequence[Compiled], read: ReadRecord, name: str) -> ReadRecord:
    """Return the reader of records that may begin with one of *prefixes*, over *read*.

    *name* is that of the grammar, for a match that takes too long.
    """
    ways = [
        (
            in_time(compiled.pattern.match, compiled.expression, name),
            tuple(capture.field for capture in compiled.captures),
        )
        for compiled in prefixes
    ]

    def read_after(text: str) -> dict[str, Any]:
        furthest = None
        for match, names in ways:
            found = match(text)
            if found is None:
                continue
            try:
                own = read(text[found.end() :])
            except RecordError as error:
                miss = RecordError(found.end() + error.column, error.expected)
                if furthest is None or miss.column > furthest.column:
                    furthest = miss
            else:
                return {**dict(zip(names, found.groups(), strict=True)), **own}
        try:
            return read(text)
        except RecordError as error:
            raise furthest or error from None

    return read_after
