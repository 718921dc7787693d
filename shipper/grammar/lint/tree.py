"""Reads a compiled expression into a tree of characters, sequences, choices and repeats.

Rule 1: nothing is judged; an expression that the regex engine took is read, and what this reader
        does not know (a call, a condition) counts as something that takes no text.
Rule 2: every node knows where it begins and ends in the expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import regex

from shipper.grammar.lint.signs import signs
from shipper.grammar.syntax import Piece, is_lookaround, pieces

Mode = Literal["greedy", "lazy", "possessive"]

ENDLESS: Final = 256
"""Repeats that may go on at least so often count as endless."""

_ENDS: Final = frozenset(["$", r"\Z", r"\z"])
_ZERO_WIDTH: Final = _ENDS | {"^", r"\A", r"\b", r"\B", r"\G", r"\m", r"\M", r"\K"}
_COUNTS = re.compile(r"\{(\d*)(,?)(\d*)\}")
_FLAGGED = re.compile(r"\(\?([a-zA-Z]*)(?:-[a-zA-Z]+)?:")


@dataclass(slots=True, kw_only=True)
class Node:
    """A part of an expression, from offset `start` up to `end`."""

    start: int
    end: int = 0


@dataclass(slots=True)
class Signs(Node):
    """One character of a set."""

    mask: int


@dataclass(slots=True)
class Nothing(Node):
    """Something that takes no text: an anchor, a border. After the `last` no text may follow."""

    last: bool = False


@dataclass(slots=True)
class Concatenation(Node):
    """Parts one after the other."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Alternation(Node):
    """One of several branches."""

    branches: list[Node]


@dataclass(slots=True)
class Repeat(Node):
    """A part again and again; what a possessive one has taken it keeps."""

    body: Node
    low: int
    high: int
    mode: Mode

    @property
    def endless(self) -> bool:
        """Say whether there is no limit, or a very high one."""
        return self.high >= ENDLESS


@dataclass(slots=True)
class Group(Node):
    """A part in parentheses: plain, `atomic`, or a `look`, which takes no text itself."""

    body: Node
    atomic: bool = False
    look: bool = False
    name: str = ""


def read_tree(expression: str) -> Node:
    """Return the tree of *expression*, which the regex engine takes."""
    return _Reader(list(pieces(expression)), len(expression)).choice("")


class _Reader:
    """One pass over the pieces."""

    def __init__(self, parts: list[Piece], size: int) -> None:
        self._parts = parts
        self._size = size
        self._at = 0

    def choice(self, flags: str) -> Node:
        """Read up to the parenthesis that closes, or to the end."""
        start = self._offset()
        branches: list[Node] = [self._sequence(flags)]
        while self._peek() == "bar":
            self._at += 1
            branches.append(self._sequence(flags))
        if len(branches) == 1:
            return branches[0]
        return Alternation(branches, start=start, end=self._offset())

    def _sequence(self, flags: str) -> Node:
        sequence = Concatenation(start=self._offset())
        while self._peek() not in ("bar", "close", ""):
            piece = self._parts[self._at]
            self._at += 1
            if (
                switched := re.fullmatch(r"\(\?([a-zA-Z]+)\)?", piece.text)
            ) and piece.kind == "open":
                flags += "".join(set(switched[1].lower()) & set("is"))
                self._at += self._peek() == "close"
                continue
            sequence.items.append(self._repeated(self._item(piece, flags)))
        sequence.end = self._offset()
        return sequence

    def _item(self, piece: Piece, flags: str) -> Node:
        start, end = piece.start, piece.start + len(piece.text)
        if piece.kind in ("open", "named"):
            return self._group(piece, flags)
        if piece.kind in ("comment", "backref") or piece.text in _ZERO_WIDTH:
            return Nothing(last=piece.text in _ENDS, start=start, end=end)
        try:
            return Signs(signs(piece.text, flags), start=start, end=end)
        except regex.error:  # more than one character wide, such as \R or \X
            return Nothing(start=start, end=end)

    def _group(self, piece: Piece, flags: str) -> Node:
        if flagged := _FLAGGED.fullmatch(piece.text):
            flags += "".join(set(flagged[1].lower()) & set("is"))
        body = self.choice(flags)
        self._at += self._peek() == "close"
        named = piece.kind == "named"
        return Group(
            body,
            atomic=piece.text == "(?>",
            look=is_lookaround(piece.text),
            name=re.sub(r"\(\?P?<|>", "", piece.text) if named else "",
            start=piece.start,
            end=self._offset(),
        )

    def _repeated(self, node: Node) -> Node:
        while self._peek() == "quantifier":
            piece = self._parts[self._at]
            self._at += 1
            low, high = _counts(piece.text)
            mode: Mode = {"+": "possessive", "?": "lazy"}.get(piece.text[1:][-1:], "greedy")  # type: ignore[assignment]  # the values are modes
            node = Repeat(node, low, high, mode, start=node.start, end=self._offset())
        return node

    def _peek(self) -> str:
        return self._parts[self._at].kind if self._at < len(self._parts) else ""

    def _offset(self) -> int:
        return self._parts[self._at].start if self._at < len(self._parts) else self._size


def _counts(quantifier: str) -> tuple[int, int]:
    """Return the least and the greatest number of rounds."""
    if found := _COUNTS.match(quantifier):
        low, comma, high = found.groups()
        least = int(low or 0)
        return least, int(high) if high else (ENDLESS * 4 if comma else least)
    return {"*": (0, ENDLESS * 4), "+": (1, ENDLESS * 4), "?": (0, 1)}[quantifier[0]]


def children(node: Node) -> Iterator[Node]:
    """Yield the parts that *node* is made of."""
    match node:
        case Concatenation(items=items):
            yield from items
        case Alternation(branches=branches):
            yield from branches
        case Repeat(body=body) | Group(body=body):
            yield body
        case _:
            return
