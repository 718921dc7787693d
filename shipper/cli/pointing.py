"""Draws a mark under one character of a text, as a terminal shows both.

Rule 1: the mark stands where the terminal draws the character: wide ones take two cells there,
        combining ones none, and what can't be printed is shown as one sign.
Rule 2: a text that is too long for a line is cut around the mark, with … where it goes on.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_WIDTH: Final = 160
_CUT: Final = "…"


def pointed(text: str, column: int, width: int = _WIDTH) -> tuple[str, str]:
    """Return *text*, cut to about *width* characters, and the blanks up to *column*, from 1.

    Column ``len(text) + 1`` is the end. The mark belongs behind the blanks.
    """
    index = min(max(column - 1, 0), len(text))
    start = max(0, index - width // 2)
    if len(text) <= width:
        start = 0
    end = start + width
    before = (_CUT if start else "") + printable(text[start:index])
    behind = printable(text[index:end]) + (_CUT if end < len(text) else "")
    return before + behind, " " * sum(map(_cells, before))


def printable(text: str) -> str:
    """Return *text* harmless for a terminal: what can't be printed is shown as one sign."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _cells(character: str) -> int:
    """Return how many cells of a terminal *character* takes up."""
    if character.isascii():
        return 1
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
