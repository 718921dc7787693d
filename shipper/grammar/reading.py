"""One record by one or more grammars, as people and programs are shown what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shipper.grammar.grammar import Work, first_match, furthest
from shipper.grammar.time_limit import LIMIT, SlowMatchError
from shipper.grammar.wording import iso_time
from shipper.model import Dropped, Mismatch, Parsed


def read_record(works: Sequence[Work], text: str, now_us: int) -> Parsed | Mismatch:
    """Return what the first of *works* that takes *text* makes of it, or how far they got."""
    try:
        return first_match(works, text, now_us) or furthest(works, text, now_us)
    except SlowMatchError as slow:
        return Mismatch(slow.grammar, 1, f"a match within {LIMIT} s")


def as_shown(found: Parsed | Mismatch) -> dict[str, Any]:
    """Return *found* as the JSON value that stands for it everywhere."""
    if isinstance(found, Mismatch):
        error = {"grammar": found.grammar, "column": found.column, "expected": found.expected}
        return {"grammar": None, "error": error}
    at = iso_time(found.time_us) if found.time_us is not None else None
    shown = {"grammar": found.grammar, "time": at, "fields": found.fields}
    return {**shown, "filtered": True} if isinstance(found, Dropped) else shown
