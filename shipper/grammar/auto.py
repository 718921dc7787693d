"""Finds the grammar of each record among all there are: `-g auto`.

Rule 1: the grammars stand in one order: `auto: precise`, then usual, then broad and last ones; of
these the one that promises more fields, then the name. `never` leaves one out.
Rule 2: the first in this order that takes a record reads it, after the grammar that read the record
before it: a file keeps its grammar as long as that takes its records. A broad one, which takes
nearly everything of its kind, is kept too, but after those whose prefilter finds a word of theirs.
Rule 3: after 240 records in a row that none but the broad one took, the others are asked for one
record in 64 only. So a file of nothing else costs little more than the broad grammar alone.
Rule 4: which grammar that is belongs to the memory of the file and is stored with its checkpoint.
So what becomes of a record depends on the file before it, never on reads, restarts or the clock.
Rule 5: a grammar is only asked if the text has what its prefilter wants. That is quick, and it is
no guess: a prefilter never says no to a text that the grammar takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shipper.grammar.grammar import Grammar, Memory, Work, furthest
from shipper.grammar.search import search, steps_by_first
from shipper.model import Dropped, Mismatch, Parsed

NAME: Final = "auto"
"""How it is named where a grammar is; in the memory of a file, the grammar that it keeps to."""

_LEVELS: Final = ("precise", "usual", "broad", "last")
BROAD: Final = ("broad", "last")
"""Levels of grammars that take nearly everything of their kind."""

_EXPLAINED: Final = 8  # grammars that are asked why, of those that might have been meant

_RUN: Final = "auto.run"  # in the memory of a file, how far a broad one got alone
_ALONE, _AGAIN = 240, 303  # when the others are asked less, and when again (rule 3)
_COUNTS: Final = [str(count) for count in range(_AGAIN + 1)]


class Auto:
    """All grammars as one. `members` are in the order of rule 1."""

    name = NAME

    def __init__(self, grammars: Sequence[Grammar]) -> None:
        members = [grammar for grammar in grammars if grammar.spec.auto != "never"]
        self.members = tuple(sorted(members, key=_rank))
        self._all = steps_by_first(self.members)
        # While a broad one reads, a grammar that has no word to look for would be asked in vain.
        self._worded = steps_by_first(
            [g for g in self.members if g.prefilter.needs and g.spec.auto not in BROAD]
        )
        self._broad = {g.name for g in self.members if g.spec.auto in BROAD}
        self._parsers = {g.name: g.parse for g in self.members}
        self._kept = {g.name: g for g in self.members if g.name not in self._broad}
        self._headed = [(g.name, g.at_work) for g in self.members if g.at_work]
        self.parse, self.explain = self.at_work({})

    def near(self, text: str) -> list[Grammar]:
        """Return the grammars that *text* may have been meant for, in order."""
        return [g for g in self.members if g.prefilter.passes(text)] or [*self.members[:1]]

    def asked_first(self, memory: Memory) -> Grammar | None:
        """Return the grammar that is asked before all others in the file that *memory* is of.

        None: there is none, as at the beginning and after a broad one.
        """
        return self._kept.get(memory.get(NAME, ""))

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
                    parsed = search(self._worded, text, now_us, here)
                run = run + 1 if run < _AGAIN else _ALONE
                memory[_RUN] = _COUNTS[run]
            if parsed is None and current is not None:
                parsed = current(text, now_us)
            if parsed is None:
                parsed = search(self._all, text, now_us, here)
            if parsed is not None and parsed.grammar != name and not isinstance(parsed, Dropped):
                memory[NAME], memory[_RUN] = name, _ = parsed.grammar, "0"
                current, broad, run = here.get(name, self._parsers[name]), name in self._broad, 0
            return parsed

        def explain(text: str, now_us: int) -> Mismatch:
            asked = [g for g in self.members if g.name == memory.get(NAME)] + self.near(text)
            return furthest([headed.get(g.name, g) for g in asked[:_EXPLAINED]], text, now_us)

        return Work(parse, explain)


def _rank(grammar: Grammar) -> tuple[int, int, int, str]:
    level = _LEVELS.index(grammar.spec.auto)
    return level, -len(grammar.always), -len(grammar.spec.fields), grammar.name
