"""Puts a compiled pattern through the static rules and the pump: which of its repeats are slow.

Rule 1: only what was measured is a finding; what looked slow and was not is none.
Rule 2: a repeat is told once, with the first partner that proves it.
Rule 3: twenty findings are enough for one pattern.
Rule 4: where the text that should lead to a repeat leads nowhere (a look-around forbids it), the
        start of a sample is taken in its place; where there is none, nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import regex

from shipper.grammar.grok import Compiled
from shipper.grammar.lint.pump import Match, Proof, measure
from shipper.grammar.lint.suspects import Suspect, lead, named, suspects
from shipper.grammar.lint.tree import Group, Repeat, read_tree

_SHOWN = 40
_SAMPLES = 3
MOST = 20


class Finding(NamedTuple):
    """A repeat that makes a pattern slow.

    `first` and `second` are the repeats as expressions, `fields` those that they belong to.
    """

    rule: str
    first: str
    second: str
    fields: tuple[str, ...]
    remedy: str
    proof: Proof

    def __str__(self) -> str:
        where = f" (field {', '.join(self.fields)})" if self.fields else ""
        return f"{_MEANINGS[self.rule].format(self.first, self.second)}{where}"


_MEANINGS = {
    "chain": "{} gives back, and {} behind it takes the same characters",
    "nested": "rounds of {} may begin inside what {} in it has walked over",
    "ahead": "each round of {} looks ahead with {}, over the same characters again",
    "ambiguous": "branches of {} take the same text",
}


def lint_pattern(
    compiled: Compiled, lines: Sequence[str] = (), *, whole: bool = True, most: int = MOST
) -> list[Finding]:
    """Return what makes *compiled* slow; *lines* are texts that it takes, such as samples.

    With *whole* it has to take the whole text, else only the start. At most *most* are looked for.
    """
    match = compiled.pattern.fullmatch if whole else compiled.pattern.match
    found: list[Finding] = []
    proven: set[tuple[int, str]] = set()
    for suspect in suspects(read_tree(compiled.expression)):
        key = (suspect.first.start, suspect.rule)
        if key in proven:
            continue
        before = _lead(match, suspect, lines)
        proof = measure(match, before, suspect.pump, suspect.after) if before is not None else None
        if proof is not None:
            proven.add(key)
            found.append(_finding(compiled, suspect, proof))
        if len(found) >= most:
            break
    return found


def _lead(match: Match, suspect: Suspect, lines: Sequence[str]) -> str | None:
    """Return a text that leads to the suspect, or None if none is found."""
    for text in (suspect.before, *_starts(match, suspect, lines)):
        if match(text + suspect.pump, partial=True):
            return text
    return None


def _starts(match: Match, suspect: Suspect, lines: Sequence[str]) -> Iterator[str]:
    """Yield starts of *lines* up to the field of the suspect, and what leads on inside it."""
    name = named(suspect.trail)
    if not name:
        return
    depth = next(
        index
        for index, node in enumerate(suspect.trail)
        if isinstance(node, Group) and node.name == name
    )
    inside = lead(suspect.trail[depth:])
    matches = [found for line in lines if (found := match(line)) and found[name]]
    yield from (found.string[: found.start(name)] + inside for found in matches[:_SAMPLES])


def _finding(compiled: Compiled, suspect: Suspect, proof: Proof) -> Finding:
    first = _text(compiled, suspect.first)
    second = _text(compiled, suspect.second)
    names = dict.fromkeys(filter(None, [named(suspect.trail), _enclosing(compiled, suspect)]))
    fields = tuple(compiled.captures[int(name[1:])].field for name in names)
    return Finding(suspect.rule, first, second, fields, _remedy(suspect, first, second), proof)


def _enclosing(compiled: Compiled, suspect: Suspect) -> str:
    """Return the name of the group round the second repeat, or nothing."""
    opened: list[str] = []
    for found in regex.finditer(r"\\.|\((?:\?P<(f\d+)>)?|\)", compiled.expression):
        if found.start() >= suspect.second.start:
            break
        if found[0].startswith("("):
            opened.append(found[1] or "")
        elif found[0] == ")" and opened:
            opened.pop()
    return next((name for name in reversed(opened) if name), "")


def _text(compiled: Compiled, repeat: Repeat) -> str:
    text = compiled.expression[repeat.start : repeat.end]
    text = regex.sub(r"\(\?P<f\d+>", "(", text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[-_SHOWN // 2 :]}"


def _remedy(suspect: Suspect, first: str, second: str) -> str:
    match suspect.rule:
        case "ambiguous":
            return "let no two branches begin alike, or keep what it has taken: *+ or (?>…)"
        case "ahead":
            return f"limit how far {second} looks, such as {{0,100}}, or let it stop earlier"
        case "nested" if suspect.second.mode == "possessive":
            return f"let {second} stop at what a round begins with, or limit it, such as {{0,200}}"
        case "nested":
            return f"let {second} keep what it has taken: possessive, or (?>…) round it"
        case "chain":
            return _end_of(suspect, first)


def _end_of(suspect: Suspect, first: str) -> str:
    """Return how to end the first repeat of a chain."""
    if not suspect.mark:
        return f"let {first} keep what it has taken, or make one repeat of the two"
    mark = suspect.mark if suspect.mark.isprintable() else repr(suspect.mark)[1:-1]
    if len(mark) == 1:
        return f"let {first} end at the first {mark!r}: [^{mark}]*+, or (?>{first}{mark})"
    return f"let {first} end at the first {mark!r}: (?>{first}{mark}), or (?:(?!{mark}).)*+"
