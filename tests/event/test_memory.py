"""What lines say of those that follow: headers of columns, the grammar that a file keeps."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.event.batch import unpack
from shipper.event.builder import Envelope
from shipper.event.chunk import Parse, cut_line, flush_held, parse_chunk, take
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Policy, Recipe
from shipper.formats.held import EMPTY, Held, Open, Record
from shipper.formats.multiline import MultilineRule
from shipper.formats.records import Rules
from shipper.grammar.auto import Auto
from shipper.grammar.grammar import Grammar
from shipper.grammar.headers import split_header
from shipper.grammar.loader import parse_grammar
from shipper.grammar.patterns import PatternBook

ORIGIN = Origin(EventIds(uuid.UUID(int=3)), "/logs/app.log")
NOW_US = 1_795_000_000_000_000
HEADER = b"#Fields: c-ip sc-status"


@cache
def grammar(name: str, body: str) -> Grammar:
    head = f"name: {name}\ntitle: x\nschema: iglu:org.example/{name}/jsonschema/1-0-0\n"
    return parse_grammar(head + body, f"{name}.yaml", PatternBook({}))


WEB = """
parse: w3c
extra: drop
columns: [date, c-ip]
fields:
  ip: {from: c-ip, type: ip}
  status: {from: sc-status, type: integer}
  note: {from: note, max_length: 20}
