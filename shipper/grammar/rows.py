"""Reads records whose values stand in columns: CSV and its kin, and W3C's extended log format.

Rule 1: cells are quoted as RFC 4180 has it: a quote inside is doubled, and a separator or a line
break may stand between quotes. Without a quote character a cell is what stands between separators.
Rule 2: in W3C's format a line of ``#Fields:`` (or ``#fields``, as Zeek writes it) names the columns
of the lines that follow. A record is given here with that header in front, on lines of its own; a
record without one has the columns of the grammar. So what a record says depends on nothing else.
Rule 3: a directive alone is no record and no mistake.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Any, Final

from shipper.grammar.headers import FIELDS, MAX_HEADER
from shipper.grammar.records import DirectiveError, RecordError

MAX_COLUMNS: Final = 1000
_DIRECTIVE = re.compile(
    r"\ufeff?#(?:Version|Fields|Software|Start-Date|End-Date|Date|Remark|Log-type|separator|"
    r"set_separator|empty_field|unset_field|path|open|close|fields|types)(?::|[ \t]|$)"
)
_REMEMBERED: Final = 256

csv.field_size_limit(2**31 - 1)  # a record has its own limit, and its fields have theirs


class Rows:
    """Cuts a record into the cells of known columns."""

    def __init__(
        self, columns: Sequence[str], *, least: int | None, separator: str, quote: str
    ) -> None:
        self._columns = tuple(columns)
        self._least = least or len(self._columns)
        self._separator = separator
        self._quote = quote

    def read(self, text: str) -> dict[str, Any]:
        """Return what stands in each column. Raises RecordError."""
        return self.under(self._columns, self._least, text)

    def under(self, columns: Sequence[str], least: int, text: str) -> dict[str, Any]:
        """Return what stands in each of *columns*, of which *least* have to be there."""
        cells = self._cells(text)
        if len(cells) < least:
            raise RecordError(len(text) + 1, f"the column {columns[len(cells)]}")
        pairs: dict[str, Any] = dict(zip(columns, cells, strict=False))
        for number in range(len(columns), min(len(cells), MAX_COLUMNS)):
            pairs[f"column_{number + 1}"] = cells[number]
        pairs.pop("", None)
        return pairs

    def _cells(self, text: str) -> list[str]:
        quote = self._quote
        if not quote or quote not in text:
            return text.split(self._separator)
        try:
            rows = list(csv.reader([text], delimiter=self._separator, quotechar=quote, strict=True))
        except csv.Error as error:
            raise RecordError(text.find(quote) + 1, f"cells in quotes ({error})") from error
        if len(rows) != 1:
            raise RecordError(1, "one line of cells")
        return rows[0]


class W3cRows:
    """Cuts a record into the cells of the columns that its header names, or the grammar."""

    def __init__(self, rows: Rows, columns: Sequence[str], least: int | None) -> None:
        self._rows = rows
        self._default = (tuple(columns), least or len(columns))
        self._known: dict[str, tuple[tuple[str, ...], int]] = {}

    def read(self, text: str) -> dict[str, Any]:
        """Return what stands in each column. Raises RecordError, and DirectiveError (rule 3)."""
        columns, least = self._default
        while _DIRECTIVE.match(text):
            header, _, text = text.partition("\n")
            columns, least = self._named(header) or (columns, least)
            if not text:
                raise DirectiveError
        if not columns:
            raise RecordError(1, "a line with #Fields before the first record")
        pairs = self._rows.under(columns, least, text)
        if len(pairs) > len(columns):
            raise RecordError(len(text), "no more columns than the header names")
        return {name: cell for name, cell in pairs.items() if cell != "-"}

    def _named(self, header: str) -> tuple[tuple[str, ...], int] | None:
        """Return the columns that *header* names, or None if it is another directive."""
        if header not in self._known:
            if not (found := FIELDS.match(header)):
                return None
            names = tuple(filter(None, re.split(r"[\s,]+", header[found.end() :])))
            if len(header) > MAX_HEADER or len(names) > MAX_COLUMNS:
                names = ()
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[header] = (names, len(names))
        return self._known[header]
