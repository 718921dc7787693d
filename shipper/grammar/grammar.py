"""A grammar, ready for use: it parses records, and explains why it can't."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from shipper.grammar.plain import PlainPattern
from shipper.grammar.prefilter import Prefilter
from shipper.grammar.shaping_spec import PageViewSpec, StructSpec
from shipper.grammar.spans import Span
from shipper.grammar.spec import GrammarSpec
from shipper.grammar.time_limit import LIMIT
from shipper.model import Mismatch, Parsed

Parse = Callable[[str, int], Parsed | None]
Explain = Callable[[str, int], Mismatch]
Locate = Callable[[str, int], list[Span]]

Memory = dict[str, str]
"""What the lines of one file said that holds for those that follow; kept with its checkpoint."""


class Work(NamedTuple):
    """A grammar at work in one file: it reads records in order, by what those before said."""

    parse: Parse
    explain: Explain


class Sampling(NamedTuple):
    """Which events are sampled, all without `when`, and which share of these is kept."""

    share: float
    when: Callable[[Mapping[str, Any]], bool] | None


class Parses(Protocol):
    """What can read a text."""

    @property
    def parse(self) -> Parse:
        """The function (text, now in µs) → record, or None."""


class Explains(Protocol):
    """What can say why a text is refused."""

    @property
    def explain(self) -> Explain:
        """The function (text, now in µs) → mismatch."""


class Works(Parses, Explains, Protocol):
    """A grammar, or several as one."""

    @property
    def at_work(self) -> Callable[[Memory], Work] | None:
        """What makes of the memory of a file how to read it, where that matters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grammar:
    """One kind of record.

    `parse(text, now_us)` returns a Parsed, or None if the text is no such record. `explain(text,
    now_us)` returns the Mismatch that says why. `now_us`, microseconds since 1970 UTC, only
    serves to find a year that the record leaves out. Both are attributes rather than methods,
    because a call more a line is a cost that one can measure.

    `atomic` says which Snowplow column, by its payload key, takes which field as well.
    `expressions` are the regular expressions that its patterns came to, in order. `always` names
    the fields that every record of this grammar has. `prefilter` is what a text must have to be
    one. `spans(text, now_us)` returns where in a text that it takes the fields stand, under the
    names that its events have. `sampling` says which events are only sampled. `at_work`, where
    there is one, makes the pair of functions to use in one file instead of the two, for records
    that depend on lines before them. `plain`, where there is one, takes its first pattern apart,
    or says that it can't.
    """

    spec: GrammarSpec
    where: str
    expressions: tuple[str, ...]
    always: frozenset[str]
    atomic: Mapping[str, str]
    parse: Parse
    explain: Explain
    prefilter: Prefilter
    spans: Locate
    sampling: Sampling | None = None
    at_work: Callable[[Memory], Work] | None = None
    plain: Callable[[], PlainPattern | None] | None = None

    @property
    def name(self) -> str:
        """The name, which is also the stem of its file."""
        return self.spec.name

    @property
    def title(self) -> str:
        """One line for people."""
        return self.spec.title

    @property
    def schema(self) -> str:
        """The Iglu URI of the schema of its events."""
        return self.spec.schema_

    @property
    def kind(self) -> PageViewSpec | StructSpec | None:
        """What its events are made of where they are no self-describing ones."""
        return self.spec.page_view or self.spec.struct

    def __repr__(self) -> str:
        return f"Grammar({self.name!r}, where={self.where!r})"


def at_work(grammars: Iterable[Works], memory: Memory) -> list[Work]:
    """Return how *grammars* read one file, by what *memory* holds of it."""
    return [g.at_work(memory) if g.at_work else Work(g.parse, g.explain) for g in grammars]


def first_match(grammars: Iterable[Parses], text: str, now_us: int) -> Parsed | None:
    """Return what the first of *grammars* that takes *text* makes of it."""
    for grammar in grammars:
        parsed = grammar.parse(text, now_us)
        if parsed is not None:
            return parsed
    return None


def furthest(grammars: Iterable[Explains], text: str, now_us: int) -> Mismatch:
    """Return the mismatch of the grammar that got furthest; of equals, the first.

    A grammar that matched the whole text and failed on a value got further than one that did not.
    After LIMIT seconds no further one is asked.
    Raises ValueError without any grammar.
    """
    mismatches: list[Mismatch] = []
    until = time.process_time() + LIMIT
    for grammar in grammars:
        if not mismatches or time.process_time() < until:
            mismatches.append(grammar.explain(text, now_us))
    return max(mismatches, key=lambda mismatch: (mismatch.reason != "no_match", mismatch.column))
