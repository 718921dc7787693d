"""The mapping from `snowplow-tracker`, beside the real one: the same calls give the same payloads.

Each pair of calls is a row of the table in docs/trackers.md. `eid`, `dtm`, `tv` and the spelling of
numbers may differ.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
import snowplow_tracker as theirs

import shipper as ours
from shipper.protocol.selfdescribing import decode_base64
from tests.tracker.kept import Kept

SCHEMA = "iglu:com.example/thing/jsonschema/1-0-0"
URL = "https://example.com/a?b=ü"
SESSION = "11111111-2222-4333-8444-555555555555"
ITEM: Any = {"sku": "s-1", "price": 12.5, "quantity": 2, "name": "n", "category": "c"}
SCREEN: Any = {"previous_name": "p", "previous_id": SESSION, "previous_type": "t"}
CART: Any = {"name": "n", "category": "c", "unit_price": 1.5, "currency": "EUR"}
FIELD: Any = {"name": "n", "value": "v", "nodeName": "INPUT"}
PLACE: Any = {"city": "Ulm", "state": "BW", "country": "DE", "currency": "EUR"}


class Taken:
    """An emitter of the real tracker that keeps what it is given."""

    def __init__(self) -> None:
        self.pairs: list[dict[str, Any]] = []

    def input(self, payload: dict[str, Any]) -> None:
        self.pairs.append(payload)

    def flush(self) -> None:
        """Nothing is held back."""

    sync_flush = async_flush = flush


def them(subject: Any = None, **options: Any) -> tuple[theirs.Tracker, Taken]:
    taken = Taken()
    return theirs.Tracker("ns", taken, subject=subject, app_id="shop", **options), taken


def us(subject: ours.Subject | None = None, **options: Any) -> tuple[ours.Tracker, Kept]:
    kept = Kept()
    common: Any = {"namespace": "ns", "app_id": "shop", "subject": subject, **options}
    return ours.Tracker(kept, platform="pc", **common), kept


def meaning(pairs: dict[str, Any]) -> dict[str, Any]:
    """What a payload says: JSON as data, numbers by their value; without what may be different."""
    return {
        key: _value(key, value) for key, value in pairs.items() if key not in {"eid", "dtm", "tv"}
    }


def _value(key: str, value: Any) -> Any:
    if key in {"ue_px", "cx"}:
        return orjson.loads(decode_base64(value))
    if key in {"ue_pr", "co"}:
        return orjson.loads(value)
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return value


Call = Callable[[Any], Any]
ROWS: dict[str, tuple[Call, Call]] = {
    "page view": (
        lambda t: t.track_page_view(URL, "Ü", "https://r.example/", tstamp=1795000000000),
        lambda t: t.track_page_view(URL, "Ü", "https://r.example/", true_timestamp=1795000000000),
    ),
    "page view, as an object": (
        lambda t: t.track(theirs.PageView(page_url=URL, page_title="Ü")),
        lambda t: t.track_page_view(URL, "Ü"),
    ),
    "page ping": (
        lambda t: t.track_page_ping(URL, "Ü", None, 0, 100, 0, 500),
        lambda t: t.track_page_ping(URL, "Ü", min_x=0, max_x=100, min_y=0, max_y=500),
    ),
    "structured event": (
        lambda t: t.track_struct_event("c", "a", "l", property_="p", value=12.5),
        lambda t: t.track_struct_event("c", "a", "l", property="p", value=12.5),
    ),
    "self-describing event with contexts": (
        lambda t: t.track_unstruct_event(
            theirs.SelfDescribingJson(SCHEMA, {"n": [1, None, {"ü": True}]}),
            context=[theirs.SelfDescribingJson(SCHEMA, {"c": 1.5})],
        ),
        lambda t: t.track_self_describing_event(
            ours.SelfDescribingJson(SCHEMA, {"n": [1, None, {"ü": True}]}),
            contexts=[ours.SelfDescribingJson(SCHEMA, {"c": 1.5})],
        ),
    ),
    "screen view": (
        lambda t: t.track_screen_view("n", id_="i"),
        lambda t: t.track_screen_view("n", "i"),
    ),
    "mobile screen view": (
        lambda t: t.track_mobile_screen_view("n", SESSION, "t", **SCREEN),
        lambda t: t.track_mobile_screen_view("n", SESSION, type="t", **SCREEN),
    ),
    "link click": (
        lambda t: t.track_link_click(URL, "i", ["a", "b"], "_blank", "text"),
        lambda t: t.track_link_click(
            URL, element_id="i", element_classes=["a", "b"], element_target="_blank",
            element_content="text",
        ),
    ),
    "added to the cart": (
        lambda t: t.track_add_to_cart("s", 2, "n", "c", 1.5, "EUR"),
        lambda t: t.track_add_to_cart("s", 2, **CART),
    ),
    "taken out of the cart": (
        lambda t: t.track_remove_from_cart("s", 1),
        lambda t: t.track_remove_from_cart("s", 1),
    ),
    "form changed": (
        lambda t: t.track_form_change("f", "e", "INPUT", "v", type_="email", element_classes=["a"]),
        lambda t: t.track_form_change("f", "e", "INPUT", "v", type="email", element_classes=["a"]),
    ),
    "form submitted": (
        lambda t: t.track_form_submit("f", ["a"], [FIELD]),
        lambda t: t.track_form_submit("f", ["a"], [FIELD]),
    ),
    "site search": (
        lambda t: t.track_site_search(["a", "b"], {"f": "v", "g": True}, 215, 10),
        lambda t: t.track_site_search(["a", "b"], {"f": "v", "g": True}, 215, 10),
    ),
    "transaction": (  # without a time, their items have the present one as `ttm`
        lambda t: t.track_ecommerce_transaction(
            "o-1", 25.0, affiliation="x", tax_value=4.75, shipping=1.5, items=[dict(ITEM)],
            tstamp=1795000000000, **PLACE,
        ),
        lambda t: t.track_ecommerce_transaction(
            "o-1", 25.0, [ITEM], affiliation="x", tax_value=4.75, shipping=1.5,
            true_timestamp=1795000000000, **PLACE,
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("base64", [True, False], ids=["base64", "plain"])
@pytest.mark.parametrize(("theirs_call", "ours_call"), ROWS.values(), ids=ROWS)
def test_the_same_call_gives_the_same_payload(
    theirs_call: Call, ours_call: Call, base64: bool
) -> None:
    """Every method that the real tracker has, with all that it takes; their old ones, too."""
    their_tracker, taken = them(encode_base64=base64)
    our_tracker, kept = us(base64=base64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        theirs_call(their_tracker)
    ours_call(our_tracker)
    assert [meaning(pairs) for pairs in kept.pairs] == [meaning(pairs) for pairs in taken.pairs]
    assert kept.events


def test_the_same_subject_says_the_same() -> None:
    """Every setter, and an event's subject over the tracker's."""
    their_subject = theirs.Subject().set_platform("pc").set_user_id("u").set_lang("en")
    their_subject.set_screen_resolution(1920, 1080).set_viewport(800, 600).set_color_depth(24)
    their_subject.set_timezone("Europe/Berlin").set_domain_user_id("d").set_network_user_id("n")
    their_subject.set_domain_session_id(SESSION).set_domain_session_index(3)
    their_subject.set_ip_address("192.0.2.7").set_useragent("agent")
    subject = ours.Subject().set_user_id("u").set_language("en")
    subject.set_screen_resolution(1920, 1080).set_viewport(800, 600).set_color_depth(24)
    subject.set_timezone("Europe/Berlin").set_domain_user_id("d").set_network_user_id("n")
    subject.set_domain_session_id(SESSION).set_domain_session_index(3)
    subject.set_ip_address("192.0.2.7").set_useragent("agent")
    their_tracker, taken = them(their_subject)
    our_tracker, kept = us(subject)

    their_tracker.track(
        theirs.PageView(page_url=URL, event_subject=theirs.Subject().set_user_id("other"))
    )
    our_tracker.track_page_view(URL, subject=ours.Subject().set_user_id("other"))

    assert meaning(kept.pairs[0]) == meaning(taken.pairs[0])
    assert kept.pairs[0]["uid"] == "other"
