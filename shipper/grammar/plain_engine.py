r"""How plain expressions are matched: by Python's own engine, a third quicker, where both agree.

The texts that come here are printable and hold no backslash, so an expression need not exclude
what they can't have; what excludes a single sign is searched by a loop of a few instructions.
`regex` has time limits, recursion, classes of Unicode; most expressions that grammars come to need
none of these, and mean the same to `re`.

Rule 1: `re` is only taken for an expression that it compiles without a warning, and in which no
        construct stands that the two read in different ways: flags inside, back-references.
Rule 2: what is possessive has one way to match. Some releases of CPython 3.11 and 3.12 go wrong
        where there is a choice, or a field, inside (issues 101955 and 106052); so do atomic groups.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, Final

from shipper.grammar.grok import Compiled
from shipper.grammar.lint.tree import Concatenation, Group, Node, Repeat, Signs, children, read_tree
from shipper.grammar.syntax import Piece, is_lookaround, pieces
from shipper.grammar.time_limit import HELD

_SPACES: Final = {r"\s": " ", r"\S": "[^ ]"}


def quickest(compiled: Compiled) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the `fullmatch` of *compiled*, and what it is to be called with after the text.

    The text has to be printable and without a backslash.
    """
    if _means_the_same(compiled.expression):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return re.compile(_for_printable(compiled.expression), re.ASCII).fullmatch, ()
        except (re.error, OverflowError, RecursionError, Warning):
            pass  # only `regex` knows how to read it
    return compiled.pattern.fullmatch, HELD


def _for_printable(expression: str) -> str:
    r"""Return what means the same in a text whose only white space is the space, and without \\."""
    return "".join(_shorter(piece) for piece in pieces(expression))


def _shorter(piece: Piece) -> str:
    if piece.text in _SPACES:
        return _SPACES[piece.text]
    if piece.kind != "set" or not piece.text.startswith("[^"):
        return piece.text
    signs = re.findall(r"\\.|.", piece.text[2:-1], re.DOTALL)
    others = [sign for sign in signs if sign != r"\\"]
    return f"[^{''.join(others)}]" if others and "-" not in others else piece.text


def _means_the_same(expression: str) -> bool:
    parts = list(pieces(expression))
    opened = {piece.text for piece in parts if piece.kind in ("open", "named")}
    named = {text for text in opened if text.startswith("(?P<")}
    strange = any(not is_lookaround(text) for text in opened - named - {"(", "(?:", "(?s:"})
    if strange or any(piece.kind == "backref" for piece in parts):
        return False
    return "{e" not in expression and all(map(_simple, _nodes(read_tree(expression))))


def _simple(node: Node) -> bool:
    possessive = isinstance(node, Repeat) and node.mode == "possessive"
    return not possessive or all(map(_rigid, _nodes(node)[1:]))


def _rigid(node: Node) -> bool:
    plain = isinstance(node, Group) and not node.name
    return plain or isinstance(node, Signs | Concatenation)


def _nodes(node: Node) -> list[Node]:
    found = [node]
    for each in found:
        found += [each.body] if isinstance(each, Group) else children(each)
    return found
