"""What readers of whole records have in common: how they say that a text is none."""

from __future__ import annotations


class RecordError(ValueError):
    """The text is no record of its format: at `column`, from 1, `expected` should have stood."""

    def __init__(self, column: int, expected: str) -> None:
        super().__init__(f"column {column}: expected {expected}")
        self.column = column
        self.expected = expected


class DirectiveError(ValueError):
    """The text belongs to the format but is no record: it speaks of those that follow."""
