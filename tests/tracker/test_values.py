"""A wrong value is named, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from http import HTTPStatus
from typing import Any

import pytest

from shipper import InvalidValueError, SelfDescribingJson, Subject, Tracker
from tests.tracker.kept import Kept

SCHEMA = "iglu:com.example/thing/jsonschema/1-0-0"
ITEM: dict[str, Any] = {"sku": "s-1", "price": 1, "quantity": 2}
Call = Callable[[Any], Any]


def deep(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(levels):
        data = {"in": data}
    return data


def circle() -> dict[str, Any]:
    data: dict[str, Any] = {}
    data["self"] = data
    return data


def nested(levels: int) -> SelfDescribingJson:
    made = SelfDescribingJson(SCHEMA, {})
    for _ in range(levels):
        made = SelfDescribingJson(SCHEMA, made)
    return made


def pv(**more: Any) -> Call:
    return lambda t: t.track_page_view("https://example.com/", **more)


def sdj(data: Any, schema: Any = SCHEMA) -> Call:
    return lambda t: t.track_self_describing_event(SelfDescribingJson(schema, data))


def bought(*items: Any, order: Any = "o-1", total: Any = 3, **more: Any) -> Call:
    return lambda t: t.track_ecommerce_transaction(order, total, items, **more)


CASES: dict[str, tuple[Call, str]] = {
    "page url missing": (lambda t: t.track_page_view(None), "page_url"),
    "page url empty": (lambda t: t.track_page_view(""), "page_url"),
    "page url of another type": (lambda t: t.track_page_view(7), "page_url"),
    "page url no URL": (lambda t: t.track_page_view("1x:y"), "page_url"),
    "page title too long": (pv(page_title="x" * 2001), "page_title"),
    "surrogate": (pv(page_title="a\ud800"), "page_title"),
    "event id no UUID": (pv(event_id="12"), "event_id"),
    "event id of another type": (pv(event_id=12), "event_id"),
    "time without a zone": (pv(timestamp=datetime(2026, 1, 1)), "timestamp"),  # the case
    "time NaN": (pv(timestamp=float("nan")), "timestamp"),
    "true time beyond the years": (pv(true_timestamp=10**18), "true_timestamp"),
    "contexts no list": (pv(contexts=SelfDescribingJson(SCHEMA, {})), "contexts"),
    "contexts not iterable": (pv(contexts=5), "contexts"),
    "context no object": (pv(contexts=[{"schema": SCHEMA, "data": {}}]), "contexts[0]"),
    "subject of another type": (pv(subject={"uid": "u"}), "subject"),
    "category missing": (lambda t: t.track_struct_event(None, "a"), "category"),
    "action missing": (lambda t: t.track_struct_event("c", ""), "action"),
    "value NaN": (lambda t: t.track_struct_event("c", "a", value=float("nan")), "value"),
    "value infinite": (lambda t: t.track_struct_event("c", "a", value=float("inf")), "value"),
    "value a text": (lambda t: t.track_struct_event("c", "a", value="1"), "value"),
    "value a boolean": (lambda t: t.track_struct_event("c", "a", value=True), "value"),
    "event missing": (lambda t: t.track_self_describing_event(None), "event"),
    "event no object": (lambda t: t.track_self_describing_event({"schema": SCHEMA}), "event"),
    "schema no URI": (sdj({}, "com.example/thing"), "schema"),
    "schema missing": (sdj({}, None), "schema"),
    "data no mapping": (sdj([1]), "data"),
    "data missing": (sdj(None), "data"),
    "data with NaN": (sdj({"a": [1, {"b": float("nan")}]}), "data.a[1].b"),
    "data with a set": (sdj({"a": {1, 2}}), "data.a"),
    "data with bytes": (sdj({"a": b"x"}), "data.a"),
    "data with a time": (sdj({"at": datetime(2026, 1, 1)}), "data.at"),  # no matter
    "data with a Decimal NaN": (sdj({"a": Decimal("NaN")}), "data.a"),
    "data with a surrogate": (sdj({"a": "\udfff"}), "data.a"),
    "data with a number for a key": (sdj({"a": {1: 2}}), "data.a"),
    "data too deep": (sdj(deep(45)), f"data{'.in' * 40}"),
    "data deeper than with its wrapper": (sdj(deep(38)), "event"),
    "data that holds itself": (sdj(circle()), f"data{'.self' * 40}"),
    "screen without name and id": (lambda t: t.track_screen_view(), "name"),
    "timing without category": (lambda t: t.track_timing("", "v", 1), "category"),
    "timing without variable": (lambda t: t.track_timing("c", None, 1), "variable"),
    "timing without timing": (lambda t: t.track_timing("c", "v", None), "timing"),
    "timing NaN": (lambda t: t.track_timing("c", "v", float("nan")), "timing"),
    "link without target": (lambda t: t.track_link_click(""), "target_url"),
    "classes a text": (lambda t: t.track_link_click("/a", element_classes="x"), "element_classes"),
    "cart without sku": (lambda t: t.track_add_to_cart("", 1), "sku"),
    "cart with half a thing": (lambda t: t.track_remove_from_cart("s", 0.5), "quantity"),
    "form change of no field": (lambda t: t.track_form_change("f", "e", "DIV", "v"), "node_name"),
    "form submit without form": (lambda t: t.track_form_submit(None), "form_id"),
    "search for nothing": (lambda t: t.track_site_search([]), "terms"),
    "search for a number": (lambda t: t.track_site_search(["a", 1]), "terms[1]"),
    "mobile screen without id": (lambda t: t.track_mobile_screen_view("n", ""), "id"),
    "order without id": (bought(order=""), "order_id"),
    "order without total": (bought(total=None), "total_value"),
    "order with a long currency": (bought(currency="EURO"), "currency"),
    "item without sku": (bought(ITEM, {**ITEM, "sku": ""}), "items[1].sku"),
    "item without price": (bought(ITEM, {**ITEM, "price": None}), "items[1].price"),
    "item without quantity": (bought({"sku": "s", "price": 1}), "items[0].quantity"),
    "item with a bad quantity": (bought({**ITEM, "quantity": 2**31}), "items[0].quantity"),
    "item no mapping": (bought("s-1"), "items[0]"),
    "item with a field too many": (bought({**ITEM, "colour": "red"}), "items[0]"),
    "items no list": (lambda t: t.track_ecommerce_transaction("o", 1, 5), "items"),
    "items one mapping": (lambda t: t.track_ecommerce_transaction("o", 1, ITEM), "items"),
    "item with a quantity a text": (bought({**ITEM, "quantity": "2"}), "items[0].quantity"),
    "data with a signaling NaN": (sdj({"a": Decimal("sNaN")}), "data.a"),
    "data with a number of 10,000 digits": (sdj({"a": 10**10_000}), "data.a"),
    "data with a number beyond floating point": (sdj({"a": Decimal("1E400")}), "data.a"),
    "data in data too deep": (lambda _: nested(300), "data"),
    "value a signaling NaN": (
        lambda t: t.track_struct_event("c", "a", value=Decimal("sNaN")),
        "value",
    ),
    "value of 10,000 digits": (lambda t: t.track_struct_event("c", "a", value=10**10_000), "value"),
    "timing of 10,000 digits": (lambda t: t.track_timing("c", "v", 10**10_000), "timing"),
    "time of 10,000 digits": (pv(timestamp=10**10_000), "timestamp"),
    "scroll of 10,000 digits": (lambda t: t.track_page_ping("/", min_x=10**10_000), "min_x"),
    "mobile screen with a bad id": (lambda t: t.track_mobile_screen_view("n", "12"), "id"),
    "form elements a text": (lambda t: t.track_form_submit("f", elements="ab"), "elements"),
    "form element a text": (lambda t: t.track_form_submit("f", elements=["a"]), "elements[0]"),
    "search filters a number": (lambda t: t.track_site_search(["a"], filters=5), "filters"),
    "search filter a number": (lambda t: t.track_site_search(["a"], {"n": 5}), "filters.n"),
    "search results a text": (
        lambda t: t.track_site_search(["a"], total_results="9"),
        "total_results",
    ),
    "search results negative": (
        lambda t: t.track_site_search(["a"], page_results=-1),
        "page_results",
    ),
    "item with a bad id": (bought({**ITEM, "event_id": "x"}), "items[0].event_id"),
}


@pytest.mark.parametrize(("call", "field"), CASES.values(), ids=CASES)
def test_a_wrong_value_is_named_and_nothing_is_stored(call: Call, field: str) -> None:
    """It raises a ValueError whose field is the caller's word; a bad item stores no transaction."""
    sink = Kept()

    with pytest.raises(InvalidValueError) as caught:
        call(Tracker(sink))

    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert isinstance(caught.value, ValueError)
    assert sink.events == []


