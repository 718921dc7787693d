"""From a chunk of a log file to what the queue takes: the whole of reading, as a pure function.

Rule 1: every line of the chunk has one fate: emitted, filtered, rejected, oversize or blank, or it
        is held until its record is complete; each fate is counted where it is met, so that the
        ledger's sum proves something.
Rule 2: the same chunk at the same offset, with the same held before it, gives the same result (but
        for the `dtm` of records that carry no time), so it can be read again after any accident.
        What lines say of those that follow, such as a header of columns, is held like the rest.
Rule 3: a record that makes a grammar fail is a reject with its reason, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Final, NamedTuple

from shipper.event.batch import RecordBatch, pack
from shipper.event.builder import RefusedError
from shipper.event.entities import Edges, Origin
from shipper.event.express import Place, Take, no_short_way, smooth
from shipper.event.recipe import Recipe, Step
from shipper.formats.encodings import Encoding
from shipper.formats.encodings import split_lines as split_encoded
from shipper.formats.framing import split_lines
from shipper.formats.held import EMPTY, Held, Record
from shipper.formats.records import Line, Rules, assemble, flush
from shipper.grammar.grammar import furthest
from shipper.grammar.headers import with_header
from shipper.grammar.time_limit import SlowMatchError
from shipper.grammar.wording import in_a_sentence
from shipper.model import Ledger

TIMEOUT: Final = "timeout"
"""The reason of a record on which a grammar took longer than a match may."""


class Reject(NamedTuple):
    """A record that gave no event: where it stands, what it says, and why.

    A record whose columns a header names has that line in front, so that it can be read again.
    """

    offset: int
    raw: bytes
    grammar: str
    reason: str
    detail: str


class Loose(NamedTuple):
    """Events that are yet to be packed, into batches for requests of `max_bytes`."""

    events: tuple[bytes, ...]
    max_bytes: int


class _Lines(NamedTuple):
    """The lines of a chunk, as columns: a tuple for each line would cost more than its framing."""

    raws: list[bytes]
    texts: list[str]
    widths: list[int]


@dataclass(frozen=True, slots=True)
class Parse:
    """What became of a chunk; `held` are the lines of records that are not complete yet.

    The events of a short chunk may be `loose` instead of in `batches`: to be packed together with
    those of others (see `store.gathering`).
    """

    batches: tuple[RecordBatch, ...]
    rejects: tuple[Reject, ...]
    ledger: Ledger
    held: Held = EMPTY
    loose: Loose | None = None

    def packed(self) -> Parse:
        """Return the parse with all its events in batches."""
        if self.loose is None:
            return self
        return replace(self, batches=(*self.batches, *pack(*self.loose)), loose=None)


def parse_chunk(
    chunk: bytes, base: int, recipe: Recipe, origin: Origin, read_us: int, held: Held = EMPTY
) -> Parse:
    """Make events of the lines in *chunk*, which starts at offset *base* of its generation.

    *chunk* ends with LF, or with the last byte of a file that will not grow. *read_us* is the
    time of reading in microseconds; it resolves years that a record leaves out. *held* is what
    the chunk before left over.
    """
    return parse_short(chunk, base, recipe, origin, read_us, held).packed()


def parse_short(
    chunk: bytes, base: int, recipe: Recipe, origin: Origin, read_us: int, held: Held = EMPTY
) -> Parse:
    """As `parse_chunk`, but the events are loose: they are to be packed with those of others."""
    work = _Work(recipe, origin, read_us, held)
    raws, texts = lines_of(chunk, base, origin)
    lines = _Lines(raws, texts, _widths(raws, chunk, origin.encoding))
    if recipe.policy.rules is None and not held.opens and not any(origin.edges):
        work.plain(lines, base, smooth=origin.is_utf_8 and smooth(chunk))
    else:
        rules = recipe.policy.rules or Rules()
        records, held = assemble(work.sound(lines, base), held, rules)
        work.records(_edged(records, base, base + len(chunk), origin.edges))
    return work.result(lines_read=len(raws), bytes_read=len(chunk), held=held)


def _edged(records: list[Record], base: int, end: int, edges: Edges) -> list[Record]:
    """Flag the record that begins amid a line, and the one that ends amid one."""
    if edges.continues and records and records[0].offset == base:
        records[0] = records[0].flagged("continued")
    if edges.partial and records and records[-1].offset + records[-1].width == end:
        records[-1] = records[-1].flagged("partial")
    return records


def lines_of(chunk: bytes, base: int, origin: Origin) -> tuple[list[bytes], list[str]]:
    """Cut *chunk*, which starts at offset *base*, into raw lines and their texts."""
    if origin.is_utf_8:
        return split_lines(chunk, base)
    return split_encoded(chunk, base, origin.encoding, origin.bom_length)


def flush_held(held: Held, recipe: Recipe, origin: Origin, read_us: int) -> Parse:
    """Make events of what is held: no line came for too long, or none will."""
    work = _Work(recipe, origin, read_us, held)
    work.records(flush(held, recipe.policy.rules or Rules()))
    return work.result(lines_read=0, bytes_read=0, held=EMPTY).packed()


def cut_line(
    line: tuple[bytes, int, int], recipe: Recipe, origin: Origin, read_us: int, held: Held = EMPTY
) -> Parse:
    """Treat a line of which only the first bytes are kept: *line* is (kept, offset, width)."""
    kept, base, width = line
    work = _Work(recipe, origin, read_us, held)
    work.long_line(base, kept, width)
    return work.result(lines_read=1, bytes_read=width, held=held).packed()


def take(
    record: Record, recipe: Recipe, origin: Origin, read_us: int
) -> bytes | tuple[str, str, str]:
    """Return the event of one record by itself, or (grammar, reason, detail) of its refusal."""
    return take_in_order(record, recipe.steps, recipe, origin, read_us)


def take_in_order(
    record: Record, steps: Sequence[Step], recipe: Recipe, origin: Origin, read_us: int
) -> bytes | tuple[str, str, str]:
    """As `take`, with the *steps* at work in a file whose records come in their order."""
    eid = origin.eid(record.offset, record.raw)
    return _event(record.text, steps, eid, read_us, _beside(record, recipe, origin, read_us))


def _beside(
    record: Record, recipe: Recipe, origin: Origin, read_us: int
) -> tuple[tuple[str, ...], int | None]:
    """Return the entities of a record, and the time that a container runtime noted."""
    time = record.time and recipe.read_time(record.time, read_us)
    return origin.entities_of(record.stream, record.flags), time or None


def _event(
    text: str,
    steps: Sequence[Step],
    eid: str,
    read_us: int,
    beside: tuple[tuple[str, ...], int | None],
) -> bytes | tuple[str, str, str]:
    """As `take`; *beside* is what `_beside` says."""
    grammar = ""
    try:
        for grammar, parse, _, build in steps:  # noqa: B007  # the handlers name it
            parsed = parse(text, read_us)
            if parsed is not None:
                entities, time_us = beside
                if time_us is not None and parsed.time_us is None:
                    parsed = parsed._replace(time_us=time_us)
                return build(parsed, eid, read_us, entities)
        miss = furthest(steps, text, read_us)
    except RefusedError as error:
        return grammar, error.reason, error.detail
    except SlowMatchError as error:
        return error.grammar, TIMEOUT, str(error)
    except Exception as error:  # rule 3: no record may stop the shipper
        return grammar, "grammar_error", f"{type(error).__name__}: {error}"
    return miss.grammar, miss.reason, in_a_sentence(miss)


def _widths(raws: list[bytes], chunk: bytes, encoding: Encoding) -> list[int]:
    """Return how many bytes each line takes up in the file, its end included."""
    unit = encoding.unit
    widths = [len(raw) + unit for raw in raws]
    if widths:
        widths[-1] -= sum(widths) - len(chunk)  # the last line may have no end
    return widths


class _Work:
    """The events and rejects of one call, and the count of every fate."""

    def __init__(self, recipe: Recipe, origin: Origin, read_us: int, held: Held) -> None:
        self._memory = dict(held.memory)
        self._steps = recipe.at_work(self._memory)
        self._recipe = recipe
        self._origin = origin
        self._read_us = read_us
        self._events: list[bytes] = []
        self._rejects: list[Reject] = []
        self._fates: dict[str, list[int]] = {}

    def plain(self, lines: _Lines, base: int, *, smooth: bool) -> None:
        """Take each line as a record: the hot path of the whole program."""
        raws, texts, widths = lines
        if widths and max(widths) > (limit := self._recipe.policy.line_bytes):
            texts = ["" if w > limit else text for text, w in zip(texts, widths, strict=True)]
        offsets = list(accumulate(widths, initial=base))
        ids = self._origin.eid.of_all(zip(offsets, raws))  # noqa: B905 - one offset more than lines
        take, emit = self._short_way(self._origin.entities), self._events.append
        left = left_bytes = 0
        for index, event in enumerate(take(zip(texts, ids, strict=True), smooth=smooth)):
            if event is not None:
                emit(event)
            else:
                left += 1
                left_bytes += widths[index]
                record = Record(
                    offsets[index], raws[index], texts[index], 1, widths[index], None, None
                )
                self._line(record, ids[index])
        self._count("emitted", len(raws) - left, sum(widths) - left_bytes)

    def _line(self, record: Record, eid: str) -> None:
        """Take a line that the short way left."""
        if record.width > self._recipe.policy.line_bytes:
            self.long_line(record.offset, record.raw, record.width)
        elif self._is_full(record):
            self._settle(record, self._long_way(record, eid))

    def _short_way(self, entities: tuple[str, ...], *, noted: bool = False) -> Take:
        express = self._recipe.express
        if express is None:
            return no_short_way
        return express.bind(Place(entities, self._read_us, self._memory, noted))

    def _long_way(self, record: Record, eid: str) -> bytes | tuple[str, str, str]:
        beside = _beside(record, self._recipe, self._origin, self._read_us)
        return _event(record.text, self._steps, eid, self._read_us, beside)

    def sound(self, lines: _Lines, offset: int) -> Iterable[Line]:
        """Yield the lines that are not too long; those get their fate at once."""
        for raw, text, width in zip(*lines, strict=True):
            if width > self._recipe.policy.line_bytes:
                self.long_line(offset, raw, width)
            else:
                yield Line(offset, raw, text, width)
            offset += width

    def records(self, records: Iterable[Record]) -> None:
        """Take records of any number of lines."""
        short: dict[tuple[tuple[str, ...], bool], Take] = {}
        for way, group in groupby(filter(self._is_full, records), self._way):
            alike = list(group)
            take = short.get(way) or short.setdefault(way, self._short_way(way[0], noted=way[1]))
            ids = self._origin.eid.of_all((record.offset, record.raw) for record in alike)
            events = take((record.text, eid) for record, eid in zip(alike, ids, strict=True))
            for record, eid, event in zip(alike, ids, events, strict=True):
                self._settle(record, event or self._long_way(record, eid))

    def _way(self, record: Record) -> tuple[tuple[str, ...], bool]:
        """Return what the events of records have in common that go one short way."""
        return self._origin.entities_of(record.stream, record.flags), bool(record.time)

    def _is_full(self, record: Record) -> bool:
        if record.text and not record.text.isspace():
            return True
        if not self._recipe.policy.keep_blank:
            self._count("blank", record.lines, record.width)
        return self._recipe.policy.keep_blank

    def long_line(self, offset: int, raw: bytes, width: int) -> None:
        """Give a line over the limit the fate that the source asks for.

        It is taken by itself, for it is met before the records that stand before it.
        """
        limit, policy = self._recipe.policy.line_bytes, self._recipe.policy.long_lines
        # JSON may take several bytes for one of the line, and the event has to fit a request.
        kept = raw[: min(limit, self._recipe.envelope.max_bytes // 4)]
        text = kept.decode(self._origin.encoding.name, "replace")
        record = Record(offset, raw, text, 1, width, None, None, ("truncated",))
        if policy == "truncate":
            self._settle(record, take(record, self._recipe, self._origin, self._read_us))
            return
        if policy == "dead_letter":
            detail = f"a line of {width} bytes, over the limit of {limit}; {len(raw)} are kept"
            self._rejects.append(Reject(offset, raw, "", "oversize", detail))
        self._count("oversize", 1, width)

    def result(self, *, lines_read: int, bytes_read: int, held: Held) -> Parse:
        """Return what it came to; the events are yet to be packed."""
        counts = {"lines_read": lines_read, "bytes_read": bytes_read, "events": len(self._events)}
        for fate, (lines, size) in self._fates.items():
            counts |= {f"lines_{fate}": lines, f"bytes_{fate}": size}
        loose = Loose(tuple(self._events), self._recipe.envelope.max_bytes)
        held, made = held.remembering(self._memory), loose if self._events else None
        return Parse((), tuple(self._rejects), Ledger(**counts), held, made)

    def _settle(self, record: Record, event: bytes | tuple[str, str, str]) -> None:
        if isinstance(event, bytes):
            self._events.append(event)
            self._count("emitted", record.lines, record.width)
        else:
            self._refuse(record, event)

    def _refuse(self, record: Record, why: tuple[str, str, str]) -> None:
        unmatched = why[1] == "no_match" and self._recipe.policy.drop_unmatched
        if unmatched or why[1] == "filtered":
            self._count("filtered", record.lines, record.width)
        else:
            raw = with_header(record.raw, self._memory)
            self._rejects.append(Reject(record.offset, raw, *why))
            self._count("rejected", record.lines, record.width)

    def _count(self, fate: str, lines: int, size: int) -> None:
        count = self._fates.setdefault(fate, [0, 0])
        count[0] += lines
        count[1] += size
