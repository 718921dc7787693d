"""Finds the first of many grammars that takes a text, asking few of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shipper.grammar.grammar import Grammar, Parse
from shipper.grammar.prefilter import OTHER, Literals
from shipper.model import Parsed

Step = tuple[tuple[Literals, ...], str, Parse | None]
"""What a text needs, the grammar's name, and its parser, if it reads records one by one."""

Steps = Mapping[str, Sequence[Step]]
"""By the first character of a text, or OTHER, which grammars may take it, in order."""


def search(steps: Steps, text: str, now_us: int, here: Mapping[str, Parse]) -> Parsed | None:
    """Return what the first that takes *text* makes of it; *here* are the parsers of this file."""
    low = text.lower()
    for needs, name, parse in steps.get(text[:1]) or steps[OTHER]:
        for literals in needs:  # in loops, because calls can be measured
            for literal in literals:
                if literal in low:
                    break
            else:
                break
        else:
            parsed = (parse or here[name])(text, now_us)
            if parsed is not None:
                return parsed
    return None


def steps_by_first(members: Sequence[Grammar]) -> dict[str, list[Step]]:
    """Return by first character, or OTHER, which grammars may take a text, in order."""
    steps: dict[str, list[Step]] = {OTHER: []}
    for grammar in members:
        parse = None if grammar.at_work else grammar.parse
        step = (grammar.prefilter.needs, grammar.name, parse)
        for character in grammar.prefilter.first:
            steps.setdefault(character, []).append(step)
    return steps
