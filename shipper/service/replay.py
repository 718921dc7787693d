"""Giving dead letters another try.

Rule 1: an event that the collector refused goes back into the queue as it is, with its id.
Rule 2: a record that no grammar took is parsed anew, by its source's grammars of today, at its
        old place: its event has the id that it would have had from the start.
Rule 3: a letter leaves only in the transaction that queues its event; one that fails again stays.
        The header of columns that it stood under is kept in front of it.
Rule 4: only whole records are parsed: of a line whose end was not kept, no event can be made.
Rule 5: to reparse is to replay records alone, perhaps by other grammars; a dry run of it tells
        what would come of it, and changes nothing.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from shipper.config.models import Config
from shipper.event.batch import fits
from shipper.event.chunk import lines_of, take
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.formats.held import EMPTY, Record
from shipper.formats.records import Line, Rules, assemble, flush
from shipper.formats.rotation import canonical_path
from shipper.grammar.headers import split_header
from shipper.grammar.library import Library
from shipper.service.assemble import envelope, policy, recipes_of
from shipper.store.dead_letters import KEPT_BYTES, DeadLetter
from shipper.store.received import BAD_LINE
from shipper.store.store import Store

_PAGE = 500


class Failure(NamedTuple):
    """A letter that fails again, and why."""

    letter: DeadLetter
    reason: str
    detail: str


class Replayed(NamedTuple):
    """How many letters went back into the queue, and how many failed again; the first of these."""

    queued: int = 0
    failed: int = 0
    first: Failure | None = None


class Reparsed(NamedTuple):
    """By source how many records parse now, and how many do not; the first that does not."""

    parsed: Counter[str]
    failed: Counter[str]
    first: Failure | None


Outcome = tuple[DeadLetter, bytes] | Failure


def replay(config: Config, store: Store, letters: Iterable[DeadLetter], now_ms: int) -> Replayed:
    """Try *letters* again. Raises StateError, GrammarError."""
    queued = failed = 0
    first: Failure | None = None
    page: list[tuple[DeadLetter, bytes]] = []
    for outcome in _outcomes(letters, recipes_of(config), config.collector.max_bytes):
        if isinstance(outcome, Failure):
            store.dead_letters.amend(*outcome)
            failed += 1
            first = first or outcome
        else:
            page.append(outcome)
        if len(page) >= _PAGE:
            queued += _flush(store, page, config, now_ms)
    return Replayed(queued + _flush(store, page, config, now_ms), failed, first)


def reparse(
    config: Config, store: Store, letters: Iterable[DeadLetter], now_ms: int, how: Reparse
) -> Reparsed:
    """Parse the records among *letters* again. Raises StateError, GrammarError."""
    done = Reparsed(Counter(), Counter(), None)
    page: list[tuple[DeadLetter, bytes]] = []
    records = (letter for letter in letters if letter.event is None)
    for outcome in _outcomes(records, how.recipes(config), config.collector.max_bytes):
        if isinstance(outcome, Failure):
            done.failed[outcome.letter.source] += 1
            done = done if done.first else done._replace(first=outcome)
            if not how.dry:
                store.dead_letters.amend(*outcome)
            continue
        done.parsed[outcome[0].source] += 1
        if not how.dry:
            page.append(outcome)
        if len(page) >= _PAGE:
            _flush(store, page, config, now_ms)
    _flush(store, page, config, now_ms)
    return done


class Reparse(NamedTuple):
    """How to parse records again: by the grammars *names*, if any, or by those of their source.

    *directories* hold more grammars than the configuration knows. Nothing changes if it is *dry*.
    """

    names: Sequence[str] = ()
    directories: Sequence[Path] = ()
    dry: bool = False

    def recipes(self, config: Config) -> Mapping[str, Recipe]:
        """Return by source how records become events. Raises GrammarError."""
        if not self.names:
            return recipes_of(config)
        shelf = Library([*config.grammars.directories, *self.directories], config.grammars.patterns)
        made = {}
        for source in config.sources:
            here = shelf.in_zone(source.timezone)
            grammars = [here.named(name) for name in self.names]
            made[source.name] = Recipe(grammars, envelope(config, source), policy(source))
        return made


def _outcomes(
    letters: Iterable[DeadLetter], recipes: Mapping[str, Recipe], max_bytes: int
) -> Iterator[Outcome]:
    for letter in letters:
        if letter.reason == "gap":  # it tells of bytes that are gone; there is nothing to try
            continue
        outcome = _event(letter, recipes.get(letter.source), max_bytes)
        if isinstance(outcome, bytes):
            yield letter, outcome
        else:
            yield Failure(letter, *outcome)


def _flush(store: Store, page: list[tuple[DeadLetter, bytes]], config: Config, now_ms: int) -> int:
    if not page:
        return 0
    count = store.dead_letters.requeue(page, config.collector.max_bytes, now_ms)
    page.clear()
    return count


def _event(letter: DeadLetter, how: Recipe | None, max_bytes: int) -> bytes | tuple[str, str]:
    """Return the event of *letter*, or the reason and detail of its failing again."""
    if letter.reason in ("damaged", BAD_LINE):  # nobody can mend it but whoever wrote it
        return letter.reason, letter.detail
    if letter.event is not None:
        size = len(letter.event)
        limit = f"the event has {size} bytes, a request takes {max_bytes}"
        return letter.event if fits(letter.event, max_bytes) else ("too_large", limit)
    if how is None:
        return letter.reason, f"no source is named {letter.source!r} any more"
    return _parsed(letter, how)


def _parsed(letter: DeadLetter, how: Recipe) -> bytes | tuple[str, str]:
    """Return the event of a record that never became one, or why it fails again."""
    if len(letter.raw) >= min(how.policy.line_bytes, KEPT_BYTES):
        return letter.reason, letter.detail
    if letter.generation is None or letter.offset is None:
        return letter.reason, "its place in a file is not on record"
    header, records = records_of(letter, how)
    if len(records) != 1:
        return letter.reason, f"by the rules of today it is {len(records)} records"
    record = records[0]
    if header is not None:
        record = record._replace(text=f"{header}\n{record.text}")
    origin = Origin(EventIds(letter.generation), canonical_path(letter.path))
    event = take(record, how, origin, letter.created_ms * 1000)
    if isinstance(event, bytes):
        return event
    grammar, reason, detail = event
    return reason, detail or f"{grammar} takes it and drops it"


def records_of(letter: DeadLetter, how: Recipe) -> tuple[str | None, list[Record]]:
    """Return the header above *letter*, if there is one, and the records that it holds.

    They are as grammars see them, by the rules of today.
    """
    header, raw = split_header(letter.raw)
    return header, _records(raw, letter.offset or 0, how)


def _records(raw: bytes, offset: int, how: Recipe) -> list[Record]:
    nobody = Origin(EventIds(uuid.UUID(int=0)), "", how.policy.encoding)  # for the encoding alone
    raws, texts = lines_of(raw, offset, nobody)
    lines = [
        Line(offset, line, text, len(line) + 1) for line, text in zip(raws, texts, strict=True)
    ]
    rules = how.policy.rules or Rules()
    records, held = assemble(lines, EMPTY, rules)
    return records + flush(held, rules)
