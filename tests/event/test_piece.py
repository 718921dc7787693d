"""Tests of pieces: a part of a piece is parsed as it would be within the whole."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.event.batch import unpack
from shipper.event.builder import Envelope
from shipper.event.chunk import Parse
from shipper.event.entities import Edges
from shipper.event.piece import Inline, Piece, joined, parse_piece, parts_of
from shipper.event.recipe import Policy, Recipe
from shipper.formats.encodings import Encoding
from shipper.formats.held import Held
from shipper.formats.multiline import PRESETS
from shipper.formats.records import Rules
from shipper.grammar.library import Library

GENERATION = uuid.UUID(int=5)
NOW_US = 1_795_000_000_000_000


def _recipe(name: str = "logfmt", **policy: object) -> Recipe:
    return Recipe([Library().named(name)], Envelope(), Policy(**policy))  # type: ignore[arg-type]


PLAIN = _recipe()


def _piece(data: bytes, base: int = 0) -> Piece:
    return Piece("app", GENERATION, "/logs/app.log", data, base, len(data), NOW_US)


def _events(parse: Parse) -> list[bytes]:
    return [event for batch in parse.batches for event in unpack(batch).split(b"\n")]


@given(
    lines=st.lists(st.sampled_from([b"a=1", b"", b"no", b"a=1 b=" + b"x" * 40]), min_size=1),
    ended=st.booleans(),
    base=st.integers(0, 1 << 40),
    size=st.integers(1, 200),
)
def test_the_parses_of_the_parts_are_that_of_the_whole(
    lines: Sequence[bytes], ended: bool, base: int, size: int
) -> None:
    """Wherever it is cut: the same events with the same ids, the same rejects, the same ledger."""
    whole = _piece(b"\n".join(lines) + (b"\n" if ended else b"."), base)
    parts = parts_of(whole, PLAIN, size)
    assert b"".join(part.data for part in parts) == whole.data
    assert all(part.data.endswith(b"\n") for part in parts[:-1])
    once, cut = parse_piece(whole, PLAIN), joined([parse_piece(part, PLAIN) for part in parts])
    assert _events(cut) == _events(once)
    assert (cut.rejects, cut.ledger, cut.held) == (once.rejects, once.ledger, once.held)


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        (_recipe(rules=Rules(multiline=PRESETS["java"])), {}),
        (_recipe("w3c_extended"), {}),
        (PLAIN, {"edges": Edges(continues=True)}),
        (PLAIN, {"encoding": Encoding.named("utf-16-le")}),
        (PLAIN, {"held": Held(memory=(("header", "x"),))}),
        (PLAIN, {"width": 1_000}),
    ],
    ids=["lines of one record", "headers", "half a line", "encoding", "memory", "cut line"],
)
def test_what_hangs_together_is_not_cut(recipe: Recipe, changes: dict[str, object]) -> None:
    """Where lines depend on each other, or the bytes are no plain lines, a piece is one part."""
    piece = _piece(b"a=1\n" * 50)._replace(**changes)  # type: ignore[arg-type]
    assert parts_of(piece, recipe, 10) == [piece]


def test_a_hole_has_no_lines() -> None:
    """Bytes that belong to no line are counted as blank."""
    hole = _piece(b"")._replace(width=4_096)
    ledger = Inline({"app": PLAIN}).begin(hole)().ledger
    assert (ledger.bytes_read, ledger.bytes_blank, ledger.lines_read) == (4_096, 4_096, 0)