def test_each_missing_value_has_its_own_message() -> None:
    """No two fields share a message."""
    messages = set()
    missing = [name for name in CASES if "missing" in name or "without" in name]
    for name in missing:
        with pytest.raises(InvalidValueError) as caught:
            CASES[name][0](Tracker(Kept()))
        messages.add(str(caught.value))
    assert len(messages) >= len({CASES[name][1] for name in missing})


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda s: s.set_user_id(""), "user_id"),
        (lambda s: s.set_user_id(None), "user_id"),
        (lambda s: s.set_domain_session_id("x"), "domain_session_id"),
        (lambda s: s.set_domain_session_index(2**31), "domain_session_index"),
        (lambda s: s.set_domain_session_index("1"), "domain_session_index"),
        (lambda s: s.set_screen_resolution(1280, None), "screen_resolution"),
        (lambda s: s.set_viewport(-1, 2), "viewport"),
        (lambda s: s.set_useragent("x" * 1001), "useragent"),
        (lambda s: s.set_language("l" * 256), "language"),
        (lambda s: s.set_ip_address("localhost"), "ip_address"),
        (lambda s: s.set_color_depth(-1), "color_depth"),
    ],
)
def test_a_subject_refuses_what_snowplow_would(call: Call, field: str) -> None:
    """A setter names its field, and leaves the subject as it was."""
    subject = Subject()
    with pytest.raises(InvalidValueError) as caught:
        call(subject)
    assert caught.value.field == field
    assert subject.pairs == {}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"platform": "server"}, "platform"),
        ({"namespace": "n" * 129}, "namespace"),
        ({"app_id": 7}, "app_id"),
        ({"subject": "me"}, "subject"),
        ({"base64": "no"}, "base64"),
    ],
)
def test_a_tracker_refuses_what_no_event_could_carry(options: Any, field: str) -> None:
    """Its own options are checked when it is made."""
    with pytest.raises(InvalidValueError) as caught:
        Tracker(Kept(), **options)
    assert caught.value.field == field


