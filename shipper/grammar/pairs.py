r"""Reads records of ``key=value`` pairs in their many dialects: firewalls, auditd, appliances.

Rule 1: pairs are separated by blanks, or by the text that the grammar names; a value in quotes may
hold it. After a closing quote the pair ends.
Rule 2: between blanks a bare value holds blanks too: it ends where the next ``key=`` begins. With
``bare: word`` it ends at the blank, and a word without ``=`` is true.
Rule 3: in quotes ``\"`` and ``\\`` stand for the character; other escapes stay as written.
Rule 4: of a key that stands twice the last value counts, or the first if the grammar says so.
"""

from __future__ import annotations

import re
from typing import Any, Final

from shipper.grammar.records import RecordError

_BLANKS: Final = " \t\r\n"
_ESCAPED = re.compile(r"\\([\"'\\])")


class Pairs:
    """Reads the pairs of one dialect."""

    def __init__(
        self, *, separator: str | None, assign: str, quote: str, words: bool, first: bool
    ) -> None:
        """*separator* None stands for blanks; *quote* holds up to two kinds of quotes."""
        self._pair = re.compile(_pair(separator, assign, quote, words=words), re.DOTALL)
        self._assign = assign
        self._first = first

    def read(self, text: str) -> dict[str, Any]:
        """Return the pairs that *text* is made of. Raises RecordError."""
        pairs: dict[str, Any] = {}
        position, signs, first = 0, 0, self._first
        while found := self._pair.match(text, position):
            key, sign, quoted, other, bare = found.group("key", "sign", "q0", "q1", "bare")
            signs += sign is not None
            if not (first and key in pairs):
                pairs[key] = _value(sign, quoted if quoted is not None else other, bare)
            position = found.end()
        if position < len(text.rstrip(_BLANKS)):
            place = position + len(text[position:]) - len(text[position:].lstrip(_BLANKS))
            raise RecordError(place + 1, f"key{self._assign}value")
        if not signs:
            raise RecordError(1, f"key{self._assign}value")
        return pairs


def _value(sign: str | None, quoted: str | None, bare: str | None) -> str | bool:
    if sign is None:
        return True
    if quoted is not None:
        return _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted
    return (bare or "").strip(_BLANKS)


def _pair(separator: str | None, assign: str, quote: str, *, words: bool) -> str:
    """Return the expression of one pair, with what separates it from the one before."""
    sign = re.escape(assign)
    blank = f"[{_BLANKS}]"
    end = rf"(?={blank}|\Z)" if separator is None else _end(separator)
    stop = re.escape(assign[0])
    key = (
        rf"[^{stop}{_BLANKS}]++"
        if separator is None
        else rf"(?:(?!{re.escape(separator)})[^{stop}])++"
    )
    bare = _bare(separator, key, sign, words=words)
    quotes = "".join(
        rf"{re.escape(mark)}(?P<q{index}>(?:[^{re.escape(mark)}\\]++|\\.)*+){re.escape(mark)}{end}|"
        for index, mark in enumerate(quote)
    )
    quotes += "".join(f"(?P<q{index}>(?!))|" for index in range(len(quote), 2))  # matches nothing
    value = rf"(?P<sign>{sign})(?:{quotes}(?P<bare>{bare}){end})"
    return rf"{blank}*+(?P<key>{key})" + (rf"(?:{value}|{end})" if words else value)


def _end(separator: str) -> str:
    """Return the expression of blanks and a separator, which may begin with a blank itself."""
    blanks = _BLANKS.replace(separator[0], "")
    return rf"[{blanks}]*+(?:{re.escape(separator)}|\Z)"


def _bare(separator: str | None, key: str, sign: str, *, words: bool) -> str:
    if separator is not None:
        return rf"(?:(?!{re.escape(separator)}).)*+"
    word = rf"[^{_BLANKS}]"
    if words:
        return rf"{word}*+"
    return rf"{word}*+(?:[{_BLANKS}]++(?!{key}{sign}){word}++)*+"
