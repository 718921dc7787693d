r"""Ruby's regular expressions (Onigmo), which Logstash and Fluent Bit use, as our patterns.

Rule 1: what means the same stays as it is: named groups, possessive repeats, atomic groups,
        ``\h``, ``(?m)``, ASCII classes. The grok compiler takes these as Onigmo does.
Rule 2: what would mean something else is rewritten, or is an error; nothing changes its meaning
        silently.
Rule 3: the other shippers search a pattern in a line, ours takes whole records. `anchors` says
        which ends of a pattern are tied already, and `searched` adds what else there may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from shipper.grammar.reference import GrokError
from shipper.grammar.syntax import Piece, is_switch, pieces

_ESCAPE = re.compile(
    r"\\(?:x\{(?P<code>[0-9A-Fa-f]{1,8})\}|p\{\^(?P<no>\w+)\}|k'(?P<ref>\w+)'|.)", re.DOTALL
)
_QUOTED_NAME = re.compile(r"'(\w+)'")
_ESCAPES: Final = {
    r"\H": "[^0-9A-Fa-f]",
    r"\R": r"(?>\r\n|[\n\x0b\f\r])",
    r"\e": r"\x1b",
    r"\z": r"\Z",
    r"\Z": r"(?=\n?\Z)",
}
_REFUSED: Final = {r"\G": "the end of the last match", r"\K": "a match that begins later"}
_FLAGS: Final = frozenset("imx")
_BEFORE: Final = "(?s:.*?)"
_BEHIND: Final = "(?s:.*)"
# Where the pattern takes all of a line by itself, what is added takes other lines only.
_LINES_BEFORE: Final = r"(?:.*\n)*?"
_LINES_BEHIND: Final = r"(?:\n(?s:.*))?+"
_TAKES_LINE: Final = re.compile(r"(?:\.\*\??|%\{(?:GREEDY)?DATA\b[^{}]*\})(?![+*?{])")

ASCII_ONLY: Final = "takes letters and digits of ASCII only, where it took those of all scripts"


class Anchors(NamedTuple):
    """Which ends of a pattern are tied to those of the line; `body` is what stands between."""

    start: bool
    end: bool
    body: str


def ours(text: str) -> str:
    """Return Onigmo's expression *text* as a pattern of ours. Raises GrokError."""
    return "".join(_translated(list(pieces(_unescaped(text)))))


def from_slashes(text: str) -> str:
    """Return the expression in ``/…/imx`` with its flags inside; another text stays."""
    found = re.fullmatch(r"/(.*)/([a-z]*)", text, re.DOTALL)
    if found is None:
        return text
    if set(found[2]) - _FLAGS:
        raise GrokError(f"has unknown flags {found[2]!r}", "known: i, m, x")
    return f"(?{found[2]}){found[1]}" if found[2] else found[1]


def without_references(text: str) -> str:
    """Return *text*, which knows no ``%{…}``, so that the grok compiler sees none either."""
    return text.replace("%{", r"%\{")


def anchors(text: str) -> Anchors:
    """Say which ends of *text* are tied, and return it without what ties them."""
    parts = list(pieces(text))
    flags = 0
    while flags + 1 < len(parts) and is_switch(parts[flags].text):
        flags += 2  # the switch and its parenthesis
    if any(piece.kind == "bar" for piece, depth in _depths(parts) if depth == 0):
        return Anchors(start=False, end=False, body=f"(?:{text})")
    head, rest = parts[:flags], parts[flags:]
    start = bool(rest) and rest[0].text in ("^", r"\A")
    rest = rest[1:] if start else rest
    end = bool(rest) and rest[-1].text in ("$", r"\Z", r"(?=\n?\Z)", r"\z")
    if not end and "".join(piece.text for piece in rest[-5:]).endswith(r"(?=\n?\Z)"):
        end, rest = True, rest[:-5]
    elif end:
        rest = rest[:-1]
    return Anchors(start, end, "".join(piece.text for piece in (*head, *rest)))


def searched(text: str) -> str:
    """Return a pattern that takes each record in which *text* is found, and no more than it did."""
    found = anchors(text)
    start = end = ""
    if not found.start:
        start = _LINES_BEFORE if _TAKES_LINE.match(found.body) else _BEFORE
    if not found.end:
        end = _LINES_BEHIND if _ends_with_all(found.body) else _BEHIND
    return f"{start}{found.body}{end}"


