"""From lines to records: unwraps containers' lines, joins split ones, groups those of one record.

Rule 1: every line is in exactly one record, or is held; so the widths of the records and of what
        is held add up to those of the lines and of what was held before. The same for `lines`.
Rule 2: how the lines are cut into calls changes nothing: the same lines give the same records in
        the same order, also where what is held was stored and read back in between.
Rule 3: a record comes out when it is complete, and has the offset of its first line. Streams are
        apart: a line of one neither ends nor joins a record of another.
Rule 4: a line is never cut. A record that would grow over a limit comes out flagged ``truncated``
        before it does; the line that did not fit begins the next record, flagged ``continued``,
        and the group goes on with that one. So a limit parts a record and loses nothing.
Rule 5: a record without flags, assembled alone from its own raw lines, is the same record.
Rule 6: blank lines at the end of a group belong to it, but not to its text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

from shipper.formats.containers import UNWRAP, Unwrap
from shipper.formats.held import EMPTY, RECORD_FLAGS, STREAMS, Held, Open, Record
from shipper.formats.multiline import MultilineRule

__all__ = ["EMPTY", "Held", "Line", "Record", "Rules", "assemble", "flush"]

Container = Literal["none", "auto", "docker", "cri"]


class Line(NamedTuple):
    """A line of a file: offset, bytes without LF, text without line end, bytes with LF."""

    offset: int
    raw: bytes
    text: str
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the lines of a source become records.

    `max_lines` limits the lines of a group, a line that was joined of pieces counting once;
    `max_bytes` the bytes of a record in the file, line ends and wrappings included. A single line
    is a record whatever its size.
    """

    container: Container = "none"
    multiline: MultilineRule | None = None
    max_lines: int = 500
    max_bytes: int = 256 * 1024

    def __post_init__(self) -> None:
        if self.container != "none" and self.container not in UNWRAP:
            raise ValueError(f"unknown container format {self.container!r}")
        if self.max_lines < 1 or self.max_bytes < 1:
            raise ValueError("a record has at least one line and one byte")


def assemble(lines: Iterable[Line], held: Held, rules: Rules) -> tuple[list[Record], Held]:
    """Return the records that *lines* complete, and what is held after them.

    *lines* follow on those of the calls before, which *held* is the result of.
    """
    work = _Assembly(held, rules)
    if rules.container == "none":
        work.plain(lines)
    else:
        work.wrapped(lines, UNWRAP[rules.container])
    return work.out, work.held()


def flush(held: Held, rules: Rules) -> list[Record]:
    """Return what is held as records, by offset: no line will come, or none came for too long.

    A line whose last piece is missing is flagged ``partial``.
    """
    work = _Assembly(held, rules)
    for stream in tuple(work.pieces):
        work.take(_line(work.pieces.pop(stream).parts, "partial"))
    work.out += [_group(draft.parts) for draft in work.groups.values()]
    return sorted(work.out, key=attrgetter("offset"))


class _Draft:
    """A record in the making. Every member changes while lines come in."""

    __slots__ = ("parts", "state", "width")

    def __init__(self, parts: list[Record], state: int = 0) -> None:
        self.parts = parts
        self.state = state
        self.width = sum(part.width for part in parts)

    def add(self, part: Record) -> None:
        self.parts.append(part)
        self.width += part.width


