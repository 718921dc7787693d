"""The time that matching one text may take, and how long a text may be before that is watched.

Rule 1: no match takes longer than LIMIT seconds of processor time; then it is a SlowMatchError,
        which names the grammar, and the record becomes a dead letter of its own kind.
Rule 2: to watch the clock costs as much as half a match. So an expression is judged, once: by how
        often its repeats can share the same text out anew, matching takes at most the text's
        length to some power. The clock is only watched where that could be much.
Rule 3: the judgement errs to the side of care: what it can't follow counts as without bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, Final, NamedTuple

from shipper.grammar.lint.tree import (
    Alternation,
    Concatenation,
    Group,
    Node,
    Repeat,
    Signs,
    read_tree,
)
from shipper.grammar.lint.witness import all_signs, first_signs

LIMIT: Final = 0.5
"""Seconds of processor time for one match."""

_ENDLESS: Final = 9  # stands for a power without bound
ALWAYS_CALM: Final = 1 << 40
_CALM: Final = {0: ALWAYS_CALM, 1: ALWAYS_CALM, 2: 2_000, 3: 160}
"""By the power, how long a text may be that is matched in a few hundredths of a second."""

_FEW: Final = 8  # rounds of an ambiguous part that are still few
HELD: Final = (None, None, False, False)  # pos, endpos, partial, concurrent
"""Arguments of a match that keeps the interpreter's lock. By default `regex` gives it up for each
match, and waits for its turn to have it back: beside one busy thread a match of 2 µs then took
500 µs, and the whole path twice the processor time."""

_WATCHED: Final = (*HELD, LIMIT)

Match = Callable[[str], Any]


class SlowMatchError(TimeoutError):
    """A pattern of `grammar` took longer than LIMIT seconds for one text."""

    def __init__(self, grammar: str) -> None:
        super().__init__(f"matching by {grammar} took more than {LIMIT} s")
        self.grammar = grammar


def in_time(match: Callable[..., Any], expression: str, grammar: str) -> Match:
    """Return *match*, a method of the compiled *expression*, under the limit of time."""
    calm = calm_length(expression)

    def match_in_time(text: str) -> Any:
        if len(text) <= calm:
            return match(text, *HELD)
        return watched(match, text, grammar)

    return match_in_time


def watched(match: Callable[..., Any], text: str, grammar: str) -> Any:
    """Match *text* by the clock. Raises SlowMatchError."""
    try:
        return match(text, *_WATCHED)
    except TimeoutError:
        raise SlowMatchError(grammar) from None


def calm_length(expression: str) -> int:
    """Return how many characters a text may have before the clock is to be watched."""
    return _CALM.get(_effort(read_tree(expression)).power, 0)


class _Effort(NamedTuple):
    """How much a part of an expression can cost.

    `power` is that of the text's length which it may take itself; `gives` in how many places, each
    a walk, what follows may send it back; `looks` the power of what it looks at without taking it.
    """

    power: int = 0
    gives: int = 0
    looks: int = 0


_UNBOUNDED = _Effort(_ENDLESS, _ENDLESS)


def _effort(node: Node, follows: int = 0) -> _Effort:
    """Judge *node*; *follows* are the characters that may stand behind it, 0 if any."""
    match node:
        case Concatenation(items=items):
            return _sequence(items)
        case Alternation(branches=branches):
            efforts = [_effort(branch, follows) for branch in branches]
            return _Effort(*map(max, zip(*efforts, strict=True)))
        case Group(body=body, atomic=atomic, look=look):
            inner = _effort(body, 0 if look else follows)
            if look:
                return _Effort(inner.power, 0, max(inner.power, inner.looks))
            return inner._replace(gives=0) if atomic else inner
        case Repeat():
            return _endless(node, follows) if node.endless else _bounded(node)
        case _:
            return _Effort()


def _sequence(items: Sequence[Node]) -> _Effort:
    power = gives = looks = 0
    for index, item in enumerate(items):
        after = items[index + 1] if index + 1 < len(items) else None
        follows = after.mask if isinstance(after, Signs) else 0
        effort = _effort(item, follows)
        power = max(power, gives + effort.power)
        looks = max(looks, effort.looks)
        gives += effort.gives
    return _Effort(min(power, _ENDLESS), min(gives, _ENDLESS), looks)


def _endless(node: Repeat, follows: int) -> _Effort:
    inner = _effort(node.body)
    power = max(1, inner.power) + (1 if inner.looks else 0)
    if node.mode == "possessive":
        return _Effort(min(power, _ENDLESS), 0, inner.looks)
    if inner.gives or not _one_way(node.body):
        return _UNBOUNDED
    stops = follows and not follows & all_signs(node.body)
    return _Effort(min(power, _ENDLESS), 0 if stops else 1, inner.looks)


def _bounded(node: Repeat) -> _Effort:
    inner = _effort(node.body)
    if node.mode == "possessive":
        return inner._replace(gives=0)
    if node.high > _FEW and not _one_way(node.body):
        return _UNBOUNDED
    return inner._replace(gives=min(inner.gives * max(node.high, 1), _ENDLESS))


def _one_way(node: Node) -> bool:
    """Say whether *node* matches a text in one way at the most."""
    match node:
        case Concatenation(items=items):
            return all(map(_one_way, items))
        case Alternation(branches=branches):
            firsts = [first_signs(branch) for branch in branches]
            apart = all(one and two and not one & two for one, two in combinations(firsts, 2))
            return apart and all(map(_one_way, branches))
        case Group(body=body, atomic=atomic, look=look):
            return atomic or look or _one_way(body)
        case Repeat(body=body, mode=mode, low=low, high=high):
            return mode == "possessive" or (low == high and _one_way(body))
        case _:
            return True
