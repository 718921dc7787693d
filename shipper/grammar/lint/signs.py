"""Sets of characters, as bits over a small alphabet that stands for all characters.

Rule 1: the regex engine itself says which characters a class, an escape or a literal takes, so
        every notation it knows is understood.
Rule 2: the alphabet has all of ASCII and one or two of each other kind: letters, digits, blanks and
        line ends beyond ASCII. A set that tells characters apart which stand for each other here
        is taken for what it says of the one that stands.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import regex

from shipper.grammar.grok import FLAGS

# From the most to the least welcome in an example: letters, digits, signs, then what is odd.
_FAVOURITES: Final = "ax0A1bZ9_-. /:,;=\"'[](){}<>|\\"
ALPHABET: Final = (
    *_FAVOURITES,
    *(chr(code) for code in range(128) if chr(code) not in _FAVOURITES),
    *("é", "\xa0", "\x85", "٣", "\u2028", "中", "\U0001f600"),
)
ALL: Final = (1 << len(ALPHABET)) - 1


@lru_cache(maxsize=8192)
def signs(text: str, flags: str = "") -> int:
    """Return the set of characters that the expression *text*, one character wide, takes.

    *flags* are inline flags such as ``i`` and ``s``. Raises regex.error.
    """
    pattern = regex.compile(f"(?{flags}:{text})" if flags else text, FLAGS)
    return sum(1 << index for index, sign in enumerate(ALPHABET) if pattern.fullmatch(sign))


def one_of(mask: int) -> str:
    """Return the most welcome character of a set, or nothing if it is empty."""
    return ALPHABET[(mask & -mask).bit_length() - 1] if mask else ""


def mask_of(text: str) -> int:
    """Return the set of the characters in *text*, as far as the alphabet has them."""
    return sum(1 << index for index, sign in enumerate(ALPHABET) if sign in text)
