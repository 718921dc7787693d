"""What a terminal printed and when, as asciicast v2 keeps it, and what there was to see besides.

Rule 1: a cast is what was recorded; nothing is made up, put right or left out afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

COLUMNS = 92


class Shown(NamedTuple):
    """A picture that was taken at a time: seconds from the start."""

    at: float
    picture: str
    caption: str


class Printed(NamedTuple):
    """Characters that came at a time: seconds from the start."""

    at: float
    text: str


@dataclass(frozen=True)
class Cast:
    """One recording. Markers of the asciicast (`m`) name the pictures."""

    made: str
    printed: list[Printed]
    shown: list[Shown]

    @property
    def text(self) -> str:
        """All that stands on the terminal at the end."""
        return "".join(printed.text for printed in self.printed).replace("\r\n", "\n")

    def dump(self) -> str:
        """Return the file."""
        header = {"version": 2, "width": COLUMNS, "height": 24, "title": self.made}
        events = [
            *((at, "o", text) for at, text in self.printed),
            *((at, "m", f"{picture}: {caption}") for at, picture, caption in self.shown),
        ]
        in_order = sorted(events, key=lambda event: event[0])  # equal times stay as they came
        lines = [header, *([round(at, 3), kind, text] for at, kind, text in in_order)]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def load(text: str) -> Cast:
    """Return what a file holds."""
    header, *events = map(json.loads, text.splitlines())
    printed = [Printed(at, said) for at, kind, said in events if kind == "o"]
    shown = [Shown(at, *said.split(": ", 1)) for at, kind, said in events if kind == "m"]
    return Cast(header["title"], printed, shown)


class Piece(NamedTuple):
    """A part of a line that came at once."""

    at: float
    text: str


def lines_of(cast: Cast) -> Iterator[list[Piece]]:
    """Yield each line of the screen, folded at its width, as the pieces in which it came."""
    line: list[Piece] = []
    column = 0
    for at, text in cast.printed:
        for character in text.replace("\r\n", "\n"):
            assert character == "\n" or character.isprintable(), "no terminal is imitated here"
            if character == "\n" or column == COLUMNS:
                yield line
                line, column = [], 0
            if character == "\n":
                continue
            if line and line[-1].at == at:
                line[-1] = Piece(at, line[-1].text + character)
            else:
                line.append(Piece(at, character))
            column += 1
    yield line
