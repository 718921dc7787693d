"""The trackers' common checklist: each kind of event, payload, subject and self-describing JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from shipper import InvalidValueError, SelfDescribingJson, Subject, Tracker
from shipper.protocol.base64 import encode
from shipper.protocol.envelope import get_query, post_body
from shipper.tracker.payload import Payload
from shipper.tracker.self_describing import compact
from tests.tracker.kept import Kept

EID = "0f8e5c1a-77d2-4d43-9c1e-2b7a4f60d913"
ITEM_EID = "11111111-1111-4111-8111-111111111111"
SCHEMA = "iglu:com.example/thing/jsonschema/1-0-0"
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"
WHEN: dict[str, Any] = {"event_id": EID, "timestamp": 1_795_000_000_000, "true_timestamp": 12}
HEAD = {"eid": EID, "dtm": "1795000000000", "ttm": "12"}


@pytest.fixture
def sink() -> Kept:
    return Kept()


def plain(sink: Kept) -> Tracker:
    return Tracker(sink, namespace="ns", app_id="app", platform="pc", base64=False)


MINIMAL: dict[str, Callable[[Tracker], Any]] = {
    "pv": lambda t: t.track_page_view("https://example.com/"),
    "pp": lambda t: t.track_page_ping("https://example.com/"),
    "se": lambda t: t.track_struct_event("c", "a"),
    "ue": lambda t: t.track_self_describing_event(SelfDescribingJson(SCHEMA, {})),
    "tr": lambda t: t.track_ecommerce_transaction("o-1", 1),
}


@pytest.mark.parametrize("code", MINIMAL)
def test_the_least_of_an_event_has_an_id_and_a_time(code: str, sink: Kept) -> None:
    """`eid` is a UUID of version 4, `dtm` has 13 digits, `ttm` is not there; nothing is empty."""
    receipt = MINIMAL[code](Tracker(sink))
    (pairs,) = sink.pairs
    assert UUID(pairs["eid"]).version == 4
    assert receipt.event_id == receipt.result(0) == pairs["eid"]
    assert re.fullmatch(r"\d{13}", pairs["dtm"])
    assert pairs["e"] == code
    assert pairs["p"] == "srv"
    assert pairs["tv"].startswith("shipper-")
    assert not {"ttm", "stm", "cx", "co", "aid", "tna"} & pairs.keys()
    assert all(pairs.values())


FULL: dict[str, tuple[Callable[[Tracker], Any], dict[str, str]]] = {
    "page view": (
        lambda t: t.track_page_view("https://example.com/", "Title", "https://r.example", **WHEN),
        {"e": "pv", "url": "https://example.com/", "page": "Title", "refr": "https://r.example"},
    ),
    "page ping": (
        lambda t: t.track_page_ping("https://example.com/", min_x=0, max_x=1, max_y=3, **WHEN),
        {"e": "pp", "url": "https://example.com/", "pp_mix": "0", "pp_max": "1", "pp_may": "3"},
    ),
    "structured event": (
        lambda t: t.track_struct_event("c", "a", "l", "p", 123.456, **WHEN),
        {
            **{"e": "se", "se_ca": "c", "se_ac": "a", "se_la": "l", "se_pr": "p"},
            "se_va": "123.456",  # exact: the Go tracker rounds it to 123.46
        },
    ),
    "self-describing event": (
        lambda t: t.track_self_describing_event(
            SelfDescribingJson(SCHEMA, {"b": 1, "a": "<"}), **WHEN
        ),
        {
            "e": "ue",
            "ue_pr": '{"data":{"data":{"a":"<","b":1},"schema":"' + SCHEMA + '"},'
            f'"schema":"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0"}}',
        },
    ),
    "screen view": (
        lambda t: t.track_screen_view("home", "7", **WHEN),
        {
            "e": "ue",
            "ue_pr": '{"data":{"data":{"id":"7","name":"home"},'
            f'"schema":"{SNOWPLOW}/screen_view/jsonschema/1-0-0"}},'
            f'"schema":"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0"}}',
        },
    ),
    "timing": (
        lambda t: t.track_timing("c", "v", 578, "l", **WHEN),
        {
            "e": "ue",
            "ue_pr": '{"data":{"data":{"category":"c","label":"l","timing":578,"variable":"v"},'
            f'"schema":"{SNOWPLOW}/timing/jsonschema/1-0-0"}},'
            f'"schema":"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0"}}',
        },
    ),
    "transaction": (
        lambda t: t.track_ecommerce_transaction(
            "o-1", 12.5, affiliation="af", tax_value=2.5, shipping=1.0, city="ci", state="st",
            country="co", currency="EUR", **WHEN,
        ),
        {
            **{"e": "tr", "tr_id": "o-1", "tr_tt": "12.50", "tr_af": "af", "tr_tx": "2.50"},
            **{"tr_sh": "1.00", "tr_ci": "ci", "tr_st": "st", "tr_co": "co", "tr_cu": "EUR"},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "own"), FULL.values(), ids=FULL)
def test_the_most_of_an_event_is_exact(
    call: Callable[[Tracker], Any], own: dict[str, str], sink: Kept
) -> None:
    """All that is given stands in compact JSON with sorted keys, to the byte."""
    call(plain(sink))
    shared = {"aid": "app", "p": "pc", "tna": "ns"}
    expected = {**HEAD, **shared, **own, "tv": sink.pairs[0]["tv"]}
    assert sink.events[0].payload == orjson.dumps(expected, option=orjson.OPT_SORT_KEYS)


def test_a_transaction_and_its_items(sink: Kept) -> None:
    """1 + n events: items take order, currency and times of the transaction, and own their ids."""
    contexts = [SelfDescribingJson(SCHEMA, {"n": 1})]
    plain(sink).track_ecommerce_transaction(
        "o-1", 30,
        [
            {"sku": "s-1", "price": 9.5, "quantity": 2, "name": "n", "category": "c"},
            {"sku": "s-2", "price": 11, "quantity": 1, "event_id": ITEM_EID, "contexts": contexts},
        ],
        currency="EUR",
        **WHEN,
    )  # fmt: skip
    parent, first, second = sink.pairs
    assert parent["tr_tt"] == "30"
    assert {k: first[k] for k in first if k.startswith("ti_")} == {
        **{"ti_id": "o-1", "ti_sk": "s-1", "ti_pr": "9.50", "ti_qu": "2", "ti_nm": "n"},
        **{"ti_ca": "c", "ti_cu": "EUR"},
    }
    for item in (first, second):
        assert (item["e"], item["dtm"], item["ttm"]) == ("ti", parent["dtm"], "12")
    assert len({parent["eid"], first["eid"], second["eid"]}) == 3
    assert second["eid"] == ITEM_EID
    assert "co" in second
    assert "co" not in first


DATA: dict[str, tuple[Callable[[Tracker], Any], str, dict[str, Any]]] = {
    "link": (
        lambda t: t.track_link_click(
            "https://example.com/x",
            element_id="e",
            element_classes=["a", "b"],
            element_target="_top",
        ),
        "snowplow/link_click/jsonschema/1-0-1",
        {
            "targetUrl": "https://example.com/x", "elementId": "e",
            "elementClasses": ["a", "b"], "elementTarget": "_top",
        },
    ),
    "add to cart": (
        lambda t: t.track_add_to_cart("s", 2, name="n", unit_price=1.5, currency="EUR"),
        "snowplow/add_to_cart/jsonschema/1-0-0",
        {"sku": "s", "quantity": 2, "name": "n", "unitPrice": 1.5, "currency": "EUR"},
    ),
    "remove from cart": (
        lambda t: t.track_remove_from_cart("s", 1, category="c"),
        "snowplow/remove_from_cart/jsonschema/1-0-0",
        {"sku": "s", "quantity": 1, "category": "c"},
    ),
    "form change": (
        lambda t: t.track_form_change("f", "e", "INPUT", None, type="text", element_classes=["a"]),
        "snowplow/change_form/jsonschema/1-0-0",
        {
            "formId": "f", "elementId": "e", "nodeName": "INPUT", "value": None,
            "type": "text", "elementClasses": ["a"],
        },
    ),
    "form submit": (
        lambda t: t.track_form_submit("f", ["a"], [{"name": "n", "nodeName": "INPUT"}]),
        "snowplow/submit_form/jsonschema/1-0-0",
        {"formId": "f", "formClasses": ["a"], "elements": [{"name": "n", "nodeName": "INPUT"}]},
    ),
    "search": (
        lambda t: t.track_site_search(["a", "b"], {"new": True}, 100, 10),
        "snowplow/site_search/jsonschema/1-0-0",
        {"terms": ["a", "b"], "filters": {"new": True}, "totalResults": 100, "pageResults": 10},
    ),
    "mobile screen": (
        lambda t: t.track_mobile_screen_view("n", EID, previous_name="p", transition_type="push"),
        "mobile/screen_view/jsonschema/1-0-0",
        {"name": "n", "id": EID, "previousName": "p", "transitionType": "push"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "schema", "data"), DATA.values(), ids=DATA)
def test_an_interaction_has_snowplows_own_schema(
    call: Callable[[Tracker], Any], schema: str, data: dict[str, Any], sink: Kept
) -> None:
    """What the Python tracker tracks besides, by the same schemas; what is None is absent."""
    call(Tracker(sink))
    assert sink.data() == {"schema": f"iglu:com.snowplowanalytics.{schema}", "data": data}


def test_the_subject_of_an_event_goes_over_the_trackers(sink: Kept) -> None:
    """What the event's subject sets wins, the rest is the tracker's; items have it too."""
    tracker = Tracker(sink, subject=Subject().set_user_id("all").set_language("de"))
    tracker.track_page_view("https://example.com/")
    one = Subject().set_user_id("one")
    tracker.track_ecommerce_transaction(
        "o", 1, [{"sku": "s", "price": 1, "quantity": 1}], subject=one
    )
    assert [(pairs["uid"], pairs["lang"]) for pairs in sink.pairs] == [
        ("all", "de"), ("one", "de"), ("one", "de"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        (1_795_000_000_000, "1795000000000"),
        (1_795_000_000_000.6, "1795000000001"),
        (datetime(2026, 11, 18, 13, 46, 40, tzinfo=UTC), "1795009600000"),
    ],
)
def test_a_time_may_be_a_number_or_a_datetime(given: Any, spelled: str, sink: Kept) -> None:
    """`timestamp` is `dtm`, `true_timestamp` is `ttm`: whole milliseconds."""
    Tracker(sink).track_page_view("/", timestamp=given, true_timestamp=given)
    assert (sink.pairs[0]["dtm"], sink.pairs[0]["ttm"]) == (spelled, spelled)


def test_contexts_are_wrapped(sink: Kept) -> None:
    """In URL-safe base64, or plain; an empty list adds nothing; Unicode survives."""
    thing = SelfDescribingJson(SCHEMA, {"name": "Grüße ≥ ÿÿ?"})
    wrapped = {"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-1", "data": [thing.to_json()] * 2}
    Tracker(sink).track_page_view("/", contexts=[thing, thing])
    plain(sink).track_page_view("/", contexts=[thing, thing])
    plain(sink).track_page_view("/", contexts=[])
    assert sink.pairs[0]["cx"] == encode(orjson.dumps(wrapped, option=orjson.OPT_SORT_KEYS))
    assert orjson.loads(sink.pairs[1]["co"]) == wrapped
    assert not {"co", "cx"} & sink.pairs[2].keys()


def test_what_is_changed_later_changes_no_event(sink: Kept) -> None:
    """Data is copied when it is taken."""
    data: dict[str, Any] = {"list": [1]}
    thing = SelfDescribingJson(SCHEMA, data)
    data["list"].append(2)
    Tracker(sink).track_self_describing_event(thing)
    assert sink.data()["data"] == {"list": [1]}


def test_payload_rules() -> None:
    """The last value of a key stands; empty keys, empty values and None set nothing."""
    payload = Payload({"a": "1", "b": "", "": "x", "c": None})
    payload.add("a", "2")
    payload.add("d", None)
    payload.add_all({"e": "", "f": "3"})
    assert payload.pairs == {"a": "2", "f": "3"}
    assert compact(payload.pairs) == b'{"a":"2","f":"3"}'


def test_json_in_a_payload() -> None:
    """A known vector, as base64 and as it is; no document sets nothing."""
    payload = Payload()
    payload.add_json({"foo": {"baz": "qux"}}, base64=True, keys=("cx", "co"))
    payload.add_json({"foo": {"baz": "qux"}}, base64=False, keys=("cx", "co"))
    payload.add_json({}, base64=True, keys=("ue_px", "ue_pr"))
    vector = "eyJmb28iOnsiYmF6IjoicXV4In19"
    assert payload.pairs == {"cx": vector, "co": '{"foo":{"baz":"qux"}}'}


def test_a_conversion_of_the_callers_own() -> None:
    """Values of other types are written as the caller's function says; what it refuses is named."""

    def default(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        raise TypeError

    moment = datetime(2026, 11, 26, tzinfo=UTC)
    thing = SelfDescribingJson(SCHEMA, {"at": [moment]}, default)
    assert thing.to_json()["data"] == {"at": ["2026-11-26T00:00:00+00:00"]}
    with pytest.raises(InvalidValueError, match=r"data\.a: is a set"):
        SelfDescribingJson(SCHEMA, {"a": {1}}, default)


def test_self_describing_json_may_be_nested_and_printed() -> None:
    """Its text is compact JSON with sorted keys."""
    inner = SelfDescribingJson(SCHEMA, {"b": 1, "a": 2})
    outer = SelfDescribingJson("iglu:com.example/outer/jsonschema/1-0-0", inner)
    nested = '{"data":{"a":2,"b":1},"schema":"' + SCHEMA + '"}'
    assert str(inner) == nested
    assert str(outer) == f'{{"data":{nested},"schema":"{outer.schema}"}}'


def test_the_time_of_sending_has_13_digits_and_queries_are_encoded() -> None:
    """`stm` is added to each attempt; a space is ``+``, a plus ``%2B``, UTF-8 bytes are counted."""
    event = compact({"e": "pv", "page": "s p+ü"})
    assert get_query(event, 12) == "e=pv&page=s+p%2B%C3%BC&stm=0000000000012"
    assert b'"stm":"0000000000012"' in post_body([event], 12)
    assert len(event) == len('{"e":"pv","page":"s p+ü"}'.encode())


def test_subject_setters() -> None:
    """Each sets its key, in the form that Snowplow reads."""
    subject = (
        Subject()
        .set_user_id("u")
        .set_screen_resolution(1920, 1080)
        .set_viewport(800, 600)
        .set_color_depth(24)
        .set_timezone("Europe/Berlin")
        .set_language("de")
        .set_ip_address("192.0.2.7")
        .set_useragent("agent")
        .set_domain_user_id("d")
        .set_network_user_id("n")
        .set_domain_session_id(EID.upper())
        .set_domain_session_index(3)
    )
    assert subject.pairs == {
        **{"uid": "u", "res": "1920x1080", "vp": "800x600", "cd": "24", "tz": "Europe/Berlin"},
        **{"lang": "de", "ip": "192.0.2.7", "ua": "agent", "duid": "d", "tnuid": "n"},
        **{"sid": EID, "vid": "3"},
    }


@pytest.mark.parametrize(
    ("cookie", "pairs"),
    [
        (f"{ITEM_EID}.1.4.2.3.{EID}", {"duid": ITEM_EID, "vid": "4", "sid": EID}),
        (f"{ITEM_EID}.1.x.2.3.short", {"duid": ITEM_EID}),
        ("a.b.c", {}),
    ],
)
def test_the_id_cookie(cookie: str, pairs: dict[str, str]) -> None:
    """User, index and session come from their places; parts of another form are left out."""
    assert Subject().from_id_cookie(cookie).pairs == pairs
