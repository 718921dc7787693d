"""Cuts a line into tokens: values that vary from line to line, and signs between them.

Rule 1: the tokens joined are the line again, character for character.
Rule 2: what stands in quotes or brackets is one value, whatever it holds; so thread names and
        quoted texts with blanks in them do not shift what follows.
Rule 3: of a line longer than MOST tokens the rest is one token of kind `rest`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MOST: Final = 48

VALUES: Final = frozenset([
    *("iso_time", "http_time", "syslog_time", "clock", "uuid", "ip", "integer", "number", "level"),
    *("word", "path", "quoted", "square", "round", "angle", "text"),
])  # fmt: skip
"""Kinds of values; all others are signs: key, blank, sign, and the rest of a long line."""

BRACKETS: Final = frozenset(["square", "round", "angle"])
_LEVELS: Final = (
    "TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|CRITICAL|CRIT|FATAL|SEVERE|EMERG|ALERT|PANIC"
)
_END: Final = r"(?![\w.-])"
_TOKEN = re.compile(
    rf"""
    (?P<blank>[ \t]+)
  | (?P<iso_time>\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?(?:Z|[+-]\d\d:?\d\d)?{_END})
  | (?P<http_time>\d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d\ [+-]\d{{4}})
  | (?P<syslog_time>[A-Z][a-z]{{2}}\ [ \d]\d\ \d\d:\d\d:\d\d)(?!\w)
  | (?P<uuid>[0-9A-Fa-f]{{8}}-(?:[0-9A-Fa-f]{{4}}-){{3}}[0-9A-Fa-f]{{12}}){_END}
  | (?P<clock>\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?){_END}
  | (?P<ip>(?:\d{{1,3}}\.){{3}}\d{{1,3}}|(?:[0-9A-Fa-f]{{1,4}}:){{7}}[0-9A-Fa-f]{{1,4}}
        |::[0-9A-Fa-f]{{1,4}}(?::[0-9A-Fa-f]{{1,4}})*|(?:[0-9A-Fa-f]{{1,4}}:){{1,6}}:(?:[0-9A-Fa-f]{{1,4}}(?::[0-9A-Fa-f]{{1,4}})*)?){_END}
  | (?P<quoted>"(?:[^"\\]|\\.)*")
  | (?P<square>\[[^\[\]]*\])
  | (?P<round>\([^()]*\))
  | (?P<angle><[^<>]*>)
  | (?P<key>[A-Za-z_][\w.-]*=(?!=))
  | (?P<integer>-?\d{{1,18}}){_END}
  | (?P<number>-?\d{{1,18}}\.\d{{1,18}}){_END}
  | (?P<level>{_LEVELS}|{_LEVELS.lower()})(?!\w)
  | (?P<path>/[^\s"\[\]()<>,;=|]*[^\s"\[\]()<>,;=|:])
  | (?P<word>[A-Za-z0-9_]+){_END}
  | (?P<text>[^\s"\[\]()<>,;=|]*[^\s"\[\]()<>,;=|:])
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Token(NamedTuple):
    """A piece of a line: its kind, its text, and what kind of value its brackets hold if one."""

    kind: str
    text: str
    inner: str = ""


def tokens(line: str) -> list[Token]:
    """Return what *line* is made of."""
    found: list[Token] = []
    for piece in _TOKEN.finditer(line):
        if len(found) == MOST:
            return [*found, Token("rest", line[piece.start() :])]
        kind, text = piece.lastgroup or "sign", piece.group()
        found.append(Token(kind, text, _inner(text) if kind in BRACKETS else ""))
    return found


def _inner(text: str) -> str:
    """Return the kind of the value that stands alone in brackets; empty where there is more."""
    found = _TOKEN.fullmatch(text[1:-1])
    kind = (found.lastgroup or "") if found else ""
    return kind if kind in VALUES - BRACKETS else ""
