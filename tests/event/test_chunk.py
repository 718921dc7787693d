"""Tests of a chunk's way to the queue: every line has one fate, and the sums prove it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.event.batch import unpack
from shipper.event.builder import Envelope
from shipper.event.chunk import Parse, cut_line, parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Policy, Recipe
from shipper.grammar.grammar import Grammar
from shipper.grammar.library import Library
from shipper.model import Ledger, Mismatch, Parsed
from tests.shipping import any_line

ORIGIN = Origin(EventIds(uuid.UUID(int=3)), "/logs/app.log")
NOW_US = 1_795_000_000_000_000


@pytest.fixture(scope="module")
def any_text(tmp_path_factory: pytest.TempPathFactory) -> Grammar:
    return any_line(tmp_path_factory.mktemp("any"))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Grammar:
    """A grammar of lines ``n=NUMBER`` with a limit, and ``boom`` that it stumbles over."""
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "numbers.yaml").write_text(
        "name: numbers\ntitle: a number\n"
        "schema: iglu:com.example/numbers/jsonschema/1-0-0\n"
        "match: ['^n=(?<n>\\d+)$']\n"
        "fields: {n: {type: integer, maximum: 99, minimum: 0, description: a number}}\n"
        "samples: [{line: n=7, expect: {n: 7}}, {line: x, expect: null}]\n",
        encoding="utf-8",
    )
    return Library([Path(folder)]).get("numbers")


def _recipe(*grammars: Grammar, line_bytes: int = 60, drop: bool = False) -> Recipe:
    envelope = Envelope(max_bytes=2_000)
    policy = Policy(line_bytes=line_bytes, long_lines="dead_letter", drop_unmatched=drop)
    return Recipe(grammars, envelope, policy)


def _events(parse: Parse) -> list[dict[str, str]]:
    return [orjson.loads(e) for b in parse.batches for e in unpack(b).split(b"\n")]


def _messages(parse: Parse) -> list[str]:
    return [orjson.loads(e["ue_pr"])["data"]["data"]["message"] for e in _events(parse)]


LINES = st.lists(
    st.sampled_from([b"n=7", b"n=100", b"n=007", b"", b"  ", b"\r", b"x", b"\xff", b"y" * 70])
    | st.binary(max_size=8).map(lambda raw: raw.replace(b"\n", b"")),
    min_size=1,
    max_size=20,
)


@settings(max_examples=150)
@given(lines=LINES, ended=st.booleans(), drop=st.booleans(), base=st.integers(0, 1 << 40))
def test_every_line_has_one_fate(
    numbers: Grammar, lines: Sequence[bytes], ended: bool, drop: bool, base: int
) -> None:
    """Whatever the lines are, the ledger adds up, and counts what came out."""
    chunk = b"\n".join(lines) + (b"\n" if ended else b"")
    if not chunk:
        return
    parse = parse_chunk(chunk, base, _recipe(numbers, drop=drop), ORIGIN, NOW_US)
    ledger = parse.ledger
    assert ledger.adds_up(), ledger
    assert ledger.bytes_read == len(chunk)
    assert ledger.lines_read == len(chunk.removesuffix(b"\n").split(b"\n"))
    assert ledger.lines_emitted == len(_events(parse)) == sum(b.events for b in parse.batches)
    assert ledger.lines_rejected + ledger.lines_oversize == len(parse.rejects)


@settings(max_examples=100)
@given(lines=LINES, cut=st.integers(0, 20), base=st.integers(1, 1 << 40))
def test_where_a_chunk_is_cut_does_not_matter(
    numbers: Grammar, lines: list[bytes], cut: int, base: int
) -> None:
    """Two chunks give the events and rejects that one gives: same ids, same bytes, same places."""
    ended = [line + b"\n" for line in lines]
    recipe = _recipe(numbers)
    whole = parse_chunk(b"".join(ended), base, recipe, ORIGIN, NOW_US)
    parts, offset = [], base
    for part in (b"".join(ended[:cut]), b"".join(ended[cut:])):
        if part:
            parts.append(parse_chunk(part, offset, recipe, ORIGIN, NOW_US))
        offset += len(part)
    assert _events(whole) == [event for part in parts for event in _events(part)]
    assert whole.rejects == tuple(reject for part in parts for reject in part.rejects)
    total = Ledger()
    for each in parts:
        total = total.plus(each.ledger)
    assert whole.ledger == total


def test_offsets_and_raw_bytes_make_the_ids(any_text: Grammar) -> None:
    """An event's id is that of its offset and raw bytes, the CR included."""
    parse = parse_chunk(b"one\r\ntw\xff\n\nlast", 100, _recipe(any_text), ORIGIN, NOW_US)
    assert _messages(parse) == ["one", "tw\ufffd", "last"]
    places = [(100, b"one\r"), (105, b"tw\xff"), (110, b"last")]
    assert [event["eid"] for event in _events(parse)] == [ORIGIN.eid(*place) for place in places]


