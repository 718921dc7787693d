"""A mistake in a grammar file, before its place in the file is looked up."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A mistake at a path inside the file: what is wrong, and what to do about it."""

    path: tuple[str | int, ...]
    what: str
    remedy: str = ""
