"""Headers in the middle of a file that name the columns of the lines after them.

Rule 1: a header belongs to the memory of its file. It is put in front of each record that follows,
on a line of its own, and what a record says depends on nothing else.
Rule 2: a dead letter has that line in front too, so it can be read again at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from shipper.grammar.grammar import Explain, Memory, Parse, Work
from shipper.model import Dropped, Mismatch, Parsed

MAX_HEADER: Final = 32_768
"""The longest header that is used, in characters."""

FIELDS: Final = re.compile(r"\ufeff?#[Ff]ields:?[ \t]*")
"""What a header begins with."""

_KEY: Final = "#"  # what the header in effect is called in the memory of a file
_MARKS: Final = ("#", "\ufeff")


def header_of(text: str) -> str | None:
    """Return the header that *text* is, None if it is none; it goes before the next records.

    One that is too long comes back without its names, so that no record is read by the one before.
    """
    found = FIELDS.match(text)
    if found is None or "\n" in text:
        return None
    return text if len(text) <= MAX_HEADER else found.group()


def with_header(raw: bytes, memory: Mapping[str, str]) -> bytes:
    """Return the record *raw* with the header in front that *memory* holds, if it holds one."""
    header = memory.get(_KEY)
    return raw if header is None else header.encode("utf-8", "replace") + b"\n" + raw


def header_above(memory: Mapping[str, str]) -> str:
    """Return what *memory* puts in front of a record: a header with its line end, or nothing."""
    header = memory.get(_KEY)
    return "" if header is None else f"{header}\n"


def split_header(raw: bytes) -> tuple[str | None, bytes]:
    """Return the header in front of the record *raw*, if there is one, and the record."""
    header, _, rest = raw.partition(b"\n")
    found = header_of(header.decode("utf-8", "replace")) if rest else None
    return (None, raw) if found is None else (found, rest)


def under_header(parse: Parse, explain: Explain, name: str) -> Callable[[Memory], Work]:
    """Return what makes of *parse* and *explain* a grammar that follows the headers of a file."""

    def at_work(memory: Memory) -> Work:
        def parse_here(text: str, now_us: int) -> Parsed | None:
            if text[:1] in _MARKS and (header := header_of(text)) is not None:
                memory[_KEY] = header
                return Dropped(name, {}, None)
            above = memory.get(_KEY)
            return parse(text if above is None else f"{above}\n{text}", now_us)

        def explain_here(text: str, now_us: int) -> Mismatch:
            above = memory.get(_KEY)
            if above is None:
                return explain(text, now_us)
            miss = explain(f"{above}\n{text}", now_us)
            return replace(miss, column=max(1, miss.column - len(above) - 1))

        return Work(parse_here, explain_here)

    return at_work