class _Assembly:
    """One call's work: what is open by stream, and what came out."""

    def __init__(self, held: Held, rules: Rules) -> None:
        self.out: list[Record] = []
        self.pieces: dict[str | None, _Draft] = {}
        self.groups: dict[str | None, _Draft] = {}
        self._rules = rules
        for state, parts in held.opens:
            opens = self.groups if state else self.pieces
            opens[parts[0].stream] = _Draft(list(parts), state)
        # Without a rule and without an old group, which a rule before may have left, it is simple.
        simple = rules.multiline is None and not self.groups
        self.take = self.out.append if simple else self._collect

    def held(self) -> Held:
        if not self.pieces and not self.groups:
            return EMPTY
        opens = [
            Open(draft.state, tuple(draft.parts))
            for stream in STREAMS
            for drafts in (self.pieces, self.groups)
            if (draft := drafts.get(stream))
        ]
        return Held(tuple(opens))

    def plain(self, lines: Iterable[Line]) -> None:
        take = self.take
        for offset, raw, text, width in lines:
            take(Record(offset, raw, text, 1, width, None, None))

    def wrapped(self, lines: Iterable[Line], unwrap: Unwrap) -> None:
        take, pieces = self.take, self.pieces
        for offset, raw, text, width in lines:
            piece = unwrap(raw, text)
            if piece is None:
                take(Record(offset, raw, text, 1, width, None, None))
                continue
            stream, time, body, partial = piece
            record = Record(offset, raw, body, 1, width, stream, time)
            if partial or (pieces and stream in pieces):
                self._join(record, partial=partial)
            else:
                take(record)

    def _join(self, piece: Record, *, partial: bool) -> None:
        """Add *piece* to the open line of its stream; the line is complete if it isn't partial."""
        draft = self.pieces.pop(piece.stream, None)
        if draft and draft.width + piece.width > self._rules.max_bytes:
            self.take(_line(draft.parts, "truncated"))
            piece, draft = piece._replace(flags=("continued",)), None
        if draft:
            draft.add(piece)
        else:
            draft = _Draft([piece])
        if partial:
            self.pieces[piece.stream] = draft
        else:
            self.take(_line(draft.parts))

    def _collect(self, line: Record) -> None:
        """Give the whole *line* to the group of its stream, or begin another one, or neither."""
        draft, rule = self.groups.get(line.stream), self._rules.multiline
        state = draft.state if draft else 0
        if rule is None:
            fate, to = "alone", 0
        elif "continued" in line.flags:  # it begins amid a line, where patterns would mislead
            fate, to = ("join", state) if draft else ("alone", 0)
        else:
            fate, to = rule.step(state, line.text)
        if draft and fate in ("join", "last"):
            self._extend(draft, line, to)
        else:
            self._close(line.stream)
            if fate == "begin":
                self.groups[line.stream] = _Draft([line], to)
            else:
                self.out.append(line)

    def _extend(self, draft: _Draft, line: Record, to: int) -> None:
        """Add *line* to the group *draft*, or to the next one if it is full (rule 4)."""
        rules = self._rules
        full = len(draft.parts) >= rules.max_lines or draft.width + line.width > rules.max_bytes
        if full:
            self._close(line.stream, "truncated")
            line = line._replace(flags=_united(line.flags, ("continued",)))
            draft = self.groups[line.stream] = _Draft([line])
        else:
            draft.add(line)
        draft.state = to
        if not to:
            self._close(line.stream)

    def _close(self, stream: str | None, *flags: str) -> None:
        draft = self.groups.pop(stream, None)
        if draft:
            self.out.append(_group(draft.parts, *flags))


def _line(pieces: list[Record], *flags: str) -> Record:
    """Join the pieces of a line. A CR LF may have been split between the last two."""
    if len(pieces) == 1 and not flags:
        return pieces[0]
    return _joined(pieces, "".join([piece.text for piece in pieces]).removesuffix("\r"), flags)


def _group(lines: list[Record], *flags: str) -> Record:
    """Join the lines of a group."""
    if len(lines) == 1 and not flags:
        return lines[0]
    texts = [line.text for line in lines]
    while len(texts) > 1 and (not texts[-1] or texts[-1].isspace()):
        texts.pop()
    return _joined(lines, "\n".join(texts), flags)


def _joined(parts: list[Record], text: str, flags: tuple[str, ...]) -> Record:
    first = parts[0]
    return first._replace(
        raw=b"\n".join([part.raw for part in parts]),
        text=text,
        lines=sum(part.lines for part in parts),
        width=sum(part.width for part in parts),
        flags=_united(flags, *(part.flags for part in parts)),
    )


def _united(*flags: tuple[str, ...]) -> tuple[str, ...]:
    """Return each flag once, in the order of RECORD_FLAGS."""
    return tuple(flag for flag in RECORD_FLAGS if any(flag in given for given in flags))
