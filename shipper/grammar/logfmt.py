r"""Reads a record of ``key=value key="quoted \" value" flag`` pairs.

Rule 1: every value is a text; a key without ``=`` is true; an empty value is an empty text.
Rule 2: a bare value runs to the next blank and may hold ``=`` and quotes; a quoted one knows the
escapes of JSON, and an unknown escape stays as it is written.
Rule 3: of a key that stands twice the last value counts.
Rule 4: a text with more bare words than pairs is no logfmt, but prose that mentions one.
"""

from __future__ import annotations

import re
from typing import Any, Final

from shipper.grammar.records import RecordError

_PAIR = re.compile(
    r'[ \t\r\n]*+(?P<key>[^ \t\r\n="]++)'
    r'(?:(?P<sign>=)(?:"(?P<quoted>(?:[^"\\]++|\\.)*+)"|(?P<bare>[^ \t\r\n"][^ \t\r\n]*+)?))?'
    r"(?=[ \t\r\n]|\Z)",
    re.DOTALL,
)
_END = re.compile(r"[ \t\r\n]*\Z")
_OPEN_QUOTE = re.compile(r'[ \t\r\n]*+[^ \t\r\n="]++="(?:[^"\\]++|\\.)*+', re.DOTALL)
_KEY = re.compile(r'[ \t\r\n]*+[^ \t\r\n="]++=?')
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_MEANING: Final = {
    **{"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"},
    **{'"': '"', "\\": "\\", "/": "/"},
}


def read_pairs(text: str) -> dict[str, Any]:
    """Return the pairs that *text* is made of. Raises RecordError."""
    pairs: dict[str, Any] = {}
    signs = words = position = 0
    match = _PAIR.match
    while found := match(text, position):
        key, sign, quoted, bare = found.groups()
        if sign is None:
            words += 1
            pairs[key] = True
        else:
            signs += 1
            pairs[key] = bare or "" if quoted is None else _unescaped(quoted)
        position = found.end()
    if not _END.match(text, position):
        raise _mistake(text, position)
    if not signs or words > signs:
        raise RecordError(1, "key=value")
    return pairs


def _mistake(text: str, position: int) -> RecordError:
    """Say what is wrong with the pair that should start at *position*."""
    position += len(text[position:]) - len(text[position:].lstrip(" \t\r\n"))
    if opened := _OPEN_QUOTE.match(text, position):
        if opened.end() < len(text) and text[opened.end()] == '"':
            return RecordError(opened.end() + 2, "a blank after the closing quote")
        return RecordError(opened.end() + 1, "a closing '\"'")
    key = _KEY.match(text, position)
    return RecordError((key.end() if key else position) + 1, "a blank or '='" if key else "key=")


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_meaning, text)
    if "\\u" in text:  # two escapes may be the halves of one character
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return plain


def _meaning(found: re.Match[str]) -> str:
    code, letter = found.groups()
    return chr(int(code, 16)) if code else _MEANING.get(letter, found.group())
