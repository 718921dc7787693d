r"""Reads ArcSight's CEF and IBM's LEEF: a header of fields between bars, then key=value pairs.

Rule 1: in the header ``\|`` and ``\\`` stand for the character. In the pairs of CEF so do ``\=``
and ``\\``, and ``\n`` and ``\r`` for line breaks; a value runs up to the next ``key=``.
Rule 2: LEEF separates pairs by tabs, or as version 2.0 may say in its header, by a character or its
code (``^``, ``x5E``, ``0x5e``). Senders that lost the tabs to blanks are read as CEF is.
Rule 3: the fields of the header have names of ours; they go before equal keys of the pairs.
"""

from __future__ import annotations

import re
from typing import Any, Final

from shipper.grammar.records import RecordError

_CEF_NAMES: Final = (
    *("version", "vendor", "product", "product_version"),
    *("event_code", "name", "severity"),
)
_LEEF_NAMES: Final = ("version", "vendor", "product", "product_version", "event_code")
_CELL = re.compile(r"((?:[^|\\]++|\\.)*+)\|", re.DOTALL)
_NEXT = re.compile(r"[ \t]++(?=[^\s=\\]++=)")
_BAR = re.compile(r"\\([|\\])")
_ESCAPE = re.compile(r"\\([=\\|nr])")
_BREAKS: Final = {"n": "\n", "r": "\r"}
_DELIMITER = re.compile(r"(?:0?[xX])?([0-9A-Fa-f]{2,4})|([^0-9A-Za-z=\\|])")


def read_cef(text: str) -> dict[str, Any]:
    """Return the header's fields and the extension's of a CEF record. Raises RecordError."""
    cells, end = _header(text, "CEF:", len(_CEF_NAMES))
    if len(cells) < len(_CEF_NAMES):
        # The last cell may end the record: some senders leave the bar before nothing out.
        if len(cells) < len(_CEF_NAMES) - 1 or "|" in text[end:] or not text[end:]:
            raise RecordError(end + 1, f"{_CEF_NAMES[len(cells)]}|")
        cells, end = [*cells, text[end:]], len(text)
    pairs = _extension(text, end)
    return {**pairs, **dict(zip(_CEF_NAMES, cells, strict=True))}


def read_leef(text: str) -> dict[str, Any]:
    """Return the header's fields and the attributes of a LEEF record. Raises RecordError."""
    cells, end = _header(text, "LEEF:", len(_LEEF_NAMES))
    if len(cells) < len(_LEEF_NAMES):
        raise RecordError(end + 1, f"{_LEEF_NAMES[len(cells)]}|")
    delimiter = "\t"
    if cells[0].startswith("2") and (more := _CELL.match(text, end)) and "=" not in more[1]:
        delimiter, end = _delimiter(more[1], end), more.end()
    pairs = _attributes(text, end, delimiter)
    return {**pairs, **dict(zip(_LEEF_NAMES, cells, strict=True))}


def _header(text: str, opening: str, count: int) -> tuple[list[str], int]:
    """Return up to *count* cells that end with a bar, and where the last of them ends."""
    if not text.startswith(opening):
        raise RecordError(1, opening)
    cells: list[str] = []
    end = len(opening)
    while len(cells) < count and (found := _CELL.match(text, end)):
        cells.append(_BAR.sub(r"\1", found[1]).strip())
        end = found.end()
    return cells, end


def _extension(text: str, start: int) -> dict[str, Any]:
    """Read ``key=value key=value``, where a value may hold blanks, from *start*."""
    body = text[start:].strip()
    if not body:
        return {}
    pairs: dict[str, Any] = {}
    for part in _NEXT.split(body):
        key, sign, value = part.partition("=")
        if not sign or not key or any(c in key for c in " \t\\"):
            raise RecordError(start + 1 + max(0, text[start:].find(part)), "key=value")
        pairs[key] = _plain(value)
    return pairs


def _attributes(text: str, start: int, delimiter: str) -> dict[str, Any]:
    """Read the attributes of LEEF from *start*."""
    body = text[start:]
    if delimiter == "\t" and "\t" not in body.strip():
        return _extension(text, start)
    pairs: dict[str, Any] = {}
    for part in body.split(delimiter):
        key, sign, value = part.partition("=")
        if sign and key.strip():
            pairs[key.strip()] = _plain(value.strip())
        elif part.strip():
            raise RecordError(start + 1 + max(0, body.find(part)), "key=value")
    return pairs


def _delimiter(cell: str, start: int) -> str:
    found = _DELIMITER.fullmatch(cell)
    if not cell:
        return "\t"
    if found is None:
        raise RecordError(start + 1, "a delimiter such as ^ or x5E")
    return chr(int(found[1], 16)) if found[1] else found[2]


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _BREAKS.get(found[1], found[1]), text)
