"""From a chunk of a log file to what the queue takes: the whole of reading, as a pure function.

Rule 1: every line of the chunk has one fate: emitted, filtered, rejected or blank (a line over
        the limit never gets here); each fate is counted where it is met, so that the ledger's
        sum proves something.
Rule 2: the same chunk at the same offset gives the same result (but for the `dtm` of records
        that carry no time), so a chunk can be read again after any accident.
Rule 3: a record that makes a grammar fail is a reject with its reason, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shipper.event.batch import RecordBatch, pack
from shipper.event.builder import Envelope, RefusedError, event_builder
from shipper.event.ids import EventId
from shipper.formats.framing import split_lines
from shipper.grammar.grammar import Grammar, furthest
from shipper.model import Ledger


class Reject(NamedTuple):
    """A record that gave no event: where it stands, what it says, and why."""

    offset: int
    raw: bytes
    grammar: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Parse:
    """What became of a chunk."""

    batches: tuple[RecordBatch, ...]
    rejects: tuple[Reject, ...]
    ledger: Ledger


class Recipe:
    """How the records of one source become events: its grammars, tried in order.

    A line of more than `line_bytes` is a dead letter. With `drop_unmatched`, a record that no
    grammar takes is filtered, not rejected.
    """

    def __init__(
        self,
        grammars: Sequence[Grammar],
        envelope: Envelope,
        *,
        line_bytes: int = 1 << 20,
        drop_unmatched: bool = False,
    ) -> None:
        self.grammars = tuple(grammars)
        self.max_bytes = envelope.max_bytes
        self.line_bytes = line_bytes
        self.drop_unmatched = drop_unmatched
        self.steps = tuple((g.name, g.parse, event_builder(g, envelope)) for g in grammars)


def parse_chunk(chunk: bytes, base: int, recipe: Recipe, eid: EventId, read_us: int) -> Parse:
    """Make events of the lines in *chunk*, which starts at offset *base* of its generation.

    *chunk* ends with LF, or with the last byte of a file that will not grow. *read_us* is the
    time of reading in microseconds; it resolves years that a record leaves out.
    """
    events: list[bytes] = []
    others = _Others(recipe)
    bytes_emitted = 0
    raws, texts = split_lines(chunk, base)
    offset = base
    for raw, text, width in zip(raws, texts, _widths(raws, chunk), strict=True):
        if width > recipe.line_bytes:
            others.oversize(offset, raw, width)
        elif not text or text.isspace():
            others.blank(width)
        else:
            event = take(text, recipe, eid(offset, raw), read_us)
            if type(event) is bytes:
                events.append(event)
                bytes_emitted += width
            else:
                others.refused(Reject(offset, raw, *event), width)
        offset += width
    ledger = others.ledger()._replace(
        lines_read=chunk.count(b"\n") + (not chunk.endswith(b"\n")),
        bytes_read=len(chunk),
        lines_emitted=len(events),
        bytes_emitted=bytes_emitted,
    )
    return Parse(tuple(pack(events, recipe.max_bytes)), tuple(others.rejects), ledger)


def cut_line(kept: bytes, base: int, width: int) -> Parse:
    """Reject a line of *width* bytes at offset *base* that is too long to keep but for *kept*."""
    detail = f"a line of {width} bytes; its first {len(kept)} are kept"
    ledger = Ledger(lines_read=1, bytes_read=width, lines_oversize=1, bytes_oversize=width)
    return Parse((), (Reject(base, kept, "", "oversize", detail),), ledger)


def take(text: str, recipe: Recipe, eid: str, read_us: int) -> bytes | tuple[str, str, str]:
    """Return the event of one record, or (grammar, reason, detail) of its refusal."""
    grammar = ""
    try:
        for grammar, parse, build in recipe.steps:  # noqa: B007  # the handlers name it
            parsed = parse(text, read_us)
            if parsed is not None:
                return build(parsed, eid, read_us)
        mismatch = furthest(recipe.grammars, text, read_us)
    except RefusedError as error:
        return grammar, error.reason, error.detail
    except Exception as error:  # rule 3: no record may stop the shipper
        return grammar, "grammar_error", f"{type(error).__name__}: {error}"
    where = f"column {mismatch.column}: expected {mismatch.expected}"
    return mismatch.grammar, mismatch.reason, where


def _widths(raws: list[bytes], chunk: bytes) -> list[int]:
    """Return how many bytes each line takes up in the file, its LF included."""
    widths = [len(raw) + 1 for raw in raws]
    if not chunk.endswith(b"\n"):
        widths[-1] -= 1
    return widths


class _Others:
    """The lines of a chunk that gave no event, each counted under its fate."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._fates: dict[str, list[int]] = {}
        self.rejects: list[Reject] = []

    def oversize(self, offset: int, raw: bytes, width: int) -> None:
        detail = f"a line of {width} bytes, over the limit of {self._recipe.line_bytes}"
        self.rejects.append(Reject(offset, raw, "", "oversize", detail))
        self._count("oversize", width)

    def blank(self, width: int) -> None:
        self._count("blank", width)

    def refused(self, reject: Reject, width: int) -> None:
        if reject.reason == "no_match" and self._recipe.drop_unmatched:
            self._count("filtered", width)
        else:
            self.rejects.append(reject)
            self._count("rejected", width)

    def ledger(self) -> Ledger:
        counts: dict[str, int] = {}
        for fate, (lines, size) in self._fates.items():
            counts |= {f"lines_{fate}": lines, f"bytes_{fate}": size}
        return Ledger(**counts)

    def _count(self, fate: str, width: int) -> None:
        count = self._fates.setdefault(fate, [0, 0])
        count[0] += 1
        count[1] += width
