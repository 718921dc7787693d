"""Tries records by grammars, for the playground: fields, places, event, schema, furthest match.

Rule 1: one question is bounded: in records, in characters, and in seconds. What was not tried for
        want of time is said to be so.
Rule 2: nothing is written, and nothing is read but grammars and pattern files.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from shipper.errors import GrammarError, Problem
from shipper.event.builder import Envelope
from shipper.event.chunk import take_in_order
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.formats.held import Record
from shipper.grammar.auto import Auto
from shipper.grammar.grammar import Grammar, Memory, at_work
from shipper.grammar.headers import header_above
from shipper.grammar.iglu import iglu_schema, of_vendor
from shipper.grammar.library import Library
from shipper.grammar.loader import parse_grammar
from shipper.grammar.reading import as_shown, read_record
from shipper.grammar.spans import Span, moved
from shipper.grammar.time_limit import SlowMatchError
from shipper.model import Mismatch

MOST_RECORDS: Final = 200
_SECONDS: Final = 4.0
_ORIGIN: Final = Origin(EventIds(uuid.uuid5(uuid.NAMESPACE_URL, "shipper playground")), "")
_OWN: Final = "your grammar"


class Question(NamedTuple):
    """Records, and by what to read them: grammars by name, or one that is written out."""

    records: Sequence[str]
    names: Sequence[str] = ("auto",)
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """Grammars within reach, and what events share."""

    directories: Sequence[Path]
    patterns: Sequence[Path]
    envelope: Envelope

    def answer(self, shelf: Library, question: Question) -> dict[str, Any]:
        """Return what came of each record, and the schemas of the events, as JSON values.

        What is wrong with the grammar is a list of `problems` in place of both.
        """
        try:
            grammars = _grammars(shelf, question)
        except GrammarError as error:
            return {"problems": [_problem(problem) for problem in error.problems]}
        tried = _Trial(grammars, self.envelope)
        results = list(tried.each(question.records[:MOST_RECORDS]))
        return {"results": results, "schemas": tried.schemas}

    def shelf(self) -> Library:
        """Return the grammars, to be kept from one question to the next."""
        return Library(self.directories, self.patterns)


def _grammars(shelf: Library, question: Question) -> list[Grammar | Auto]:
    if question.written is None:
        return [shelf.named(name) for name in question.names]
    return [parse_grammar(question.written, _OWN, shelf.book, shelf)]


def _problem(problem: Problem) -> dict[str, str]:
    return {
        "where": problem.where,
        "key": problem.key,
        "what": problem.what,
        "remedy": problem.remedy,
    }


class _Trial:
    """Records read in order, as the lines of a file."""

    def __init__(self, grammars: Sequence[Grammar | Auto], envelope: Envelope) -> None:
        members = [(g.members if isinstance(g, Auto) else [g]) for g in grammars]
        self._by_name = {grammar.name: grammar for some in members for grammar in some}
        self._envelope = envelope
        self._memory: Memory = {}
        self._works = at_work(grammars, self._memory)
        self._recipe = Recipe(grammars, envelope)
        self._steps = self._recipe.at_work({})
        self.schemas: dict[str, Any] = {}

    def each(self, records: Sequence[str]) -> Iterator[dict[str, Any]]:
        until = time.monotonic() + _SECONDS
        for number, text in enumerate(records):
            if time.monotonic() < until:
                yield {"record": text, **self._one(number, text)}
            else:
                yield {"record": text, "untried": f"{_SECONDS:g} s were over before its turn"}

    def _one(self, number: int, text: str) -> dict[str, Any]:
        now_us = time.time_ns() // 1000
        found = read_record(self._works, text, now_us)
        if isinstance(found, Mismatch):
            return {**as_shown(found), "reason": found.reason, "field": found.field}
        grammar = self._by_name[found.grammar]
        self.schemas.setdefault(found.grammar, self._schema(grammar))
        spans = self._spans(grammar, text, now_us)
        event = self._event(number, text, now_us)
        return {**as_shown(found), "spans": spans, "event": event}

    def _spans(self, grammar: Grammar, text: str, now_us: int) -> list[Span]:
        above = header_above(self._memory) if grammar.at_work else ""
        try:
            found = grammar.spans(above + text, now_us)
        except SlowMatchError:
            return []
        return moved(found, -len(above))

    def _event(self, number: int, text: str, now_us: int) -> dict[str, Any]:
        record = Record(number, text.encode(errors="replace"), text, 1, 0, None, None)
        event = take_in_order(record, self._steps, self._recipe, _ORIGIN, now_us)
        if isinstance(event, bytes):
            return _opened(event)
        _, reason, detail = event
        return {"none": detail or reason}

    def _schema(self, grammar: Grammar) -> dict[str, Any]:
        return of_vendor(iglu_schema(grammar), self._envelope.vendor)


def _opened(event: bytes) -> dict[str, Any]:
    """Return *event* with the JSON that stands in its texts opened, as people read it."""
    members: dict[str, Any] = orjson.loads(event)
    for key in ("ue_pr", "co"):
        if key in members:
            members[key] = orjson.loads(members[key])
    return members
