"""Page views, structured events, and events that are only sampled."""

from __future__ import annotations

import uuid
from typing import Any

import orjson
import pytest
from jsonschema import Draft4Validator

from shipper.event.batch import unpack
from shipper.event.builder import Envelope
from shipper.event.chunk import Parse, parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.grammar.grammar import Grammar
from shipper.grammar.iglu import iglu_schema
from shipper.grammar.loader import parse_grammar
from shipper.grammar.patterns import PatternBook
from shipper.protocol.payload import check_payload

ORIGIN = Origin(EventIds(uuid.UUID(int=3)), "/logs/app.log")
NOW_US = 1_795_000_000_000_000
HEAD = "name: it\ntitle: x\nschema: iglu:org.example/it/jsonschema/1-0-0\nparse: logfmt\n"
PAGE = """
event: page_view
page_view: {url: path, base: 'https://www.example.com', title: title, referrer: from}
fields: {path: {max_length: 9000}, title: {}, from: {}, ip: {type: ip}}
atomic: {ip: ip}
"""
STRUCT = """
event: struct
struct: {category: where, action: what, label: label, property: prop, value: n}
constant: {where: door}
fields: {what: {}, n: {type: number}}
"""


def grammar(body: str) -> Grammar:
    return parse_grammar(HEAD + body, "it.yaml", PatternBook({}))


def read(it: Grammar, text: str, envelope: Envelope | None = None) -> Parse:
    return parse_chunk(text.encode(), 0, Recipe([it], envelope or Envelope()), ORIGIN, NOW_US)


def events(parse: Parse) -> list[dict[str, Any]]:
    return [orjson.loads(e) for b in parse.batches for e in unpack(b).split(b"\n")]


def entity(event: dict[str, Any]) -> dict[str, Any]:
    (last,) = orjson.loads(event["co"])["data"][-1:]
    assert isinstance(last, dict)
    return last


def test_a_page_view_is_made_of_fields() -> None:
    """Its url, title and referrer, with the record as an entity beside it."""
    it = grammar(PAGE)
    (event,) = events(
        read(it, "path=/shop?id=7 title=Shop from=https://example.org/ ip=192.0.2.1\n")
    )
    assert (event["e"], event["url"]) == ("pv", "https://www.example.com/shop?id=7")
    assert (event["page"], event["refr"], event["ip"]) == (
        "Shop",
        "https://example.org/",
        "192.0.2.1",
    )
    assert "ue_pr" not in event
    record = entity(event)
    assert record["schema"] == it.schema
    assert record["data"]["path"] == "/shop?id=7"
    schema = iglu_schema(it)
    del schema["$schema"]
    Draft4Validator(schema).validate(record["data"])


def test_a_url_that_is_whole_stays() -> None:
    """The base stands before paths only."""
    (event,) = events(read(grammar(PAGE), "path=https://example.org/x\n"))
    assert event["url"] == "https://example.org/x"


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("title=x", "the field path is missing, which is url of the event"),
        ("path=http://[", "the field path does not fit url of the event"),
        ("path=/" + "x" * 8000, "the field path does not fit url of the event"),
    ],
)
def test_a_page_view_without_its_url_is_refused(line: str, detail: str) -> None:
    """It would fail in Enrich; the record is kept as a dead letter that says why."""
    (reject,) = read(grammar(PAGE), f"{line}\n").rejects
    assert (reject.reason, reject.detail) == ("bad_value", detail)


def test_what_does_not_fit_is_left_out() -> None:
    """A title that is too long stands in the entity only."""
    (event,) = events(read(grammar(PAGE), f"path=/ title={'t' * 2001}\n"))
    assert "page" not in event
    assert len(entity(event)["data"]["title"]) == 2001


def test_a_structured_event_is_made_of_fields() -> None:
    """Constants may serve as its category; the value is a number in digits."""
    (event,) = events(read(grammar(STRUCT), "what=open label=x n=2.5 other=1\n"))
    parts = {key: value for key, value in event.items() if key.startswith("se_")}
    assert event["e"] == "se"
    assert parts == {"se_ca": "door", "se_ac": "open", "se_la": "x", "se_va": "2.5"}
    assert entity(event)["data"] == {
        **{"what": "open", "label": "x", "n": 2.5, "other": "1", "where": "door"},
    }


def test_a_structured_event_needs_its_action() -> None:
    """As Snowplow's trackers do."""
    (reject,) = read(grammar(STRUCT), "label=x\n").rejects
    assert "se_ac" in reject.detail


@pytest.mark.parametrize("base64", [False, True])
@pytest.mark.parametrize(("body", "line"), [(PAGE, "path=/x"), (STRUCT, "what=open n=1")])
def test_such_events_are_good_payloads(body: str, line: str, base64: bool) -> None:
    """Every key and value is one that Enrich takes, with the entities of the source."""
    given = {"schema": "iglu:com.example/shop/jsonschema/1-0-0", "data": {"id": 1}}
    envelope = Envelope(base64=base64, entities=[given])
    it = grammar(body)
    (event,) = events(read(it, f"{line}\n", envelope))
    assert list(check_payload(event)) == []
    if not base64:
        schemas = [each["schema"] for each in orjson.loads(event["co"])["data"]]
        assert schemas == [given["schema"], it.schema]


def test_the_same_record_is_sampled_or_not_always() -> None:
    """Which ones follows from the ids of the events; the share is about what was asked for."""
    it = grammar("sample: 0.25")
    text = "".join(f"n={number}\n" for number in range(2000))
    once, again = read(it, text), read(it, text)
    assert once == again
    assert 400 < len(events(once)) < 600
    assert once.ledger.lines_filtered + once.ledger.lines_emitted == 2000
    assert once.rejects == ()
    assert once.ledger.adds_up()


def test_only_some_are_sampled() -> None:
    """Those that `when` speaks of; of the others each gives an event."""
    it = grammar(
        "sample: {share: 0.000001, when: [{n: {below: 500}}]}\nfields: {n: {type: integer}}"
    )
    found = events(read(it, "n=200\nn=500\nn=201\n"))
    assert [orjson.loads(e["ue_pr"])["data"]["data"]["n"] for e in found] == [500]


def test_what_is_dropped_is_counted_as_filtered() -> None:
    """No event, no dead letter, and the sum is right."""
    parse = read(grammar("drop_when: [{n: {values: ['1']}}]"), "n=1\nn=2\n")
    assert (parse.ledger.lines_filtered, parse.ledger.lines_emitted) == (1, 1)
    assert parse.rejects == ()
    assert parse.ledger.adds_up()