def test_a_tracker_needs_an_emitter() -> None:
    """None is no emitter."""
    with pytest.raises(InvalidValueError, match="emitter: is missing"):
        Tracker(None)  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize("wrong", ["http://c.example", {Kept()}, Kept])
def test_what_is_no_emitter_is_told(wrong: Any) -> None:
    """Neither an address nor a set of emitters, which has an `add` too, nor a class is one."""
    with pytest.raises(InvalidValueError, match="emitter: must be an Emitter"):
        Tracker(wrong)


@pytest.mark.timeout(20)
def test_subclasses_of_texts_and_numbers_are_what_they_say() -> None:
    """A member of an enumeration, or a library's own number, stands for its value."""

    class Name(str, Enum):  # noqa: UP042  # what older programs have
        A = "a"

    class Real(float):
        pass

    sink = Kept()
    data = {"status": HTTPStatus.NOT_FOUND, "real": Real(1.5), "text": Name.A, Name.A: 1}
    Tracker(sink).track_self_describing_event(SelfDescribingJson(SCHEMA, data))
    Tracker(sink).track_struct_event(Name.A, "b", value=Real(1.5))
    Tracker(sink).track_page_ping("/", min_x=HTTPStatus.OK)

    assert sink.data(0)["data"] == {"status": 404, "real": 1.5, "text": "a", "a": 1}
    assert (sink.pairs[1]["se_ca"], sink.pairs[1]["se_va"]) == ("a", "1.50")
    assert sink.pairs[2]["pp_mix"] == "200"


def test_a_transaction_may_have_no_items() -> None:
    """None is as good as an empty list."""
    sink = Kept()
    Tracker(sink).track_ecommerce_transaction("o-1", 3, None)
    assert len(sink.events) == 1


def test_an_argument_that_no_event_has_is_a_type_error() -> None:
    """A mistyped name is told, not swallowed."""
    with pytest.raises(TypeError, match="'true_timestmp'"):
        Tracker(Kept()).track_page_view("/", true_timestmp=1)  # type: ignore[call-arg]  # the mistake
