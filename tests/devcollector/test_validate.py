"""Requests are judged as Enrich judges them, without a socket."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.devcollector.schemas import Memory
from shipper.devcollector.validate import Judgement, judge_get, judge_post, unknown_adapter
from shipper.protocol.iglu import ANYTHING, CONTEXTS, PAYLOAD_DATA, UNSTRUCT_EVENT
from tests.devcollector.events import JSON_UTF8, ORDER, SCHEMAS, envelope, order, page, text
from tests.protocol.test_payload import JSON


def post(body: bytes, content_type: str | None = JSON_UTF8, **query: str) -> Judgement:
    return judge_post(body, content_type, query, SCHEMAS)


def reason(judgement: Judgement) -> str:
    """The one reason of the one bad row, where nothing is good."""
    assert judgement.good == ()
    (row,) = judgement.bad
    (error,) = row.errors
    return error


def test_good_events_are_good() -> None:
    """Each event keeps its place, its type, its schema and its contexts."""
    entity = {"schema": ORDER, "data": {"total": 3}}
    contexts = text({"schema": CONTEXTS, "data": [entity, entity]})
    judged = post(envelope(order(5), page(co=contexts), {"e": "se", "p": "srv", "tv": "1"}))

    assert judged.bad == ()
    assert [event.index for event in judged.good] == [0, 1, 2]
    assert [event.event_type for event in judged.good] == ["unstruct", "page_view", "struct"]
    assert judged.good[0].schema == ORDER
    assert judged.good[1].schema == "iglu:com.snowplowanalytics.snowplow/page_view/jsonschema/1-0-0"
    assert judged.good[1].contexts == (ORDER, ORDER)
    assert judged.good[0].parameters == order(5)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", JSON_UTF8, "application/json; charset=UTF-8", "Application/JSON"],
)
def test_three_content_types_are_right(content_type: str) -> None:
    """They are compared in lower case, as the collector hands them on."""
    assert post(envelope(order()), content_type).bad == ()


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/json;charset=utf-8", "application/json; charset=latin-1"],
)
def test_any_other_content_type_is_one_bad_row(content_type: str | None) -> None:
    """Even a missing space costs the whole POST; the error shows the right values."""
    assert "Content-Type: " in reason(post(envelope(order(), order(2)), content_type))
    assert "| application/json; charset=utf-8 |" in reason(post(envelope(order()), content_type))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "body: is empty"),
        (b"{", "body: is not JSON"),
        (b'{"schema":"\xff"}', "body: is not JSON"),
        (b"\x1f\x8b\x08\x00", "looks gzipped, and collectors do not decompress"),
        (b"[" * 100_000, "body: is not JSON"),
        (b"7", "body: is no envelope (a number)"),
        (b'{"data": []}', "body: is no envelope (has the keys ['data'])"),
        (b'{"schema": 1, "data": []}', "schema: must be iglu:com.snowplow"),
        (envelope(page(), schema="x"), "schema: 'x' is not an Iglu URI"),
        (envelope(page(), schema=CONTEXTS), f"schema: is {CONTEXTS}; it must be {PAYLOAD_DATA}"),
        (
            envelope(page(), schema=PAYLOAD_DATA.replace("1-0-4", "1-0-9")),
            "it must be iglu:com.snow",
        ),
        (envelope(), "data: is an empty array"),
        (orjson.dumps({"schema": PAYLOAD_DATA, "data": {}}), "data: must be an array of events"),
        (envelope("e=pv"), "event 0: must be an object of strings, not a string"),
        (envelope(order(), page(colour="red")), "colour: is no key of payload_data 1-0-4"),
        (
            envelope(page(ttm="1"), schema=PAYLOAD_DATA.replace("1-0-4", "1-0-3")),
            "does not have it",
        ),
        (b"x" * 1_048_577, "body: has 1,048,577 bytes"),
    ],
)
def test_a_broken_envelope_is_one_bad_row(body: bytes, says: str) -> None:
    """Whatever else the POST holds is lost with it, and the error says what broke it."""
    judged = post(body)

    assert says in reason(judged)
    assert judged.bad[0].index is None


def test_one_bad_key_fails_the_whole_post() -> None:
    """Of 200 events 199 are in order; all are one bad row, which names the one at fault."""
    events = [order(number) for number in range(200)]
    judged = post(envelope(*events[:100], order(100) | {"dtm": 5}, *events[101:]))

    assert judged.bad[0].kind == "tracker_protocol_violations"
    assert reason(judged).startswith(f"event 100 (eid {order(100)['eid']}): dtm: must be a string")


def test_a_flood_of_reasons_is_cut() -> None:
    """Errors stay readable, and are made in no time, when all events are at fault."""
    (row,) = post(envelope(*[{"x": 1}] * 20_000)).bad

    assert len(row.errors) == 21
    assert row.errors[-1].startswith("and more")


def test_beyond_the_envelope_each_event_stands_for_itself() -> None:
    """Bad values count one bad row an event; their neighbours are good."""
    judged = post(envelope(order(1), order(2, total="two"), page(eid="x"), order(4)))

    assert [event.index for event in judged.good] == [0, 3]
    assert [row.index for row in judged.bad] == [1, 2]
    assert {row.kind for row in judged.bad} == {"schema_violations"}
    assert judged.bad[0].errors == (
        f"event 1 (eid {order(2)['eid']}): ue_px.data.data.total: "
        f"'two' is not of type 'integer' (by {ORDER})",
    )
    assert judged.bad[1].parameters == page(eid="x")


def test_all_faults_of_an_event_are_told() -> None:
    """Protocol and schema are both looked at before an event is given up."""
    (row,) = post(envelope(order(1, total=-1, colour="red") | {"vp": "big"})).bad

    assert len(row.errors) == 3


def test_an_unknown_schema_is_bad_and_says_where_it_was_looked_for() -> None:
    """The remedy names the file that would make it known."""
    inner = {"schema": "iglu:com.example/unheard_of/jsonschema/1-0-0", "data": {}}
    body = envelope(page(ue_pr=text({"schema": UNSTRUCT_EVENT, "data": inner})))

    assert "was not found; looked in the schemas of this test (1); put it" in reason(post(body))
    assert "schemas/com.example/unheard_of/jsonschema/1-0-0" in reason(post(body))


def test_anything_goes_under_anything() -> None:
    """Snowplow's schema for untyped JSON, and the wrappers, need no schema directory."""
    inner = {"schema": ANYTHING, "data": ["any", {"thing": None}]}
    body = envelope(page(ue_pr=text({"schema": UNSTRUCT_EVENT, "data": inner})))

    assert len(judge_post(body, JSON_UTF8, {}, Memory({})).good) == 1


