"""How far into a text a pattern gets before it fails.

Rule 1: when the first n tokens match at the start of a text, so do the first n-1, so the longest
prefix that matches is found by halving, in a few matches instead of one a token.
Rule 2: only the first 65,536 characters are looked at: people read explanations, and a record of
a megabyte must not cost seconds.
Rule 3: nothing is compiled before the first failure; what is compiled is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from shipper.grammar.grok import FLAGS, Branch, Compiled

END = "end of line"
_SHOWN = 60
_LOOKED_AT = 65_536
_PATIENCE = 0.1  # seconds of processor time
_ANCHORS = frozenset(["^", "$", r"\A", r"\Z", r"\z"])


class Furthest:
    """Finds the furthest match of one pattern."""

    def __init__(self, compiled: Compiled) -> None:
        self._prefixes = [_Prefixes(compiled.expression, branch) for branch in compiled.branches]

    def reach(self, text: str) -> tuple[int, str]:
        """Return the offset up to which *text* was understood, and what should have come next."""
        text = text[:_LOOKED_AT]
        return max((prefixes.reach(text) for prefixes in self._prefixes), key=lambda r: r[0])


class _Prefixes:
    def __init__(self, expression: str, branch: Branch) -> None:
        self._branch = branch
        self._texts = [expression[branch.start : end] for end in (branch.start, *branch.ends)]
        self._compiled: dict[int, regex.Pattern[str] | None] = {}

    def reach(self, text: str) -> tuple[int, str]:
        low, high, reached = 0, len(self._branch.tokens), 0
        while low < high:
            middle = (low + high + 1) // 2
            end = self._end(middle, text)
            if end is None:
                high = middle - 1
            else:
                low, reached = middle, end
        return reached, _as_written(self._branch.tokens, low)

    def _end(self, count: int, text: str) -> int | None:
        """Return where the first *count* tokens end in *text*, or None where they don't match."""
        if count not in self._compiled:
            self._compiled[count] = _compile(self._texts[count])
        pattern = self._compiled[count]
        try:
            found = pattern.match(text, timeout=_PATIENCE) if pattern else None
        except TimeoutError:  # counts as one that does not match
            return None
        return found.end() if found else None


def _compile(expression: str) -> regex.Pattern[str] | None:
    try:
        return regex.compile(expression, FLAGS)
    except regex.error:  # a prefix that can't stand alone counts as one that does not match
        return None


def _as_written(tokens: Sequence[str], index: int) -> str:
    """Return the next token that takes text, as its author wrote it."""
    token = next((token for token in tokens[index:] if token not in _ANCHORS), END)
    if token != token.strip():
        return repr(token)
    return token if len(token) <= _SHOWN else token[:_SHOWN] + "…"
