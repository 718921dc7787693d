"""Measures how the time of a match grows when a part of the text is repeated.

Rule 1: time is that of this thread's processor, so that a busy machine proves nothing.
Rule 2: no match runs longer than LIMIT seconds; the engine itself stops it.
Rule 3: a pattern is slow if at some length it took more than NOTICEABLE seconds, and four times
        the text took clearly more than four times the time; and that twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

Match = Callable[..., Any]

LIMIT: Final = 0.25
NOTICEABLE: Final = 0.025
STEEP: Final = 1.6
"""The exponent from which growth is no longer taken for linear with noise."""

_NEARLY_STEEP: Final = 1.3
_LONG: Final = 48_000
_FEWEST: Final = 12
_ODD: Final = "\x01"
_NOUGHT: Final = 1e-7
_TOO_STEEP: Final = 16


class Proof(NamedTuple):
    """A text that takes too long: `before`, `pump` again and again, `after`.

    With `rounds` of the pump it took `seconds`, and time grows with the length to the power of
    `exponent`; infinity stands for exponential growth.
    """

    before: str
    pump: str
    after: str
    rounds: int
    seconds: float
    exponent: float

    def text(self, rounds: int | None = None) -> str:
        """Return the text, with *rounds* of the pump instead of those that were measured."""
        return self.before + self.pump * (self.rounds if rounds is None else rounds) + self.after


def measure(match: Match, before: str, pump: str, completion: str = "") -> Proof | None:
    """Return the proof that *match* is slow on *pump* behind *before*, or None if it is not.

    *match* is the `match` or `fullmatch` of a pattern, whichever will be called.

    *completion* is a text that might complete the match: the engine gives up at once on texts
    that lack what every match has, so the slow ones have it, and something odd at the end.
    """
    endings = ("", _ODD, "\n", completion + _ODD, completion)
    for after in dict.fromkeys(endings):
        shape = Proof(before, pump, after, 0, 0.0, 0.0)
        longest = max(_LONG // len(pump), 2 * _FEWEST)
        if not _may_be_steep(match, shape, longest):
            continue
        # Twice: on a busy machine a single measurement may be anything.
        if _grown(match, shape, longest) and (proof := _grown(match, shape, longest)):
            return proof
    return None


def _may_be_steep(match: Match, shape: Proof, longest: int) -> bool:
    """Say whether the longest text takes noticeable time, and more than its length accounts for."""
    if _seconds(match, shape.text(longest), 2 * NOTICEABLE) <= NOTICEABLE:
        return False
    quarter, whole = (_seconds(match, shape.text(count)) for count in (longest // 4, longest))
    return whole >= LIMIT or _slope([quarter, 0.0, whole]) >= _NEARLY_STEEP


def _grown(match: Match, shape: Proof, longest: int) -> Proof | None:
    """Return the proof if time grows steeply where it begins to be noticed."""
    rounds = _FEWEST
    times = [_best(match, shape.text(count)) for count in (rounds // 4, rounds // 2, rounds)]
    while rounds < longest and not _is_clear(times):
        rounds *= 2
        times.append(_best(match, shape.text(rounds)))
    if times[-1] >= LIMIT and max(times[-2], times[-3]) < LIMIT / _TOO_STEEP:
        return shape._replace(rounds=rounds, seconds=times[-1], exponent=math.inf)
    if times[-1] < NOTICEABLE or _slope(times) < STEEP:
        return None
    return shape._replace(rounds=rounds, seconds=times[-1], exponent=_slope(times))


def _is_clear(times: list[float]) -> bool:
    """Say whether more text would tell no more: it is slow, or has taken as long as it may."""
    steep = _slope(times) >= STEEP
    return times[-1] >= LIMIT or (times[-1] >= NOTICEABLE and (steep or times[-1] > LIMIT / 4))


def _slope(times: list[float]) -> float:
    """Return the exponent of the growth over the last two doublings."""
    return math.log2(max(times[-1], _NOUGHT) / max(times[-3], _NOUGHT)) / 2


def _best(match: Match, text: str) -> float:
    first = _seconds(match, text)
    return first if first >= LIMIT else min(first, _seconds(match, text))


def _seconds(match: Match, text: str, limit: float = LIMIT) -> float:
    """Return how long a match of the whole *text* takes; *limit* if it was stopped."""
    begin = time.thread_time()
    try:
        match(text, timeout=limit)
    except TimeoutError:
        return limit
    return time.thread_time() - begin