def test_the_query_string_joins_every_event_and_wins() -> None:
    """Also keys that payload_data does not have may stand there."""
    judged = post(envelope(order(1), order(2)), aid="other", colour="red")

    assert [event.parameters["aid"] for event in judged.good] == ["other", "other"]
    assert judged.good[0].parameters["colour"] == "red"
    assert post(envelope(order(1)), eid="x").good == ()


def test_a_post_without_body_and_type_is_a_get() -> None:
    """Enrich then takes the query string for the event."""
    assert len(post(b"", None, **page()).good) == 1
    assert "body: is empty" in reason(post(b"", None))


def test_a_get_is_not_held_against_the_envelope() -> None:
    """Unknown keys are ignored and of the required ones only `e` is; values are checked."""
    assert len(judge_get({"e": "pv", "colour": "red"}, SCHEMAS).good) == 1
    assert "e: is missing" in reason(judge_get({"p": "web"}, SCHEMAS))
    assert "dtm: 'now'" in reason(judge_get({"e": "pv", "dtm": "now"}, SCHEMAS))
    assert "query string: is empty" in reason(judge_get({}, SCHEMAS))


def test_an_unknown_path_is_an_adapter_failure() -> None:
    """The error says where trackers send to."""
    judged = unknown_adapter("com.example", "v1")

    assert judged.bad[0].kind == "adapter_failures"
    assert "/com.snowplowanalytics.snowplow/tp2" in reason(judged)


EVENTS = st.lists(
    st.builds(lambda more: order() | more, st.dictionaries(st.text(max_size=4), JSON))
)
BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(orjson.dumps),
    st.builds(lambda data: orjson.dumps({"schema": PAYLOAD_DATA, "data": data}), JSON),
    EVENTS.map(lambda events: envelope(*events)),
    JSON.map(lambda data: envelope(page(ue_pr=text({"schema": UNSTRUCT_EVENT, "data": data})))),
    JSON.map(lambda data: envelope(order(1, extra=data))),
)
TYPES = st.sampled_from([None, JSON_UTF8]) | st.text(max_size=20)


@given(BODIES, TYPES, st.dictionaries(st.text(max_size=4), st.text(max_size=10), max_size=3))
def test_every_request_gets_a_judgement(
    body: bytes, content_type: str | None, query: dict[str, str]
) -> None:
    """Any bytes at all are judged: something is good or bad, and what is bad says why."""
    for judged in (judge_post(body, content_type, query, SCHEMAS), judge_get(query, SCHEMAS)):
        assert judged.good or judged.bad
        assert all(row.errors and all(row.errors) for row in judged.bad)
