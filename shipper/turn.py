"""One turn's harvest: what was read of each file, and what it comes to, until it is committed.

Rule 1: nothing here changes a tailer before `advance`, which follows the commit.
Rule 2: what is held of a rotated file goes on in the file that follows it, with its count in the
        ledger: a record may begin in one and end in the other. So the first bytes of a file are
        not read before the one that it follows is read to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shipper.event.chunk import Parse, Recipe, cut_line, flush_held, parse_chunk
from shipper.event.entities import Edges, Origin
from shipper.formats.held import Held
from shipper.model import Ledger
from shipper.store.store import Progress
from shipper.tail.checkpoint import Checkpoint
from shipper.tail.chunk import Chunk
from shipper.tail.stream import StreamTailer
from shipper.tail.tailer import Tailer


class Turn:
    """What one turn of the pump reads; `progress` is what is to be committed."""

    def __init__(self, recipes: Mapping[str, Recipe], read_us: int) -> None:
        self._recipes = recipes
        self._read_us = read_us
        self._moves: list[tuple[Tailer, Chunk | None, Progress]] = []
        self._handed_over: set[Tailer] = set()

    @property
    def progress(self) -> list[Progress]:
        """What is to be committed, in this order."""
        return [progress for _, _, progress in self._moves]

    @property
    def perishable(self) -> bool:
        """Whether some of it can't be read again, whatever happens: it came from a stream."""
        return any(isinstance(tailer, StreamTailer) for tailer, _, _ in self._moves)

    @property
    def tailers(self) -> list[Tailer]:
        """The tailers that this turn moves."""
        return [tailer for tailer, _, _ in self._moves]

    def read(self, tailer: Tailer, chunk: Chunk, before: Tailer | None) -> None:
        """Take in a *chunk*; *before* is the rotated file that this one follows, if it is new."""
        held = tailer.checkpoint.held
        if before is not None and before.checkpoint.held.opens and before not in self._handed_over:
            held = before.checkpoint.held
            self._hand_over(before, held)
            parse = _counted(self._parse(tailer, chunk, held), held)
        else:
            parse = self._parse(tailer, chunk, held)
        after, behind = chunk.after.holding(parse.held), tailer.is_behind(chunk)
        self._moves.append((tailer, chunk, Progress(after, parse, behind)))

    def flush(self, tailer: Tailer) -> None:
        """Take what is held of *tailer* as it is: nothing came after it for too long."""
        recipe, origin = self._recipes[tailer.checkpoint.source], origin_of(tailer)
        parse = flush_held(tailer.checkpoint.held, recipe, origin, self._read_us)
        self._moves.append((tailer, None, Progress(tailer.checkpoint.holding(parse.held), parse)))

    def advance(self, now: float) -> None:
        """Move the tailers on, now that it is committed."""
        for tailer, chunk, progress in self._moves:
            if chunk is None:
                tailer.checkpoint = progress.checkpoint
            else:
                tailer.advance(chunk._replace(after=progress.checkpoint))
                tailer.served_at = now

    def _parse(self, tailer: Tailer, chunk: Chunk, held: Held) -> Parse:
        recipe = self._recipes[tailer.checkpoint.source]
        c = tailer.checkpoint
        edges = Edges(chunk.continues, chunk.partial)
        how = (chunk.encoding, chunk.bom_length, edges)
        origin = Origin(tailer.eid, c.canonical, *how, tailer.facts)
        if chunk.hole:
            return Parse((), (), Ledger(bytes_read=chunk.width, bytes_blank=chunk.width), held)
        if chunk.width != len(chunk.data):
            cut = (chunk.data, chunk.base, chunk.width)
            return cut_line(cut, recipe, origin, self._read_us, held)
        return parse_chunk(chunk.data, chunk.base, recipe, origin, self._read_us, held)

    def _hand_over(self, before: Tailer, held: Held) -> None:
        self._handed_over.add(before)
        taken = Ledger(lines_read=-held.lines, bytes_read=-held.width)
        progress = Progress(before.checkpoint.holding(held.without_lines()), Parse((), (), taken))
        self._moves.append((before, None, progress))


def origin_of(tailer: Tailer) -> Origin:
    """Return where the records of *tailer* come from."""
    return Origin(tailer.eid, tailer.checkpoint.canonical, facts=tailer.facts)


def predecessor(tailer: Tailer, others: Iterable[Tailer]) -> Tailer | None:
    """Return the rotated one of *others* that the new file *tailer* follows, if there is one.

    Generations follow each other in the order in which they went on record, the oldest first: so
    of several rotated files each waits for the one before it, and none for one that waits for it.
    """
    c = tailer.checkpoint
    if c.offset != c.start:
        return None
    before = [other for other in others if other.checkpoint.row < c.row and _precedes(other, c)]
    return max(before, key=lambda other: other.checkpoint.row, default=None)


def _precedes(other: Tailer, c: Checkpoint) -> bool:
    o = other.checkpoint
    rotated = other.detached_at is not None or o.path != o.canonical
    return rotated and (o.source, o.canonical) == (c.source, c.canonical)


def _counted(parse: Parse, held: Held) -> Parse:
    """Count the lines that were read with another file."""
    more = Ledger(lines_read=held.lines, bytes_read=held.width)
    return Parse(parse.batches, parse.rejects, parse.ledger.plus(more), parse.held)
