"""One turn's harvest: what was read of each file, and what it comes to, until it is committed.

Rule 1: nothing here changes a tailer before `advance`, which follows the commit.
Rule 2: what is held of a rotated file goes on in the file that follows it, with its count in the
        ledger: a record may begin in one and end in the other. So the first bytes of a file are
        not read before the one that it follows is read to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property

from shipper.event.chunk import Parse, flush_held
from shipper.event.entities import Edges, Origin
from shipper.event.piece import Parser, Piece
from shipper.formats.held import Held
from shipper.model import Ledger
from shipper.store.store import Progress
from shipper.tail.checkpoint import Checkpoint
from shipper.tail.chunk import Chunk
from shipper.tail.stream import StreamTailer
from shipper.tail.tailer import Tailer


class _Move:
    """How far a tailer gets by a turn: by a chunk, or (None) by what is held of it alone."""

    def __init__(self, tailer: Tailer, chunk: Chunk | None, parse: Callable[[], Parse]) -> None:
        self.tailer = tailer
        self.chunk = chunk
        self._parse = parse

    def progress(self) -> Progress:
        """Return what is to be committed; waits for the parse."""
        parse, chunk = self._parse(), self.chunk
        after = self.tailer.checkpoint if chunk is None else chunk.after
        behind = chunk is not None and self.tailer.is_behind(chunk)
        return Progress(after.holding(parse.held), parse, behind)


class Turn:
    """What one turn of the pump reads; `progress` is what is to be committed."""

    def __init__(self, parser: Parser, read_us: int) -> None:
        self._parser = parser
        self._read_us = read_us
        self._moves: list[_Move] = []
        self._handed_over: set[Tailer] = set()

    @cached_property
    def progress(self) -> list[Progress]:
        """What is to be committed, in this order; to be asked when all is read."""
        return [move.progress() for move in self._moves]

    @property
    def perishable(self) -> bool:
        """Whether some of it can't be read again, whatever happens: it came from a stream."""
        return any(isinstance(move.tailer, StreamTailer) for move in self._moves)

    @property
    def tailers(self) -> list[Tailer]:
        """The tailers that this turn moves."""
        return [move.tailer for move in self._moves]

    def read(self, tailer: Tailer, chunk: Chunk, before: Tailer | None) -> None:
        """Take in a *chunk*; *before* is the rotated file that this one follows, if it is new."""
        held = tailer.checkpoint.held
        if before is not None and before.checkpoint.held.opens and before not in self._handed_over:
            held = before.checkpoint.held
            self._hand_over(before, held)
            parse = self._begin(tailer, chunk, held)
            move = _Move(tailer, chunk, lambda: _counted(parse(), held))
        else:
            move = _Move(tailer, chunk, self._begin(tailer, chunk, held))
        self._moves.append(move)

    def flush(self, tailer: Tailer) -> None:
        """Take what is held of *tailer* as it is: nothing came after it for too long."""
        recipe, origin = self._parser.recipes[tailer.checkpoint.source], origin_of(tailer)
        parse = flush_held(tailer.checkpoint.held, recipe, origin, self._read_us)
        self._moves.append(_Move(tailer, None, lambda: parse))

    def advance(self, now: float) -> None:
        """Move the tailers on, now that it is committed."""
        for move, progress in zip(self._moves, self.progress, strict=True):
            if move.chunk is None:
                move.tailer.checkpoint = progress.checkpoint
            else:
                move.tailer.advance(move.chunk._replace(after=progress.checkpoint))
                move.tailer.served_at = now

    def _begin(self, tailer: Tailer, chunk: Chunk, held: Held) -> Callable[[], Parse]:
        c = tailer.checkpoint
        piece = Piece(
            source=c.source,
            generation=c.generation,
            path=c.canonical,
            data=chunk.data,
            base=chunk.base,
            width=chunk.width,
            read_us=self._read_us,
            held=held,
            encoding=chunk.encoding,
            bom_length=chunk.bom_length,
            edges=Edges(chunk.continues, chunk.partial),
            facts=tailer.facts,
        )
        return self._parser.begin(piece)

    def _hand_over(self, before: Tailer, held: Held) -> None:
        self._handed_over.add(before)
        taken = Ledger(lines_read=-held.lines, bytes_read=-held.width)
        parse = Parse((), (), taken, held.without_lines())
        self._moves.append(_Move(before, None, lambda: parse))


def origin_of(tailer: Tailer) -> Origin:
    """Return where the records of *tailer* come from."""
    return Origin(tailer.eid, tailer.checkpoint.canonical, facts=tailer.facts)


def predecessor(tailer: Tailer, others: Iterable[Tailer]) -> Tailer | None:
    """Return the rotated one of *others* that the new file *tailer* follows, if there is one.

    Generations follow each other in the order in which they went on record, the oldest first: so
    of several rotated files each waits for the one before it, and none for one that waits for it.
    A file that was there before another one was rotated does not follow that.
    """
    c = tailer.checkpoint
    if c.offset != c.start:
        return None
    before = [
        (since, other.checkpoint.row, other)
        for other in others
        if other.checkpoint.row < c.row and _same_log(other.checkpoint, c)
        if (since := other.rotated_at) is not None and since <= tailer.opened_at
    ]
    return max(before, key=lambda found: found[:2])[-1] if before else None


def _same_log(this: Checkpoint, other: Checkpoint) -> bool:
    return (this.source, this.canonical) == (other.source, other.canonical)


def _counted(parse: Parse, held: Held) -> Parse:
    """Count the lines that were read with another file."""
    more = Ledger(lines_read=held.lines, bytes_read=held.width)
    return replace(parse, ledger=parse.ledger.plus(more))
