"""The world of a walk, in memory: words, lines, lives and files, and how records are made of lines.

A *word* is a number that is written once. A *line* is one or more words: a writer that was cut off
is followed by the next one on the same line. A *life* is what was written into a file since it was
made or last truncated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from shipper.event.recipe import Policy
from shipper.formats.multiline import MultilineRule
from shipper.formats.records import Rules

LINE_BYTES = 200
FLUSH = 2.0
BANNER = "t=1795000000 again"
WORD = re.compile(r"#(\d+)[-;]")


class Kind(NamedTuple):
    """How a line begins: what stands before its word, how much of that the record leaves out.

    `goes_on`: it belongs to the record of the line before it. `asks`: the next line of its stream
    belongs to its record.
    """

    head: Callable[[int], str]
    cut: int = 0
    stream: str = ""
    goes_on: bool = False
    asks: bool = False


class Dialect(NamedTuple):
    """What applications write, how records are made of it, and what joins lines in a record."""

    kinds: tuple[Kind, ...]
    rules: Rules | None = None
    glue: str = ""

    @property
    def policy(self) -> Policy:
        """The policy of a source that reads the dialect."""
        return Policy(
            rules=self.rules, flush_after=FLUSH, line_bytes=LINE_BYTES, long_lines="dead_letter"
        )


def _stamp(number: int) -> str:
    return f"t={1_795_000_000 + number} "


def _cri(stream: str, tag: str) -> Callable[[int], str]:
    return lambda number: f"2026-11-23T06:55:44.{number:09}Z {stream} {tag} "


_CRI_WIDTH = len(_cri("stdout", "F")(0))
LINES = Dialect((Kind(_stamp),))
STACKS = Dialect(
    (Kind(_stamp), Kind(lambda _: "\t", goes_on=True)),
    Rules(multiline=MultilineRule.starts_with(r"^t=\d")),
    "\n",
)
PODS = Dialect(
    tuple(
        Kind(_cri(stream, tag), _CRI_WIDTH, stream, asks=tag == "P")
        for stream in ("stdout", "stderr")
        for tag in "FP"
    ),
    Rules(container="auto"),
)
DIALECTS = {"lines": LINES, "stacks": STACKS, "pods": PODS}


class Piece(NamedTuple):
    """What one write put into a line: a word (0: none), and what stands round it."""

    kind: Kind
    word: int
    text: str


@dataclass(eq=False, slots=True)
class Line:
    """A line: pieces, and whether it is `done`.

    `era` and `at` are when it was done (see `Oracle.disturb`). `cuts` are the numbers of pieces
    that a shipper may have taken for the whole line. `record` are the lines of its record.
    """

    life: Life
    index: int
    pieces: list[Piece] = field(default_factory=list)
    ends_with_lf: bool = False
    done: bool = False
    era: int = -1
    at: float = 0.0
    cuts: set[int] = field(default_factory=set)
    record: list[Line] | None = None

    def __repr__(self) -> str:
        return f"<{self.text!r}{'' if self.done else '…'}>"

    @property
    def kind(self) -> Kind:
        """How it begins."""
        return self.pieces[0].kind

    @property
    def text(self) -> str:
        """What stands in the file."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def words(self) -> list[int]:
        """Its words."""
        return [piece.word for piece in self.pieces if piece.word]

    @property
    def too_long(self) -> bool:
        """Whether the line is over the limit, so that it becomes a dead letter."""
        return len(self.text) + self.ends_with_lf > LINE_BYTES


@dataclass(eq=False, slots=True)
class Life:
    """What was written into a file since it was made or last truncated."""

    lines: list[Line] = field(default_factory=list)
    sweeps: int = 0
    reached: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        return repr(self.lines)

    @property
    def words(self) -> list[int]:
        """All words in it."""
        return [word for line in self.lines for word in line.words]

    @property
    def whole(self) -> list[int]:
        """The words of its whole lines."""
        return [word for line in self.lines if line.done for word in line.words]

    @property
    def open_line(self) -> Line | None:
        """The last line, if it has no end yet."""
        return self.lines[-1] if self.lines and not self.lines[-1].done else None

    def before(self, line: Line) -> Line | None:
        """The line before *line* in its stream that can be in a record."""
        for other in reversed(self.lines[: line.index]):
            if other.kind.stream == line.kind.stream and not other.too_long:
                return other
        return None

    def renumber(self) -> None:
        """Give the lines their places again, after one was cut in two."""
        for index, line in enumerate(self.lines):
            line.index = index


@dataclass(eq=False, slots=True)
class File:
    """A file: its name (None: deleted), its life, and what is certain about the shipper and it.

    `log` is the name of the log by which a copy would be known. `held`: the shipper has it open.
    `detached`: it was looked for and not found; `missed`: perhaps it was. `closed`: it was let go.
    `recorded`: its node is on record. `fresh`: no turn was taken since it was made. `copied`: it is
    the copy of a log that was then emptied; `packed`: an archive.
    """

    name: str | None
    log: str
    life: Life = field(default_factory=Life)
    held: bool = False
    detached: bool = False
    missed: bool = False
    closed: bool = False
    recorded: bool = True
    fresh: bool = True
    copied: bool = False
    packed: bool = False
    busy: bool = False

    def __repr__(self) -> str:
        marks = [
            mark
            for mark in ("held", "detached", "closed", "fresh", "copied", "packed", "busy")
            if getattr(self, mark)
        ]
        return f"{self.name}({', '.join(marks)}: {self.life})"

    @property
    def beside(self) -> bool:
        """Whether it stands in the directory of the logs."""
        return self.name is not None and "/" not in self.name

    @property
    def findable(self) -> bool:
        """Whether a shipper that restarts finds the file by its inode where it was last seen."""
        return self.beside and self.recorded and not self.closed and self.life.sweeps > 2
