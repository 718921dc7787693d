"""Events: whatever the fields are, Enrich would take what comes out."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.event.builder import Envelope, RefusedError, event_builder
from shipper.model import Parsed
from shipper.protocol.payload import check_payload

SCHEMA = "iglu:com.example/line/jsonschema/1-0-0"
EID = "0b8f6a44-7a51-8c33-a1f0-3f9a5d1c2e77"
ENTITY = {"schema": "iglu:com.example/host/jsonschema/1-0-0", "data": {"name": 'a "b" \\c'}}
READ_US = 1_795_416_944_123_456


@dataclass
class Shape:
    """A grammar, as far as the builder asks."""

    schema: str = SCHEMA
    atomic: dict[str, str] = field(default_factory=dict)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
ATOMIC = {"ip": "ip", "ua": "agent", "refr": "referrer", "page": "page", "uid": "user"}
scalars = texts | st.integers(-(2**63), 2**63 - 1)


def payload(event: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = orjson.loads(event)
    return decoded


@given(
    fields=st.dictionaries(texts, values, max_size=6),
    columns=st.dictionaries(st.sampled_from(sorted(ATOMIC.values())), scalars),
    time_us=st.none() | st.integers(-62_167_219_200_000_000, 253_402_300_799_999_999),
    base64_=st.booleans(),
)
def test_every_event_is_one_that_enrich_takes(
    fields: dict[str, Any], columns: dict[str, Any], time_us: int | None, base64_: bool
) -> None:
    """Any fields, any values in atomic columns, any time: the payload has no fault."""
    envelope = Envelope(namespace="n", app_id="a", base64=base64_, entities=[ENTITY])
    build = event_builder(Shape(atomic=ATOMIC), envelope)
    event = build(Parsed("line", {**fields, **columns}, time_us), EID, READ_US)
    assert check_payload(payload(event)) == []
    assert b"\n" not in event
    assert event.startswith(b'{"e":')


@given(fields=st.dictionaries(texts, values, max_size=6), base64_=st.booleans())
def test_the_fields_arrive_as_they_are(fields: dict[str, Any], base64_: bool) -> None:
    """What goes in comes out of `ue_pr`, or of `ue_px`."""
    build = event_builder(Shape(), Envelope(base64=base64_))
    sent = payload(build(Parsed("line", fields, None), EID, READ_US))
    text = base64.urlsafe_b64decode(sent["ue_px"]) if base64_ else sent["ue_pr"]
    assert orjson.loads(text)["data"] == {"schema": SCHEMA, "data": fields}


def test_the_bytes_do_not_depend_on_the_time_of_reading() -> None:
    """A record with a time of its own gives the same bytes whenever it is read."""
    build = event_builder(Shape(), Envelope())
    parsed = Parsed("line", {"a": 1}, 1_795_416_944_000_000)
    assert build(parsed, EID, 1) == build(parsed, EID, READ_US)
    sent = payload(build(parsed, EID, 1))
    assert (sent["dtm"], sent["ttm"]) == ("1795416944000", "1795416944000")


def test_a_record_without_a_time_takes_the_time_of_reading() -> None:
    """Then `dtm` is the time of reading, and there is no `ttm`."""
    sent = payload(event_builder(Shape(), Envelope())(Parsed("line", {}, None), EID, READ_US))
    assert sent["dtm"] == "1795416944123"
    assert "ttm" not in sent


@pytest.mark.parametrize(
    ("key", "value"),
    [("ip", "not an address"), ("ua", "x" * 1_001), ("refr", "http://[broken"), ("ip", "")],
)
def test_what_a_column_would_refuse_is_left_out_of_it(key: str, value: str) -> None:
    """The event goes without that column, and still has the field."""
    build = event_builder(Shape(atomic={key: "field"}), Envelope())
    sent = payload(build(Parsed("line", {"field": value}, None), EID, READ_US))
    assert key not in sent
    assert orjson.loads(sent["ue_pr"])["data"]["data"] == {"field": value}


def test_what_a_column_takes_stands_there_too() -> None:
    """Enrichments find the address where they look for it."""
    build = event_builder(Shape(atomic={"ip": "client"}), Envelope())
    for _ in range(2):  # the second comes from memory
        sent = payload(build(Parsed("line", {"client": "192.0.2.77"}, None), EID, READ_US))
        assert sent["ip"] == "192.0.2.77"


def test_a_column_forgets_rather_than_grow() -> None:
    """A hundred thousand different clients do not stay in memory."""
    build = event_builder(Shape(atomic={"uid": "user"}), Envelope())
    for number in range(40_000):
        sent = build(Parsed("line", {"user": f"u{number}"}, None), EID, READ_US)
    assert payload(sent)["uid"] == "u39999"


@pytest.mark.parametrize("time_us", [-62_167_219_200_001_000, 253_402_300_800_000_000])
def test_a_time_outside_the_calendar_is_refused(time_us: int) -> None:
    """Enrich reads years 0 to 9999."""
    with pytest.raises(RefusedError) as refusal:
        event_builder(Shape(), Envelope())(Parsed("line", {}, time_us), EID, READ_US)
    assert refusal.value.reason == "bad_time"


@pytest.mark.parametrize(("levels", "refused"), [(36, False), (40, True), (900, True)])
def test_what_nests_too_deep_is_refused(levels: int, refused: bool) -> None:
    """Beyond the depth that Enrich takes, the record is a dead letter, not a bad event."""
    value: Any = "leaf"
    for _ in range(levels):
        value = {"a": value}
    build = event_builder(Shape(), Envelope())
    parsed = Parsed("line", value, None)
    if refused:
        with pytest.raises(RefusedError) as refusal:
            build(parsed, EID, READ_US)
        assert refusal.value.reason == "too_deep"
    else:
        assert check_payload(payload(build(parsed, EID, READ_US))) == []


def test_braces_in_texts_are_not_depth() -> None:
    """Brackets inside a string nest nothing."""
    build = event_builder(Shape(), Envelope())
    assert build(Parsed("line", {"a": "{[" * 500}, None), EID, READ_US)


def test_an_event_over_the_limit_is_refused() -> None:
    """What no request could hold is a dead letter, said with both sizes."""
    build = event_builder(Shape(), Envelope(max_bytes=1_000))
    with pytest.raises(RefusedError) as refusal:
        build(Parsed("line", {"a": "x" * 1_000}, None), EID, READ_US)
    assert refusal.value.reason == "too_large"
    assert "1000" in refusal.value.detail
