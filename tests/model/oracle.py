"""What a walk may expect: which words are owed, which may come, and what came.

Rule 1: a word is *owed* when it must come, exactly once. It is excused when its bytes were cut
        off or deleted, or its file left all sight, before a shipper could take hold of it.
Rule 2: a record is made of whole lines and says exactly what they say. The lines of a life come in
        order; lines that belong together come together, unless a shipper was disturbed in between.
Rule 3: what came is looked at once, when it comes. What stays in the queue stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson

from shipper.event.batch import unpack
from tests.model.world import BANNER, FLUSH, LINE_BYTES, WORD, Dialect, Kind, Life, Line, Piece
from tests.shipping import Shipper

_GAP = b"/gap/"
SOON = FLUSH - 0.5  # seconds


class Oracle:
    """Everything that was written, and everything that came."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._lines: dict[int, Line] = {}
        self._count = 0
        self._era = 0
        self._banners = 0
        self._batch = 0
        self._letter = 0
        self.owed: set[int] = set()
        self.came: set[int] = set()
        self.events: dict[str, bytes] = {}
        self._places: dict[str, int] = {}
        self._lives: dict[str, Life] = {}
        self.ghosts: dict[int, tuple[str, bytes]] = {}
        self.gaps = 0
        self.lost = 0
        self.rejected = 0
        self.lines_emitted = 0
        self.written = 0
        self.spotless = True

    # What is written

    def piece(self, kind: int, *, long: bool = False) -> Piece:
        """Return a piece with a new word."""
        self._count += 1
        number = self._count
        chosen = self._dialect.kinds[kind % len(self._dialect.kinds)]
        # No two pieces have a stretch in common by which one could be taken for the other.
        filling = f"-{number}" * (LINE_BYTES if long else number * 7 % 8)
        return Piece(chosen, number, f"{chosen.head(number)}#{number}{filling};")

    def write(self, life: Life, piece: Piece, *, end: bool, owed: bool, at: float | None) -> None:
        """Note that *piece* was written, and whether the end of its line was.

        *at* is the time, for a log under its own name; what a rotated one holds may go on in the
        next.
        """
        line = life.open_line
        if line is None:
            line = Line(life, len(life.lines))
            life.lines.append(line)
        line.pieces.append(piece)
        self._lines[piece.word] = line
        self.written += len(piece.text) + end
        if end:
            line.ends_with_lf = line.done = True
            line.era, line.at = (-1, 0.0) if at is None else (self._era, at)
            if owed:
                self.owed.update(line.words)

    def banner(self, life: Life) -> bytes:
        """Begin a life with the line that many begin with."""
        life.lines.append(Line(life, 0, [Piece(self._dialect.kinds[0], 0, BANNER)], True, True))
        self._banners += 1
        self.written += len(BANNER) + 1
        return BANNER.encode() + b"\n"

    def take_back(self, life: Life) -> int:
        """Forget the line without an end; return its bytes, which nobody may have read."""
        line = life.open_line
        if line is None:
            return 0
        life.lines.pop()
        for piece in line.pieces:
            del self._lines[piece.word]
        self.spotless = False
        return len(line.text)

    def close(self, life: Life, *, owed: bool) -> None:
        """Note that what there is of the last line is the whole line: its file is over."""
        line = life.open_line
        if line is not None:
            line.done = True
            if owed:
                self.owed.update(line.words)

    def may_close(self, life: Life) -> None:
        """Note that what there is of the last line may be taken for the whole line."""
        line = life.open_line
        if line is not None:
            line.cuts.add(len(line.pieces))

    def owe(self, life: Life) -> None:
        """Note that all whole lines of a life have to come."""
        self.owed.update(life.whole)

    def excuse(self, life: Life) -> None:
        """Note that what has not come of a life need not come any more."""
        if self.came.issuperset(life.words):
            return
        self.owed.difference_update(life.words)
        self.spotless = False

    def disturb(self) -> None:
        """Note that lines from before and from after need not be in one record."""
        self._era += 1

    # What comes

    def harvest(self, shipper: Shipper) -> None:
        """Look at what came into the queue and to the dead letters since the last time."""
        for payload in self._new_payloads(shipper):
            self._event(payload)
        for letter in shipper.store.dead_letters.page(after=self._letter):
            self._letter = letter.id
            if letter.reason == "oversize":
                self._oversize(letter.raw.decode())
            elif letter.reason == "gap":
                self.rejected += 1
            else:
                assert letter.reason == "rejected", letter

    def glimpse(self, shipper: Shipper) -> None:
        """Remember what came into a queue that will be lost: it has to come again as it is."""
        batch = self._batch
        for payload in self._new_payloads(shipper):
            if _GAP not in payload:
                eid, text = _told(payload)
                self.ghosts.update((word, (eid, payload)) for word in _words(text)[:1])
        self._batch = batch

    def place(self, eid: str) -> int:
        """Return which event it was, in the order of the queue."""
        return self._places[eid]

    def life(self, eid: str) -> Life | None:
        """Return whose lines an event has; none: it is a gap, or a line that many begin with."""
        return self._lives.get(eid)

    def forget(self, life: Life) -> None:
        """Forget how a life looked in a queue that was lost, for its log has another name."""
        for word in life.words:
            self.ghosts.pop(word, None)

    def missing(self) -> list[int]:
        """Return what is owed and has not come."""
        return sorted(self.owed - self.came)

    def _new_payloads(self, shipper: Shipper) -> Iterator[bytes]:
        for queued in shipper.queue(self._batch):
            self._batch = queued.id
            yield from unpack(queued.batch).split(b"\n")

    def _event(self, payload: bytes) -> None:
        eid, text = _told(payload)
        assert eid not in self.events, f"two events have the id {eid}"
        self._places[eid] = len(self.events)
        self.events[eid] = payload
        if _GAP in payload:
            self.gaps += 1
            self.lost += _lost(payload)
            return
        if text == BANNER:
            self._banner()
            return
        lines = self._lines_in(text)
        self._lives[eid] = lines[0].life
        bodies = [line.text[line.kind.cut :] for line in lines]
        assert text == self._dialect.glue.join(bodies), (text, bodies)
        for line in lines:
            self._came(line, lines)
            self._in_order(line)
        for line, after in pairwise(lines):
            assert _together(line.kind, after.kind), f"{line} and {after} are two records"
            assert _adjacent(line, after), f"{after} does not follow {line}"
        self._whole_record(lines[0])
        self.lines_emitted += len(lines)
        ghost = self.ghosts.get(lines[0].words[0])
        if self._dialect.rules is None and ghost and ghost != (eid, payload):
            raise AssertionError(f"{text} came again as another event: {ghost}, {payload!r}")

    def _banner(self) -> None:
        self.lines_emitted += 1
        self._banners -= 1
        assert self._banners >= 0, "more banners came than were written"

    def _lines_in(self, text: str) -> list[Line]:
        """Return the lines that a record is made of."""
        words = _words(text)
        assert words, f"nobody wrote {text!r}"
        lines: list[Line] = []
        while words:
            assert words[0] in self._lines, f"nobody wrote {text!r}, or it was taken back"
            line = self._lines[words[0]]
            lines.append(self._cut_to(line, words))
            del words[: len(line.pieces)]
        return lines

    def _cut_to(self, line: Line, words: list[int]) -> Line:
        """Return the line that begins with *words*, cut where it was taken as whole."""
        if line.done and words[: len(line.pieces)] == line.words:
            return line
        for count in sorted(line.cuts, reverse=True):
            if line.words[:count] == words[:count]:
                self._cut(line, count)
                return line
        raise AssertionError(f"{line} came in part: {words}")

    def _cut(self, line: Line, count: int) -> None:
        rest = line.pieces[count:]
        if rest:
            after = Line(line.life, 0, rest, line.ends_with_lf, line.done)
            line.life.lines.insert(line.index + 1, after)
            for index, other in enumerate(line.life.lines):
                other.index = index
            self._lines.update((piece.word, after) for piece in rest)
        del line.pieces[count:]
        line.ends_with_lf, line.done, line.era, line.cuts = False, True, -1, set()

    def _came(self, line: Line, record: list[Line]) -> None:
        assert line.record is None, f"{line} came twice"
        line.record = record
        self.came.update(line.words)

    def _in_order(self, line: Line) -> None:
        if line.era < 0 and self._dialect.rules:
            return  # what was written before it may have gone on in the log that followed
        reached = line.life.reached
        assert reached.get(line.kind.stream, -1) < line.index, f"{line} came out of order"
        reached[line.kind.stream] = line.index

    def _whole_record(self, first: Line) -> None:
        """Make sure that *first* begins a record by right."""
        before = first.life.before(first)
        if before is None or before.record is None or not _together(before.kind, first.kind):
            return
        alone = before.kind.goes_on and before.record[0] is before
        soon = before.era == first.era == self._era and first.at - before.at < SOON
        if soon and not alone:
            raise AssertionError(f"{first} belongs to the record {before.record}")

    def _oversize(self, raw: str) -> None:
        words = [int(word) for word in WORD.findall(raw)]
        line = self._lines[words[0]]
        if not line.done:
            self._cut(line, max(line.cuts))
        assert line.too_long, f"{line} is not too long"
        assert line.text[:LINE_BYTES] == raw[:LINE_BYTES], (line, raw)
        self._came(line, [line])


def _told(payload: bytes) -> tuple[str, str]:
    return orjson.loads(payload)["eid"], _data(payload).get("message", "")


def _lost(payload: bytes) -> int:
    return int(_data(payload)["bytes"])


def _data(payload: bytes) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(orjson.loads(payload)["ue_pr"])["data"]["data"]
    return data


def _words(text: str) -> list[int]:
    return [int(word) for word in WORD.findall(text)]


def _together(kind: Kind, after: Kind) -> bool:
    return kind.asks or after.goes_on


def _adjacent(line: Line, after: Line) -> bool:
    """Tell whether *after* follows *line*, in the same life or as the first of a later one."""
    if line.life is after.life:
        return after.life.before(after) is line
    return after.life.before(after) is None
