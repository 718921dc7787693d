"""Tests of the request that carries events: exact sizes, exact bytes."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.protocol.envelope import STAMP, WRAPPER, get_query, post_body, post_size

TEXT = st.text(max_size=30)
PAYLOADS = st.dictionaries(TEXT.filter(lambda key: key != "stm"), TEXT, min_size=1, max_size=5)
STM = 1_795_416_944_123


@settings(max_examples=200)
@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=12))
def test_the_size_is_known_before(payloads: list[dict[str, str]]) -> None:
    """len(body) == 88 + sum(len(event) + 22) + n - 1, whatever the events hold."""
    events = [orjson.dumps(payload) for payload in payloads]
    body = post_body(events, STM)
    assert len(body) == 88 + sum(len(event) + 22 for event in events) + len(events) - 1
    assert len(body) == post_size(len(events), len(b"\n".join(events)))


@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=12))
def test_the_body_says_what_the_events_say(payloads: list[dict[str, str]]) -> None:
    """The body is payload_data with the events in order, each with the time of sending."""
    body = orjson.loads(post_body(list(map(orjson.dumps, payloads)), STM))
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    assert body["schema"] == schema
    assert body["data"] == [{"stm": str(STM), **payload} for payload in payloads]


def test_the_figures_of_the_trackers() -> None:
    """The wrapper takes 88 bytes, the stamp 22."""
    assert (WRAPPER, STAMP) == (88, 22)


def test_the_stored_bytes_stay_as_they_are() -> None:
    """Nothing but the stamp comes between the bytes of an event."""
    event = b'{"b":"1","a":"{\\n{ \xc3\xa4 \\\\1 \\g<0>"}'
    body = post_body([event, event], STM)
    assert body.count(event[1:]) == 2


@given(payload=PAYLOADS)
def test_a_query_says_what_the_event_says(payload: dict[str, str]) -> None:
    """A GET's query decodes to the event and the time of sending, and is plain ASCII."""
    query = get_query(orjson.dumps(payload), STM)
    assert query.isascii()
    split = urlsplit(f"http://collector.example.com/i?{query}").query
    decoded = parse_qs(split, keep_blank_values=True, strict_parsing=True)
    assert decoded == {key: [value] for key, value in {**payload, "stm": str(STM)}.items()}


def test_a_query_is_sorted() -> None:
    """Keys come in order, so the same event makes the same request."""
    assert (
        get_query(b'{"e":"ue","aid":"shop","p":"srv"}', 7)
        == "aid=shop&e=ue&p=srv&stm=0000000000007"
    )
