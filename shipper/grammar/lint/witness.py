"""Writes texts that parts of an expression match, out of given characters where that matters.

Rule 1: a text is as short as the part allows. Look-arounds and borders are not heeded: whoever uses
        a text asks the engine whether it leads anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from shipper.grammar.lint.signs import ALL, one_of
from shipper.grammar.lint.tree import (
    Alternation,
    Concatenation,
    Group,
    Node,
    Nothing,
    Repeat,
    Signs,
    children,
)

_LONGEST = 4096


def witness(node: Node, mask: int = ALL) -> str | None:
    """Return a text that *node* matches, made of characters in *mask*; None if there is none."""
    match node:
        case Signs():
            return one_of(node.mask & mask) or None
        case Concatenation():
            return joined([witness(item, mask) for item in node.items])
        case Alternation():
            open_ = [branch for branch in node.branches if not _must_end(branch)] or node.branches
            texts = [text for branch in open_ if (text := witness(branch, mask)) is not None]
            return min(texts, key=len, default=None)
        case Repeat():
            return _repeated(node, mask)
        case Group():
            return "" if node.look else witness(node.body, mask)
        case _:
            return ""


def _must_end(node: Node) -> bool:
    """Say whether no text may follow *node*."""
    match node:
        case Nothing():
            return node.last
        case Concatenation():
            return any(map(_must_end, node.items))
        case Alternation():
            return all(map(_must_end, node.branches))
        case Group():
            return not node.look and _must_end(node.body)
        case _:
            return False


def joined(texts: Sequence[str | None]) -> str | None:
    """Return the texts as one, or None if one of them is missing."""
    found = [text for text in texts if text is not None]
    return "".join(found) if len(found) == len(texts) else None


def _repeated(node: Repeat, mask: int) -> str | None:
    if node.low == 0:
        return ""
    text = witness(node.body, mask)
    return None if text is None else (text * node.low)[:_LONGEST]


def all_signs(node: Node) -> int:
    """Return every character that may stand somewhere in what *node* matches."""
    if isinstance(node, Signs):
        return node.mask
    mask = 0
    for child in () if isinstance(node, Group) and node.look else children(node):
        mask |= all_signs(child)
    return mask


def first_signs(node: Node) -> int:
    """Return every character that what *node* matches may begin with."""
    if isinstance(node, Signs):
        return node.mask
    mask = 0
    for child in () if isinstance(node, Group) and node.look else children(node):
        mask |= first_signs(child)
        if isinstance(node, Concatenation) and witness(child) != "":
            break
    return mask
