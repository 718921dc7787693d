"""A piece of a file on its way through the grammars, as a value: here, or in another process.

Rule 1: a piece holds all that its parse depends on, but for the recipe of its source: the same
        piece gives the same parse wherever it is made.
Rule 2: a chunk whose lines depend on nothing before them may be cut at the ends of lines; the
        parses of its parts, joined, are the parse of the whole, but for where batches end.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import NamedTuple, Protocol

from shipper.event.chunk import Parse, cut_line, parse_chunk, parse_short
from shipper.event.entities import Edges, Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.formats.encodings import UTF_8, Encoding
from shipper.formats.held import EMPTY, Held
from shipper.model import Ledger

# A batch of fewer bytes of lines costs more by itself than by what it holds.
_SHORT = 16 * 1024


class Piece(NamedTuple):
    """Bytes of a file generation, from offset `base` on: whole lines, or one that was cut.

    `path` is the canonical one. `width` is more than the bytes that there are where one overlong
    line had its end cut off, or where there are no lines but a hole. `facts` are what a container
    runtime says; `held` is what was read before and is not complete.
    """

    source: str
    generation: uuid.UUID
    path: str
    data: bytes
    base: int
    width: int
    read_us: int
    held: Held = EMPTY
    encoding: Encoding = UTF_8
    bom_length: int = 0
    edges: Edges = Edges()
    facts: Mapping[str, str] | None = None


class Parser(Protocol):
    """What parses pieces."""

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """How the lines of each source become events."""

    def begin(self, piece: Piece) -> Callable[[], Parse]:
        """Begin with *piece*; return the function that waits for its parse."""


class Inline:
    """Parses where it is called."""

    def __init__(self, recipes: Mapping[str, Recipe]) -> None:
        self.recipes = recipes

    def begin(self, piece: Piece) -> Callable[[], Parse]:
        """Parse *piece*; return the function that returns the parse."""
        parse = parse_piece(piece, self.recipes[piece.source], loose=piece.width <= _SHORT)
        return lambda: parse


def parse_piece(piece: Piece, recipe: Recipe, *, loose: bool = False) -> Parse:
    """Make events of the lines of *piece*; with *loose*, they are left to be packed with others."""
    if not piece.data:
        ledger = Ledger(bytes_read=piece.width, bytes_blank=piece.width)
        return Parse((), (), ledger, piece.held)
    how = (piece.encoding, piece.bom_length, piece.edges, piece.facts)
    origin = Origin(EventIds(piece.generation), piece.path, *how)
    if piece.width != len(piece.data):
        line = (piece.data, piece.base, piece.width)
        return cut_line(line, recipe, origin, piece.read_us, piece.held)
    parse = parse_short if loose else parse_chunk
    return parse(piece.data, piece.base, recipe, origin, piece.read_us, piece.held)


def parts_of(piece: Piece, recipe: Recipe, size: int) -> list[Piece]:
    """Cut *piece* into parts of about *size* bytes, if it may be cut (rule 2)."""
    related = recipe.reads_in_order or any(piece.edges) or piece.held != EMPTY
    if related or piece.encoding != UTF_8 or piece.width != len(piece.data):
        return [piece]
    parts, start, data = [], 0, piece.data
    while start < len(data):
        end = data.find(b"\n", start + size - 1) + 1 or len(data)
        part = data[start:end]
        parts.append(piece._replace(data=part, base=piece.base + start, width=len(part)))
        start = end
    return parts


def joined(parses: Sequence[Parse]) -> Parse:
    """Return what the parses of the parts of one piece, in their order, come to."""
    return Parse(
        tuple(batch for parse in parses for batch in parse.batches),
        tuple(reject for parse in parses for reject in parse.rejects),
        reduce(Ledger.plus, (parse.ledger for parse in parses)),
        parses[-1].held,
    )
