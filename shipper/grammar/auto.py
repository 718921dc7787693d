"""Finds the grammar of each record among all there are: `-g auto`.

Rule 1: the grammars stand in one order: `auto: precise`, then usual, then broad ones; of these the
one that promises more fields, then the name. `never` leaves one out.
Rule 2: the first in this order that takes a record reads it, after the grammar that read the record
before it: a file keeps its grammar as long as that takes its records. A broad one, which takes
nearly everything of its kind, is kept too, but after those whose prefilter finds a word of theirs.
Rule 3: after 240 records in a row that none but the broad one took, the others are asked for one
record in 16 only. So a file of nothing else costs little more than the broad grammar alone.
Rule 4: which grammar that is belongs to the memory of the file and is stored with its checkpoint.
So what becomes of a record depends on the file before it, never on reads, restarts or the clock.
Rule 5: a grammar is only asked if the text has what its prefilter wants. That is quick, and it is
no guess: a prefilter never says no to a text that the grammar takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from shipper.grammar.grammar import Grammar, Memory, Parse, Work, furthest
from shipper.grammar.prefilter import OTHER, Literals
from shipper.model import Dropped, Mismatch, Parsed

NAME: Final = "auto"
"""How it is named where a grammar is; in the memory of a file, the grammar that it keeps to."""

_LEVELS: Final = ("precise", "usual", "broad")
_EXPLAINED: Final = 8  # grammars that are asked why, of those that might have been meant

_RUN: Final = "auto.run"  # in the memory of a file, how far a broad one got alone
_ALONE, _AGAIN = 240, 255  # when the others are asked less, and when again (rule 3)
_COUNTS: Final = [str(count) for count in range(_AGAIN + 1)]

_Step = tuple[tuple[Literals, ...], str, Parse | None]
"""What a text needs, the grammar's name, and its parser, if it reads records one by one."""


class Auto:
    """All grammars as one. `members` are in the order of rule 1."""

    name = NAME

    def __init__(self, grammars: Sequence[Grammar]) -> None:
        members = [grammar for grammar in grammars if grammar.spec.auto != "never"]
        self.members = tuple(sorted(members, key=_rank))
        self._all = _steps_by_first(self.members)
        # While a broad one reads, a grammar that has no word to look for would be asked in vain.
        self._worded = _steps_by_first(
            [g for g in self.members if g.prefilter.needs and g.spec.auto != "broad"]
        )
        self._broad = {g.name for g in self.members if g.spec.auto == "broad"}
        self._parsers = {g.name: g.parse for g in self.members}
        self._headed = [(g.name, g.at_work) for g in self.members if g.at_work]
        self.parse, self.explain = self.at_work({})

    def near(self, text: str) -> list[Grammar]:
        """Return the grammars that *text* may have been meant for, in order."""
        return [g for g in self.members if g.prefilter.passes(text)] or [*self.members[:1]]

    def at_work(self, memory: Memory) -> Work:
        """Return it at work in the file that *memory* is of."""
        headed = {name: at_work(memory) for name, at_work in self._headed}
        here = {name: work.parse for name, work in headed.items()}
        name, run = memory.get(NAME, ""), int(memory.get(_RUN, "0"))
        current, broad = here.get(name, self._parsers.get(name)), name in self._broad

        def parse(text: str, now_us: int) -> Parsed | None:
            nonlocal name, current, broad, run
            parsed = None
            if broad:
                if run <= _ALONE:
                    parsed = _search(self._worded, text, now_us, here)
                run = run + 1 if run < _AGAIN else _ALONE
                memory[_RUN] = _COUNTS[run]
            if parsed is None and current is not None:
                parsed = current(text, now_us)
            if parsed is None:
                parsed = _search(self._all, text, now_us, here)
            if parsed is not None and parsed.grammar != name and not isinstance(parsed, Dropped):
                memory[NAME], memory[_RUN] = name, _ = parsed.grammar, "0"
                current, broad, run = here.get(name, self._parsers[name]), name in self._broad, 0
            return parsed

        def explain(text: str, now_us: int) -> Mismatch:
            asked = [g for g in self.members if g.name == memory.get(NAME)] + self.near(text)
            return furthest([headed.get(g.name, g) for g in asked[:_EXPLAINED]], text, now_us)

        return Work(parse, explain)


def _search(
    steps: Mapping[str, list[_Step]], text: str, now_us: int, here: Mapping[str, Parse]
) -> Parsed | None:
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


def _rank(grammar: Grammar) -> tuple[int, int, int, str]:
    level = _LEVELS.index(grammar.spec.auto)
    return level, -len(grammar.always), -len(grammar.spec.fields), grammar.name


def _steps_by_first(members: Sequence[Grammar]) -> dict[str, list[_Step]]:
    """Return by first character, or OTHER, which grammars may take a text, in order."""
    steps: dict[str, list[_Step]] = {OTHER: []}
    for grammar in members:
        parse = None if grammar.at_work else grammar.parse
        step = (grammar.prefilter.needs, grammar.name, parse)
        for character in grammar.prefilter.first:
            steps.setdefault(character, []).append(step)
    return steps