def ascii_only(text: str) -> list[str]:
    """Return what in the expression *text* takes letters of all scripts in Ruby, not so here."""
    return list(dict.fromkeys(re.findall(r"\[:\^?\w+:\]|\\[pP]\{[^}]*\}", text)))


def _ends_with_all(text: str) -> bool:
    """Say whether *text* always ends by taking the rest of a line, whatever it is."""
    parts = list(pieces(text))
    while parts and parts[-1].kind == "close":
        parts.pop()
    branches = [False]  # whether each of the groups that are open has a bar
    for piece in parts:
        if piece.kind in ("open", "named"):
            branches.append(False)
        elif piece.kind == "close" and len(branches) > 1:
            branches.pop()
        elif piece.kind == "bar":
            branches[-1] = True
    last = [piece.text for piece in parts[-2:]]
    named = bool(last) and re.fullmatch(r"%\{GREEDYDATA\b[^{}]*\}", last[-1])
    return not any(branches) and (last == [".", "*"] or bool(named))


def _unescaped(text: str) -> str:
    def written(found: re.Match[str]) -> str:
        if found["code"]:
            return f"\\U{int(found['code'], 16):08x}"
        if found["no"]:
            return f"\\P{{{found['no']}}}"
        return f"\\k<{found['ref']}>" if found["ref"] else found[0]

    return _ESCAPE.sub(written, text)


def _translated(parts: list[Piece]) -> list[str]:
    """Return the pieces in our words; an atom that a quantifier is put round becomes a group."""
    out: list[str] = []
    opened: list[int] = []
    atom = 0
    skip = 0
    for index, piece in enumerate(parts):
        if skip:
            skip -= 1
            continue
        if piece.kind == "quantifier" and piece.text[0] == "{" and _is_two(piece.text):
            out[atom:] = ["(?:", *out[atom:], piece.text[:-1], ")", piece.text[-1]]
            continue
        if piece.kind == "close":
            atom = opened.pop() if opened else len(out)
        elif piece.kind != "quantifier":
            atom = len(out)
        if piece.kind in ("open", "named"):
            opened.append(len(out))
        text, skip = _one(piece, parts[index + 1 :])
        out.append(text)
    return out


def _is_two(quantifier: str) -> bool:
    """Say whether Ruby reads two quantifiers here: ``{2,3}+``, and ``{2}?``."""
    return quantifier.endswith("+") or bool(re.fullmatch(r"\{\d+\}\?", quantifier))


def _one(piece: Piece, rest: list[Piece]) -> tuple[str, int]:
    """Return what *piece* becomes, and how many of *rest* it takes with it."""
    match piece.kind:
        case "escape" if piece.text in _REFUSED:
            raise GrokError(f"uses {piece.text}, {_REFUSED[piece.text]}", "write it without")
        case "escape":
            return _ESCAPES.get(piece.text, piece.text), 0
        case "set":
            return _set(piece.text), 0
        case "open" if piece.text == "(?":
            return _group(rest)
    return piece.text, 0


def _set(text: str) -> str:
    inside = re.sub(r"\\.|\[:\^?\w+:\]", "", text[1:-1], flags=re.DOTALL)
    if "&&" in inside or "[" in inside:
        raise GrokError(f"has a class inside a class: {text!r}", "write the class out")
    if r"\H" in text or r"\R" in text:
        raise GrokError(f"has \\H or \\R in a class: {text!r}", "write the class out")
    return text.replace(r"\e", r"\x1b")


def _group(rest: list[Piece]) -> tuple[str, int]:
    """Return the opening of a group that only Ruby has: ``(?'name'…)``."""
    following = "".join(piece.text for piece in rest[:130])
    named = _QUOTED_NAME.match(following)
    if named is None:
        what = (
            "an absent group (?~…)" if following.startswith("~") else "a group of an unknown kind"
        )
        raise GrokError(f"uses {what}", "write it without")
    return f"(?<{named[1]}>", len(list(pieces(named[0])))


def _depths(parts: list[Piece]) -> Iterator[tuple[Piece, int]]:
    depth = 0
    for piece in parts:
        depth -= piece.kind == "close"
        yield piece, depth
        depth += piece.kind in ("open", "named")
