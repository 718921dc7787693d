r"""What a text must have before an expression can match it: its first character, and literals.

Rule 1: a filter never says no to a text that the expression matches. What is not understood here
(some flags, back references) counts as "may be anything".
Rule 2: a filter is cheap: a character in a set, and some ``in``.
Rule 3: literals are ASCII in lower case, and are looked for in the text in lower case, so that
groups which ignore case have literals too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import regex

from shipper.grammar.grok import FLAGS
from shipper.grammar.syntax import Piece, is_lookaround, may_repeat_zero, pieces

OTHER: Final = "other"
"""Stands for every character that is not ASCII, and for the lack of one."""

ANY: Final = frozenset([*map(chr, range(128)), OTHER])
_MOST: Final = 40  # literals of which one has to be there: more would cost more than a match
_LEAST: Final = 2  # characters of a literal that is worth a look

Literals = tuple[str, ...]
"""Texts of which one has to be there; empty where nothing is known."""


@dataclass(frozen=True, slots=True)
class Prefilter:
    """What every record of a grammar has.

    `first` holds the characters that it may begin with, and OTHER. Of each tuple in `needs` one
    text has to be in it.
    """

    first: frozenset[str] = ANY
    needs: tuple[Literals, ...] = ()

    def passes(self, text: str) -> bool:
        """Say whether *text* may be such a record."""
        begin = text[:1] if text and text[0].isascii() else OTHER
        low = text.lower()
        return begin in self.first and all(
            any(literal in low for literal in literals) for literals in self.needs
        )

    def may_be_blank(self) -> bool:
        """Say whether a text of white space alone may pass."""
        inked = any(all(map(str.strip, literals)) for literals in self.needs)
        return not inked and any(sign == OTHER or sign.isspace() for sign in self.first)

    def also(self, needs: Iterable[Literals]) -> Prefilter:
        """Return the filter that asks for *needs* too."""
        return Prefilter(self.first, tuple(dict.fromkeys((*self.needs, *needs))))


EVERYTHING: Final = Prefilter()


def of_expressions(expressions: Sequence[str]) -> Prefilter:
    """Return what every text has that one of *expressions* matches as a whole."""
    return either([_of_expression(expression) for expression in expressions])


def either(filters: Sequence[Prefilter]) -> Prefilter:
    """Return what every text has that passes one of *filters*."""
    first = frozenset[str]().union(*(each.first for each in filters))
    literals = _one_of([_best(each.needs) for each in filters])
    return Prefilter(first, (literals,) if literals else ())


def _of_expression(expression: str) -> Prefilter:
    if re.search(r"\(\?[a-zA-Z-]+\)", expression):
        return EVERYTHING  # flags for all that follows
    node = _Parser(expression).alternatives()
    first = ANY if node.empty else node.first
    return Prefilter(first, (node.choice,) if node.choice else ())


def _best(found: Iterable[Literals]) -> Literals:
    """Return the literals that say most: the longest, then the fewest."""
    return max(found, key=lambda each: (min(map(len, each)), -len(each)), default=())


def _one_of(choices: Sequence[Literals]) -> Literals:
    """Return the literals of all *choices*, if each has some and they are not too many."""
    every = sorted({literal for choice in choices for literal in choice}, key=_by_length)
    least: list[str] = []
    for literal in every:  # one that holds another says nothing more
        if not any(shorter in literal for shorter in least):
            least.append(literal)
    return tuple(least) if all(choices) and len(least) <= _MOST else ()


def _by_length(literal: str) -> tuple[int, str]:
    return len(literal), literal


class _Node(NamedTuple):
    """What is known of a part of an expression.

    `first` holds the characters it may begin with, `empty` says that it may match nothing,
    `choice` are literals of which one stands in whatever it matches.
    """

    first: frozenset[str]
    empty: bool
    choice: Literals = ()


_NOTHING = _Node(frozenset(), empty=True)
_UNKNOWN = _Node(ANY, empty=True)


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, expression: str) -> None:
        self._pieces = list(pieces(expression))
        self._at = 0

    def alternatives(self) -> _Node:
        """Read up to the closing parenthesis, or the end."""
        branches = [self._sequence()]
        while self._kind() == "bar":
            self._at += 1
            branches.append(self._sequence())
        first = frozenset[str]().union(*(branch.first for branch in branches))
        choice = _one_of([branch.choice for branch in branches])
        return _Node(first, any(branch.empty for branch in branches), choice)

    def _kind(self) -> str:
        return self._pieces[self._at].kind if self._at < len(self._pieces) else "close"

    def _sequence(self) -> _Node:
        sequence = _Sequence()
        while self._kind() not in ("bar", "close"):
            piece = self._pieces[self._at]
            self._at += 1
            node = self._item(piece)
            if self._kind() == "quantifier":
                optional = may_repeat_zero(self._pieces[self._at].text)
                self._at += 1
                sequence.repeated(node, optional=optional)
            else:
                sequence.add(node, _literal(piece))
        return sequence.node()

    def _item(self, piece: Piece) -> _Node:
        match piece.kind:
            case "open" | "named":
                inner = self.alternatives()
                self._at += 1  # the closing parenthesis
                if is_lookaround(piece.text):
                    return _NOTHING
                return _flagged(piece.text, inner)
            case "backref":
                return _UNKNOWN
            case _:
                return _single(piece)


class _Sequence:
    """What is known of parts that follow each other."""

    def __init__(self) -> None:
        self._first: frozenset[str] = frozenset()
        self._empty = True
        self._run = ""
        self._found: list[Literals] = []

    def add(self, node: _Node, literal: str | None) -> None:
        """Add a part that stands once; *literal* is its text, if it is one character."""
        self._begin(node)
        if literal is not None and literal.isascii():
            self._run += literal.lower()
        elif node is not _NOTHING:  # what takes no text interrupts no literal
            self._break(node.choice)

    def repeated(self, node: _Node, *, optional: bool) -> None:
        """Add a part that stands any number of times."""
        self._begin(_Node(node.first, empty=node.empty or optional))
        self._break(() if optional else node.choice)

    def node(self) -> _Node:
        """Return what is known of all parts together."""
        self._break(())
        return _Node(self._first, self._empty, _best(self._found))

    def _begin(self, node: _Node) -> None:
        if self._empty:
            self._first |= node.first
            self._empty = node.empty

    def _break(self, choice: Literals) -> None:
        if len(self._run) >= _LEAST:
            self._found.append((self._run,))
        self._run = ""
        if choice:
            self._found.append(choice)


def _literal(piece: Piece) -> str | None:
    """Return the character that *piece* stands for, if it is one."""
    if piece.kind == "literal" and piece.text not in (".", "^", "$"):
        return piece.text
    if piece.kind == "escape" and len(piece.text) == 2 and not piece.text[1].isalnum():
        return piece.text[1]
    return None


def _single(piece: Piece) -> _Node:
    character = _literal(piece)
    if character is not None:
        return _Node(frozenset([character if character.isascii() else OTHER]), empty=False)
    if piece.kind == "comment" or piece.text in _ZERO_WIDTH:
        return _NOTHING
    return _Node(_members(piece.text), empty=False)


_ZERO_WIDTH: Final = frozenset(["^", "$", *(f"\\{letter}" for letter in "bBAZzGmMK")])


def _flagged(opening: str, inner: _Node) -> _Node:
    """Return what is known of a group that may change how letters and dots match."""
    flags = re.fullmatch(r"\(\?([a-zA-Z-]+):", opening)
    if flags is None:
        return inner
    if not set(flags[1]) <= set("is"):
        return _UNKNOWN
    more = {"\n", *(c.swapcase() for c in inner.first if len(c) == 1)}
    return inner._replace(first=inner.first | more)


_FAR: Final = "é٣\u2028\U0001f600"  # a class of ASCII alone takes none of these


@lru_cache(maxsize=4096)
def _members(text: str) -> frozenset[str]:
    """Return the characters that a class such as ``[^"]`` or ``\\d`` takes."""
    try:
        match = regex.compile(text, FLAGS).fullmatch
    except regex.error:
        return ANY
    found = frozenset(c for c in map(chr, range(128)) if match(c))
    plain = text.isascii() and not re.search(r"\\[xuN]", text) and not any(map(match, _FAR))
    return found if plain else found | {OTHER}
