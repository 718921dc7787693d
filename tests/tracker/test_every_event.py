"""Every kind of event on its whole way, by POST and by GET: called, queued, sent, taken as good."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper import Emitter, Outcome, SelfDescribingJson, Subject, Tracker
from shipper.devcollector.app import Answer
from shipper.devcollector.server import DevCollector
from shipper.store.store import Store

SCHEMA = "iglu:com.example/thing/jsonschema/1-0-0"
URL = "https://example.com/"
SCREEN = "11111111-2222-4333-8444-555555555555"
ITEMS: Any = [
    {"sku": "s-1", "price": 9.5, "quantity": 2},
    {"sku": "s-2", "price": 1, "quantity": 1},
]
Call = Callable[..., Any]
EVERY: dict[str, Call] = {
    "page view": lambda t, **m: t.track_page_view(URL, **m),
    "page ping": lambda t, **m: t.track_page_ping(URL, min_x=0, **m),
    "structured": lambda t, **m: t.track_struct_event("c", "a", value=1.5, **m),
    "described": lambda t, **m: t.track_self_describing_event(SelfDescribingJson(SCHEMA, {}), **m),
    "screen view": lambda t, **m: t.track_screen_view("home", **m),
    "mobile screen view": lambda t, **m: t.track_mobile_screen_view("home", SCREEN, **m),
    "timing": lambda t, **m: t.track_timing("c", "v", 12, **m),
    "link click": lambda t, **m: t.track_link_click(URL, **m),
    "added to cart": lambda t, **m: t.track_add_to_cart("s-1", 1, **m),
    "taken out": lambda t, **m: t.track_remove_from_cart("s-1", 1, **m),
    "form changed": lambda t, **m: t.track_form_change("f", "e", "INPUT", "v", **m),
    "form submitted": lambda t, **m: t.track_form_submit("f", **m),
    "site search": lambda t, **m: t.track_site_search(["a"], **m),
    "transaction": lambda t, **m: t.track_ecommerce_transaction("o-1", 20, ITEMS, **m),
}
CODES = Counter({"pv": 1, "pp": 1, "se": 1, "ue": 10, "tr": 1, "ti": 2})


class Script:
    """Any schema is known; answers with *status* while it is set."""

    status = 0

    def find(self, _key: object, /) -> dict[str, Any]:
        return {"$schema": "http://json-schema.org/draft-07/schema#"}

    def describe(self) -> str:
        return "any"

    def __call__(self, _method: str, _target: str, _body: bytes) -> Answer | None:
        return Answer(self.status) if self.status else None


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[DevCollector]:
    with DevCollector(script, intercept=script) as it:
        yield it


def came(server: DevCollector) -> list[dict[str, str]]:
    assert server.counts().bad == 0
    return [item["rawEvent"]["parameters"] for item in server.good()]


@pytest.mark.parametrize("method", ["post", "get"])
def test_every_event_is_good(method: Any, server: DevCollector, tmp_path: Path) -> None:
    """200: an event of each kind, a transaction as 1 + n; stamped now, once each."""
    with Emitter(collector=server.url, queue=tmp_path, method=method) as emitter:
        for call in EVERY.values():
            call(Tracker(emitter, subject=Subject().set_user_id("tracker's")))
        assert emitter.flush(30) == 0
    events = came(server)
    assert Counter(event["e"] for event in events) == CODES
    assert len({event["eid"] for event in events}) == len(events)
    assert {event["uid"] for event in events} == {"tracker's"}
    for event in events:
        assert abs(int(event["stm"]) / 1000 - time.time()) < 60


@pytest.mark.parametrize("method", ["post", "get"])
def test_every_event_may_have_its_own_subject(
    method: Any, server: DevCollector, tmp_path: Path
) -> None:
    """It wins over the tracker's, in the items of a transaction as well."""
    own = Subject().set_user_id("event's")
    with Emitter(collector=server.url, queue=tmp_path, method=method) as emitter:
        tracker = Tracker(emitter, subject=Subject().set_user_id("tracker's").set_language("de"))
        for call in EVERY.values():
            call(tracker, subject=own)
        assert emitter.flush(30) == 0
    assert {(event["uid"], event["lang"]) for event in came(server)} == {("event's", "de")}
    assert len(came(server)) == CODES.total()


@pytest.mark.parametrize("method", ["post", "get"])
def test_every_event_is_kept_at_404(
    method: Any, server: DevCollector, script: Script, tmp_path: Path
) -> None:
    """The requests are told as failures, sending rests, and all are in the queue as they were."""
    script.status = 404
    told: list[Outcome] = []
    options: Any = {"collector": server.url, "queue": tmp_path, "method": method, "send": False}
    with Emitter(**options, callback=told.append) as emitter:
        for call in EVERY.values():
            call(Tracker(emitter))
        drained = emitter.drain()
    assert (drained.delivered, drained.refused, drained.left) == (0, 0, CODES.total())
    assert {(outcome.status, outcome.delivered) for outcome in told} == {(404, False)}
    assert len(told) == 1
    store = Store.open(tmp_path)
    assert store.backlog().events == CODES.total()
    store.close()