def test_rejects_say_where_what_and_why(numbers: Grammar) -> None:
    """A reject has offset, raw bytes, grammar, reason and the place of the trouble."""
    parse = parse_chunk(b"n=1\nn=x\nn=100\n" + b"z" * 61, 10, _recipe(numbers), ORIGIN, NOW_US)
    first, second, third = parse.rejects
    assert (first.offset, first.raw, first.grammar, first.reason) == (
        14,
        b"n=x",
        "numbers",
        "no_match",
    )
    assert first.detail.startswith("column ")
    assert (second.offset, second.reason) == (18, "bad_value")
    assert (third.offset, third.reason) == (24, "oversize")
    assert "61 bytes" in third.detail


def test_the_first_grammar_that_takes_a_line_has_it(numbers: Grammar, any_text: Grammar) -> None:
    """Grammars are tried in order."""
    parse = parse_chunk(b"n=1\nother\n", 0, _recipe(numbers, any_text), ORIGIN, NOW_US)
    schemas = [orjson.loads(e["ue_pr"])["data"]["schema"] for e in _events(parse)]
    assert [schema.split("/")[1] for schema in schemas] == ["numbers", "any_line"]


def test_dropping_is_for_what_no_grammar_takes(numbers: Grammar) -> None:
    """With drop_unmatched a line of another kind is filtered; a bad value is still a reject."""
    parse = parse_chunk(b"other\nn=100\n", 0, _recipe(numbers, drop=True), ORIGIN, NOW_US)
    assert (parse.ledger.lines_filtered, parse.ledger.bytes_filtered) == (1, 6)
    assert [reject.reason for reject in parse.rejects] == ["bad_value"]


def test_an_event_that_no_request_can_hold(any_text: Grammar) -> None:
    """A line whose event is larger than a request is a reject that says how large."""
    recipe = _recipe(any_text, line_bytes=100_000)
    parse = parse_chunk(b"small\n" + b"x" * 3_000 + b"\nsmall\n", 0, recipe, ORIGIN, NOW_US)
    assert _messages(parse) == ["small", "small"]
    (reject,) = parse.rejects
    assert (reject.reason, reject.offset) == ("too_large", 6)
    assert "2000" in reject.detail


class _Broken:
    """A grammar with a defect."""

    name = "broken"
    at_work = None
    kind = None
    sampling = None
    plain = None
    schema = "iglu:com.example/broken/jsonschema/1-0-0"
    atomic: dict[str, str] = {}  # noqa: RUF012  # a double of a frozen value

    def parse(self, text: str, now_us: int) -> Parsed | None:
        raise RecursionError(f"{text} at {now_us}")

    def explain(self, text: str, now_us: int) -> Mismatch:
        raise AssertionError(f"{text} at {now_us}")


def test_a_grammar_that_fails_stops_nobody(any_text: Grammar) -> None:
    """A defect in a grammar makes a reject of the record, never an exception."""
    recipe = Recipe([_Broken(), any_text], Envelope())  # type: ignore[list-item]
    parse = parse_chunk(b"a\nb\n", 0, recipe, ORIGIN, NOW_US)
    assert [(r.grammar, r.reason) for r in parse.rejects] == [("broken", "grammar_error")] * 2
    assert parse.ledger.adds_up()


def test_a_line_of_which_only_the_beginning_was_kept(any_text: Grammar) -> None:
    """A cut line is one oversize line with its true width."""
    parse = cut_line((b"begin", 77, 5_000), _recipe(any_text, line_bytes=5), ORIGIN, NOW_US)
    (reject,) = parse.rejects
    assert (reject.offset, reject.raw, reject.reason) == (77, b"begin", "oversize")
    assert parse.ledger == Ledger(
        lines_read=1, bytes_read=5_000, lines_oversize=1, bytes_oversize=5_000
    )