"""
WORDS = "auto: broad\nmatch: ['(?<message>(?s:[a-z].*))']\nfields: {message: {}}"
DOOR = "match: ['door (?<n>\\d+)!?']\nfields: {n: {}}"
BELL = "auto: precise\nmatch: ['door (?<n>\\d+)']\nfields: {n: {}}"


def web() -> Grammar:
    return grammar("web", WEB)


def recipe(*grammars: Grammar | Auto, rules: Rules | None = None) -> Recipe:
    policy = Policy(rules=rules, line_bytes=100, long_lines="truncate")
    return Recipe(grammars, Envelope(max_bytes=4_000), policy)


def every() -> Auto:
    bodies = {"web": WEB, "words": WORDS, "door": DOOR, "bell": BELL}
    return Auto([grammar(name, body) for name, body in bodies.items()])


def payloads(parses: Iterable[Parse]) -> list[bytes]:
    return [e for p in parses for b in p.batches for e in unpack(b).split(b"\n")]


def data(parses: Iterable[Parse]) -> list[dict[str, Any]]:
    found = [orjson.loads(orjson.loads(event)["ue_pr"])["data"] for event in payloads(parses)]
    return [record["data"] for record in found]


def test_a_header_holds_for_the_lines_after_it() -> None:
    """In the next read as well; directives give no event and no reject: they are filtered."""
    how = recipe(web())
    first = parse_chunk(HEADER + b"\n192.0.2.7 200\n", 0, how, ORIGIN, NOW_US)
    stored = Held.from_bytes(first.held.to_bytes())
    second = parse_chunk(b"#Version: 1\n192.0.2.8 404\n", 99, how, ORIGIN, NOW_US, stored)
    assert data([first, second]) == [
        {"ip": "192.0.2.7", "status": 200},
        {"ip": "192.0.2.8", "status": 404},
    ]
    assert (first.ledger.lines_filtered, second.ledger.lines_filtered) == (1, 1)
    assert first.rejects == second.rejects == ()
    assert first.ledger.adds_up()
    assert second.held == stored


def test_before_any_header_the_columns_are_the_grammars() -> None:
    """As when reading begins in the middle of a file."""
    parse = parse_chunk(b"2026-11-23 192.0.2.7\n", 0, recipe(web()), ORIGIN, NOW_US)
    assert data([parse]) == [{"ip": "192.0.2.7"}]


def test_the_id_is_that_of_the_line() -> None:
    """The header is no part of what the id follows from."""
    how = recipe(web())
    held = EMPTY.remembering({"#": HEADER.decode()})
    (event,) = payloads([parse_chunk(b"192.0.2.7 200\n", 40, how, ORIGIN, NOW_US, held)])
    assert orjson.loads(event)["eid"] == ORIGIN.eid(40, b"192.0.2.7 200")


def test_a_reject_has_its_header_in_front() -> None:
    """So that it can be read again by itself, at its old place, with the id of its line."""
    how = recipe(web())
    parse = parse_chunk(HEADER + b"\n192.0.2.7 none\n", 0, how, ORIGIN, NOW_US)
    (reject,) = parse.rejects
    assert reject.raw == HEADER + b"\n192.0.2.7 none"
    assert reject.detail.startswith("column 11: expected integer")
    header, raw = split_header(reject.raw)
    assert (header, raw) == (HEADER.decode(), b"192.0.2.7 none")
    again = Record(reject.offset, b"192.0.2.7 200", f"{header}\n192.0.2.7 200", 1, 14, None, None)
    event = take(again, how, ORIGIN, NOW_US)
    assert isinstance(event, bytes)
    assert orjson.loads(event)["eid"] == ORIGIN.eid(reject.offset, b"192.0.2.7 200")


@pytest.mark.parametrize(
    "raw", [b"", b"x", b"x\ny", b"#Fields: a", b"#Fields: a\n", b"#Version: 1\nx"]
)
def test_what_has_no_header_in_front(raw: bytes) -> None:
    """Two lines that are one record, and a header alone, stay what they are."""
    assert split_header(raw) == (None, raw)


def test_a_line_over_the_limit_is_read_by_itself() -> None:
    """Where lines are grouped it is met before those that stand before it."""
    how = recipe(every())
    held = EMPTY.remembering({"auto": "door"})
    parse = cut_line((b"door 7", 0, 500), how, ORIGIN, NOW_US, held)
    assert b"/bell/" in payloads([parse])[0]
    assert parse.held == held


def test_what_is_held_ends_and_the_memory_stays() -> None:
    """When the end of a file waited long enough, its grammar is still known."""
    rules = Rules(multiline=MultilineRule.starts_with(r"[^ ]"))
    how = recipe(every(), rules=rules)
    parse = parse_chunk(b"door 7!\ndoor 8\n", 0, how, ORIGIN, NOW_US)
    flushed = flush_held(parse.held, how, ORIGIN, NOW_US)
    assert flushed.held == EMPTY.remembering({"auto": "door", "auto.run": "0"})
    assert all(b"/door/" in event for event in payloads([parse, flushed]))


LINES = st.sampled_from(
    [
        *(b"door 7", b"door 7!", b"some words", b"192.0.2.7 200", b"200 192.0.2.7", b"?"),
        *(HEADER, b"#Fields: sc-status c-ip", b"#Version: 1", b"", b"x" * 120, b" more"),
    ]
)
GROUPED = Rules(multiline=MultilineRule.starts_with(r"[^ ]"))


@settings(max_examples=100)
@given(st.lists(LINES, min_size=1, max_size=30), st.data())
def test_where_a_file_is_cut_does_not_matter(lines: list[bytes], draw: st.DataObject) -> None:
    """One read or many, a restart in between: the same ids, bytes, rejects and memory."""
    how = recipe(every(), rules=draw.draw(st.sampled_from([None, GROUPED])))
    ended = [line + b"\n" for line in lines]
    whole = parse_chunk(b"".join(ended), 7, how, ORIGIN, NOW_US)
    cuts = sorted(draw.draw(st.sets(st.integers(1, len(ended)), max_size=4)) | {len(ended)})
    parts, offset, held = [], 7, EMPTY
    for start, end in itertools.pairwise([0, *cuts]):
        part = b"".join(ended[start:end])
        parts.append(parse_chunk(part, offset, how, ORIGIN, NOW_US, held))
        held = Held.from_bytes(parts[-1].held.to_bytes())
        offset += len(part)
    parts.append(flush_held(held, how, ORIGIN, NOW_US))
    rest = flush_held(whole.held, how, ORIGIN, NOW_US)
    # A line over the limit is met before the group in front of it, so it may come out before.
    assert sorted(payloads(parts)) == sorted(payloads([whole, rest]))
    assert sorted(r for p in parts for r in p.rejects) == sorted(whole.rejects + rest.rejects)
    assert parts[-1].held == rest.held


NAMES = st.text(max_size=5)


@given(st.dictionaries(NAMES, st.text(max_size=20), max_size=3), st.booleans())
def test_a_memory_survives_storage(memory: dict[str, str], lines: bool) -> None:
    """With lines that are held or without; without either nothing is stored."""
    record = Record(3, b"raw\xff", "raw\ufffd", 1, 5, None, None)
    held = Held((Open(1, (record,)),) if lines else ()).remembering(memory)
    assert Held.from_bytes(held.to_bytes()) == held
    assert (held.to_bytes() == b"") is (not memory and not lines)
    assert held.without_lines() == Held(memory=held.memory)


def test_what_an_older_version_stored_is_read() -> None:
    """Lines that were held before there were memories."""
    held = Held((Open(1, (Record(3, b"raw", "raw", 1, 4, None, None),)),))
    assert held.to_bytes()[0] == 1
    assert held.remembering({"a": "b"}).to_bytes()[0] == 2
    damaged = bytearray(held.remembering({"a": "b"}).to_bytes())
    damaged[-1] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        Held.from_bytes(bytes(damaged))
