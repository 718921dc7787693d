"""Static rules: which repeats of an expression might share the same text out in many ways.

Rule 1 (chain): a repeat that gives back, and behind it another repeat that takes the same
        characters, with nothing between them that these characters can't be. Each place where the
        first one might end costs the second one a walk.
Rule 2 (nested): a repeat inside another, where a round of the outer one may begin inside what the
        inner one walks over: because the inner one gives back, because another branch takes the
        same characters, or because it only looks ahead ("ahead").
Rule 3 (ambiguous): a repeat that gives back, over branches that may take the same text.
Rule 4: what an atomic group or a possessive repeat has taken is never given back, so a repeat
        inside is no first link of a chain to what stands outside.
Rule 5: a suspect is no proof. It carries a text to pump, and `pump` measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from shipper.grammar.lint.signs import one_of
from shipper.grammar.lint.tree import (
    Alternation,
    Concatenation,
    Group,
    Node,
    Repeat,
    Signs,
    children,
)
from shipper.grammar.lint.witness import all_signs, first_signs, joined, witness

Rule = Literal["chain", "nested", "ahead", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Suspect:
    """Two repeats, from offsets `first` and `second` of the expression, and the text to pump.

    `mark` is the text that ends the first one, as far as it is the same in every match. `before` is
    a text that leads to it, `after` one that would complete the match, as far as that can be said.
    `trail` are the nodes on the way to it, the outermost first.
    """

    rule: Rule
    first: Repeat
    second: Repeat
    before: str
    mark: str
    pump: str
    after: str
    trail: tuple[Node, ...]


def suspects(root: Node) -> Iterator[Suspect]:
    """Yield what the rules find in the tree *root*, each pair once."""
    for trail in _trails(root, ()):
        repeat = trail[-1]
        if isinstance(repeat, Repeat) and repeat.endless:
            yield from _nested(trail)
            yield from _ambiguous(trail)
            yield from _chains(trail)


def _trails(node: Node, above: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """Yield the way to each node, from the root to the node itself."""
    trail = (*above, node)
    yield trail
    for child in children(node):
        yield from _trails(child, trail)


def _chains(trail: tuple[Node, ...]) -> Iterator[Suspect]:
    """Apply rule 1 with the repeat at the end of *trail* as the first link."""
    first = trail[-1]
    if not isinstance(first, Repeat) or first.mode == "possessive":
        return
    taken = all_signs(first.body)
    before = lead(trail)
    seen: set[int] = set()
    for way in _followers(trail):
        second = way[-1]
        if not isinstance(second, Repeat) or second.start in seen:
            continue
        shared = taken & all_signs(second.body)
        gap = joined([witness(node, shared) for node in way[:-1]])
        fill = one_of(shared)
        if gap is not None and fill:
            seen.add(second.start)
            yield Suspect(
                "chain", first, second, before, _mark(way[:-1]), gap + fill, _after(trail), trail
            )


def _mark(between: Sequence[Node]) -> str:
    """Return the text that every text of *between* begins with."""
    text = ""
    for node in between:
        inner = node.items if isinstance(node, Concatenation) else [node]
        for item in inner:
            if not isinstance(item, Signs) or item.mask.bit_count() != 1:
                return text
            text += one_of(item.mask)
    return text


def _followers(trail: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """Yield endless repeats behind the end of *trail*, each with the nodes in between."""
    between: tuple[Node, ...] = ()
    for above, inner in zip(reversed(trail[:-1]), reversed(trail), strict=False):
        if isinstance(above, Group) and (above.atomic or above.look):
            return
        if isinstance(above, Repeat) and above.mode == "possessive":
            return
        if isinstance(above, Concatenation):
            index = next(i for i, item in enumerate(above.items) if item is inner)
            for item in above.items[index + 1 :]:
                yield from ((*between, *way) for way in _endless(item))
                between = (*between, item)


def _endless(node: Node) -> Iterator[tuple[Node, ...]]:
    """Yield the endless repeats in *node*, each with what of the node stands before it."""
    if isinstance(node, Repeat) and node.endless:
        yield (node,)
    if isinstance(node, Concatenation):
        for index, item in enumerate(node.items):
            yield from ((*node.items[:index], *way) for way in _endless(item))
    else:
        for child in children(node):
            yield from _endless(child)


def _nested(trail: tuple[Node, ...]) -> Iterator[Suspect]:
    """Apply rule 2 with the repeat at the end of *trail* as the outer one."""
    outer = trail[-1]
    if not isinstance(outer, Repeat):
        return
    eaten = all_signs(outer.body)
    before = lead(trail)
    for way in _trails(outer.body, ()):
        inner = way[-1]
        if not (isinstance(inner, Repeat) and inner.endless and _may_begin_inside(outer, way)):
            continue
        shared = all_signs(inner.body) & eaten
        trigger = joined([witness(node, shared) for node in _earlier(way)])
        rest = joined([witness(node, shared) for node in _later(way)])
        fill = one_of(shared)
        if trigger is not None and fill and (rest is not None or _has_choice(way)):
            ahead = any(isinstance(node, Group) and node.look for node in way)
            pump = trigger + fill + ("" if ahead else rest or "")
            rule: Rule = "ahead" if ahead else "nested"
            yield Suspect(rule, outer, inner, before, "", pump, _after(trail), trail)


def _ambiguous(trail: tuple[Node, ...]) -> Iterator[Suspect]:
    """Apply rule 3 with the repeat at the end of *trail*."""
    outer = trail[-1]
    body = outer.body if isinstance(outer, Repeat) else outer
    while isinstance(body, Group) and not body.look:
        body = body.body
    if not isinstance(outer, Repeat) or not isinstance(body, Alternation):
        return
    if outer.mode == "possessive":
        return
    for index, one in enumerate(body.branches):
        for other in body.branches[index + 1 :]:
            shared = all_signs(one) & all_signs(other)
            texts = [text for branch in (one, other) if (text := witness(branch, shared))]
            if len(texts) == 2 and first_signs(one) & first_signs(other):
                pump = max(texts, key=len)
                yield Suspect(
                    "ambiguous", outer, outer, lead(trail), "", pump, _after(trail), trail
                )
                return


def _may_begin_inside(outer: Repeat, way: tuple[Node, ...]) -> bool:
    """Say whether a round of *outer* may begin inside what the end of *way* has walked over."""
    for above, inner in zip(way, [*way[1:], None], strict=True):
        if isinstance(above, Group) and above.look:
            return True
        if isinstance(above, Alternation) and inner is not None:
            mine = first_signs(inner)
            others = [first_signs(branch) for branch in above.branches if branch is not inner]
            if any(mine & other for other in others):
                return True
        if isinstance(above, Repeat) and above.mode != "possessive" and above.high > 1:
            return outer.mode != "possessive" or inner is not None or _goes_on(way)
    return False


def _goes_on(way: tuple[Node, ...]) -> bool:
    """Say whether something has to follow the end of *way* inside the round."""
    return any(witness(item) != "" for item in _later(way))


def _has_choice(way: tuple[Node, ...]) -> bool:
    return any(
        isinstance(node, Alternation) or (isinstance(node, Group) and node.look) for node in way
    )


def _later(way: tuple[Node, ...]) -> Iterator[Node]:
    """Yield what stands behind the end of *way* on it, as far as it takes text."""
    for above, inner in zip(reversed(way[:-1]), reversed(way), strict=False):
        if isinstance(above, Concatenation):
            index = next(i for i, item in enumerate(above.items) if item is inner)
            yield from above.items[index + 1 :]


def _earlier(way: tuple[Node, ...]) -> Iterator[Node]:
    """Yield what stands before the end of *way* on it."""
    for above, inner in pairwise(way):
        if isinstance(above, Concatenation):
            for item in above.items:
                if item is inner:
                    break
                yield item


def lead(trail: tuple[Node, ...]) -> str:
    """Return a text that leads to the end of *trail*."""
    return joined([witness(node) for node in _earlier(trail)]) or ""


def _after(trail: tuple[Node, ...]) -> str:
    """Return a text that may follow the end of *trail*."""
    return joined([witness(node) for node in _later(trail)]) or ""


def named(trail: Sequence[Node]) -> str:
    """Return the name of the innermost group on *trail* that has one, or nothing."""
    names = [node.name for node in trail if isinstance(node, Group) and node.name]
    return names[-1] if names else ""
