"""Cuts the text of a pattern into pieces: grok references and the parts of a regular expression.

Rule 1: the pieces joined are the text again, character for character.
Rule 2: nothing is judged here; what is no valid expression comes out as literals, and the regex
compiler names the mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """One piece: its kind, its text, and where it starts.

    Kinds: ref, named, backref, open, close, bar, quantifier, escape, set, comment, literal.
    `open` is any other group opening, such as ``(``, ``(?:`` or ``(?<=``.
    """

    kind: str
    text: str
    start: int


_PIECE = re.compile(
    r"""
    (?P<ref> %\{ [^{}=]* (?: = (?: [^{}\\] | \\. | \{ [^{}]* \} )* )? \}? )
  | (?P<backref> \\k<[^>]*> | \\k\{[^}]*\} | \\g<[^>]*> | \(\?P=[^)]*\) | \\[1-9] )
  | (?P<escape> \\ (?: x[0-9A-Fa-f]{2} | u[0-9A-Fa-f]{4} | [pPN]\{[^}]*\} | . ) )
  | (?P<set> \[ \^? \]? (?: \[:\^?\w+:\] | \\. | [^\]\\] )* \] )
  | (?P<comment> \(\?\# [^)]* \) )
  | (?P<named> \(\?P?<(?![=!])[^>]*> )
  | (?P<open> \( (?: \? (?: [:>|=!&] | <[=!] | P> | \( | R | [a-zA-Z-]+:? )? )? )
  | (?P<close> \) )
  | (?P<bar> \| )
  | (?P<quantifier> (?: [*+?] | \{ (?: \d+ (?:,\d*)? | ,\d+ ) \} ) [?+]? )
  | (?P<literal> . )
    """,
    re.VERBOSE | re.DOTALL,
)

_ZERO_WIDTH_ESCAPES = frozenset([r"\b", r"\B", r"\A", r"\Z", r"\z", r"\G", r"\m", r"\M", r"\K"])
_FLAGS = re.compile(r"\(\?([a-z-]+)(:?)")
_LOOKAROUNDS = frozenset(["(?=", "(?!", "(?<=", "(?<!"])


def pieces(text: str) -> Iterator[Piece]:
    """Yield the pieces of *text* from left to right."""
    for found in _PIECE.finditer(text):
        yield Piece(found.lastgroup or "literal", found.group(), found.start())


def may_repeat_zero(quantifier: str) -> bool:
    """Say whether what *quantifier* follows may be missing: ``?``, ``*``, ``{0,3}``, ``{,3}``."""
    return quantifier[0] in "?*" or re.match(r"\{0*[,}]", quantifier) is not None


def is_lookaround(opening: str) -> bool:
    """Say whether *opening* begins a group that takes no text itself."""
    return opening in _LOOKAROUNDS


def is_switch(opening: str) -> bool:
    """Say whether *opening* turns flags on for the rest of its group, as ``(?i)`` does."""
    flags = _FLAGS.fullmatch(opening)
    return flags is not None and not flags[2]


def with_our_flags(opening: str) -> str:
    """Return *opening* with Oniguruma's m, under which the dot takes line ends, as our s."""
    return opening.replace("m", "s") if _FLAGS.fullmatch(opening) else opening


def without_zero_width(text: str) -> str:
    """Return *text* without anchors, word boundaries and lookarounds, which take no characters."""
    kept: list[str] = []
    skipped = 0  # groups open inside a lookaround, itself included
    for piece in pieces(text):
        opens = piece.kind in ("open", "named")
        if skipped:
            skipped += opens - (piece.kind == "close")
        elif is_lookaround(piece.text):
            skipped = 1
        elif piece.text not in _ZERO_WIDTH_ESCAPES and piece.text not in ("^", "$"):
            kept.append(piece.text)
    return "".join(kept)
