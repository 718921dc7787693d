"""Giving dead letters another try.

Rule 1: an event that the collector refused goes back into the queue as it is, with its id.
Rule 2: a record that no grammar took is parsed anew, by its source's grammars of today, at its
        old place: its event has the id that it would have had from the start.
Rule 3: a letter leaves only in the transaction that queues its event; one that fails again stays.
        The header of columns that it stood under is kept in front of it.
Rule 4: only whole records are parsed: of a line whose end was not kept, no event can be made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shipper.config.models import Config
from shipper.event.batch import fits
from shipper.event.chunk import Recipe, lines_of, take
from shipper.event.entities import Origin
from shipper.event.ids import event_ids
from shipper.formats.held import EMPTY, Record
from shipper.formats.records import Line, Rules, assemble, flush
from shipper.formats.rotation import canonical_path
from shipper.grammar.headers import split_header
from shipper.service.assemble import recipes_of
from shipper.store.dead_letters import KEPT_BYTES, DeadLetter
from shipper.store.store import Store

_PAGE = 500


class Replayed(NamedTuple):
    """How many letters went back into the queue, and how many failed again."""

    queued: int = 0
    failed: int = 0


def replay(config: Config, store: Store, letters: Iterable[DeadLetter], now_ms: int) -> Replayed:
    """Try *letters* again. Raises StateError, GrammarError."""
    recipes = recipes_of(config)
    queued = failed = 0
    page: list[tuple[DeadLetter, bytes]] = []
    for letter in letters:
        if letter.reason == "gap":  # it tells of bytes that are gone; there is nothing to try
            continue
        outcome = _event(letter, recipes.get(letter.source), config.collector.max_bytes)
        if isinstance(outcome, bytes):
            page.append((letter, outcome))
        else:
            store.dead_letters.amend(letter, *outcome)
            failed += 1
        if len(page) >= _PAGE:
            queued += _flush(store, page, config, now_ms)
    return Replayed(queued + _flush(store, page, config, now_ms), failed)


def _flush(store: Store, page: list[tuple[DeadLetter, bytes]], config: Config, now_ms: int) -> int:
    count = store.dead_letters.requeue(page, config.collector.max_bytes, now_ms)
    page.clear()
    return count


def _event(letter: DeadLetter, how: Recipe | None, max_bytes: int) -> bytes | tuple[str, str]:
    """Return the event of *letter*, or the reason and detail of its failing again."""
    if letter.reason == "damaged":
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
    header, raw = split_header(letter.raw)
    records = _records(raw, letter.offset, how)
    if len(records) != 1:
        return letter.reason, f"by the rules of today it is {len(records)} records"
    origin = Origin(event_ids(letter.generation), canonical_path(letter.path))
    record = records[0]
    if header is not None:
        record = record._replace(text=f"{header}\n{record.text}")
    event = take(record, how, origin, letter.created_ms * 1000)
    return event if isinstance(event, bytes) else event[1:]


def _records(raw: bytes, offset: int, how: Recipe) -> list[Record]:
    raws, texts = lines_of(raw, offset, Origin(lambda *_: "", "", how.policy.encoding))
    lines = [
        Line(offset, line, text, len(line) + 1) for line, text in zip(raws, texts, strict=True)
    ]
    rules = how.policy.rules or Rules()
    records, held = assemble(lines, EMPTY, rules)
    return records + flush(held, rules)
