"""Remedies for a name that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHORT_LIST = 16


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return what to write instead of *word*: the nearest of *known*, or all when they are few."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    near = near or [name for name in names if name.lower() == word.lower()]
    if near:
        return f"did you mean {near[0]!r}?"
    return "known: " + ", ".join(names) if 0 < len(names) <= _SHORT_LIST else ""
