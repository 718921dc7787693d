"""What readers of whole records (JSON, logfmt) have in common: how they say that it is none."""

from __future__ import annotations


class RecordError(ValueError):
    """The text is no record of its format: at `column`, from 1, `expected` should have stood."""

    def __init__(self, column: int, expected: str) -> None:
        super().__init__(f"column {column}: expected {expected}")
        self.column = column
        self.expected = expected
