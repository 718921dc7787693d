"""From what a tracker sends to the events that are queued."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from shipper.receiver.payloads import NOBODY, InvalidEventsError, asked, posted, stored
from shipper.serving.wire import Visitor
from tests.devcollector.events import JSON_UTF8, envelope, order, page

WHO = Visitor("192.0.2.7", "agent/1", "6b1f6d0e-5f0a-4a43-8f6b-0c1d2e3f4a5b")
MOST = 180_000


def taken(*events: Any, who: Visitor = WHO, **query: str) -> list[dict[str, str]]:
    return [orjson.loads(raw) for raw in posted(envelope(*events), JSON_UTF8, query, who, MOST)]


def reasons(*events: Any, **query: str) -> tuple[str, ...]:
    with pytest.raises(InvalidEventsError) as caught:
        taken(*events, who=WHO, **query)
    return caught.value.reasons


def test_what_the_tracker_says_is_kept_but_for_the_time_of_sending() -> None:
    """`eid`, `dtm`, `tv` and all else stay as they are; `stm` is left out."""
    sent = order(3) | {"stm": "1795417200999", "dtm": "1795417200123", "tv": "php-0.9.2"}

    (event,) = taken(sent, who=NOBODY)

    assert event == {key: value for key, value in sent.items() if key != "stm"}


def test_what_is_known_of_the_client_is_carried() -> None:
    """Address, user agent and network user id: what the collector would have seen."""
    (event,) = taken(page())
    assert Visitor(event["ip"], event["ua"], event["nuid"]) == WHO


def test_what_the_payload_says_of_the_client_wins() -> None:
    """It knows better: a PHP page sends the address of its own visitor."""
    own = {"ip": "198.51.100.3", "ua": "browser/2", "tnuid": "f8e7d6c5-0000-4000-8000-000000000001"}
    (event,) = taken(page(**own))
    assert {key: event[key] for key in own} == own
    assert "nuid" not in event


def test_nothing_is_carried_that_enrich_would_refuse() -> None:
    """No address, and an agent that is too long for its column."""
    (event,) = taken(page(), who=Visitor("unknown", "a" * 1_001, None))
    assert event.keys() & {"ip", "ua"} == set()


def test_who_is_anonymous_has_the_id_of_nobody() -> None:
    """All zeros, so that the collector gives no id of its own to our hop."""
    (event,) = taken(page(), who=Visitor(None, "agent/1", None))
    assert event["nuid"] == str(UUID(int=0))
    assert "ip" not in event


def test_an_event_without_an_id_gets_one() -> None:
    """So that a request to the collector that is repeated repeats it."""
    without = {key: value for key, value in page().items() if key != "eid"}
    first, second = taken(without, without)
    assert UUID(first["eid"]).version == 4
    assert first["eid"] != second["eid"]


def test_parameters_of_the_query_join_every_event_and_win() -> None:
    """As Enrich has it; a key that a POST must not have is ignored."""
    events = taken(page(uid="inner"), page(), uid="outer", u="x", cv="clj-1")
    assert [event["uid"] for event in events] == ["outer", "outer"]
    assert not any(event.keys() & {"u", "cv"} for event in events)


def test_one_bad_event_refuses_all() -> None:
    """Nothing is stored of the request, and each reason names its event and key."""
    wrong = reasons(page(), page(eid="x"), {"e": "pv", "p": "web"}, page(colour="red"))
    # An envelope that is broken is told before anybody looks at values.
    assert wrong[0] == "event 2: tv: is missing; it is required"
    assert wrong[1].startswith(f"event 3 (eid {page()['eid']}): colour: is no key of payload_data")
    assert reasons(page(), page(eid="x"))[0].startswith("event 1 (eid x): eid: 'x' is not allowed")


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"{", JSON_UTF8, "body: is not JSON"),
        (b"\xff\xfe", JSON_UTF8, "body: is not JSON"),
        (b'{"schema":"x"}', JSON_UTF8, "body: is no envelope"),
        (b"[]", JSON_UTF8, "body: is no envelope"),
        (envelope(), JSON_UTF8, "data: is an empty array"),
        (envelope(page()), "text/plain", "Content-Type: is 'text/plain'"),
        (envelope(page()), None, "Content-Type: is missing"),
        (envelope({**page(), "tid": 5}), JSON_UTF8, "event 0"),
        (envelope([1]), JSON_UTF8, "event 0: must be an object of strings, not an array"),
        (b"", JSON_UTF8, "body: is empty"),
    ],
)
def test_a_broken_envelope_is_refused(body: bytes, content_type: str | None, reason: str) -> None:
    """Each with a reason that says what would be right."""
    with pytest.raises(InvalidEventsError) as caught:
        posted(body, content_type, {}, WHO, MOST)
    assert caught.value.reasons[0].startswith(reason)


def test_half_a_character_is_refused() -> None:
    """A surrogate without its other half can't be stored as UTF-8: it never gets that far."""
    body = envelope(page()).replace(b'"web"', b'"web\\ud83d"')
    with pytest.raises(InvalidEventsError, match="is not JSON"):
        posted(body, JSON_UTF8, {}, WHO, MOST)


def test_an_event_that_no_request_can_hold_is_refused() -> None:
    """It could never be sent: who sent it should know, while it can still be mended."""
    long = page(refr=f"https://example.com/{'a' * 2_900}", f_pdf="1")
    with pytest.raises(InvalidEventsError, match="a request to the collector holds 1,000"):
        stored([long], WHO, 1_000)


def test_no_more_reasons_are_told_than_can_be_read() -> None:
    """Of a thousand bad events, twenty."""
    assert len(reasons(*[page(eid="x")] * 1_000)) == 20


def test_a_get_is_one_event() -> None:
    """Keys that nobody knows are ignored, the required ones are required."""
    (raw,) = asked({"e": "pv", "p": "web", "tv": "js-3", "cx_": "1", "stm": "1"}, NOBODY, MOST)
    assert orjson.loads(raw).keys() == {"e", "p", "tv", "eid"}
    with pytest.raises(InvalidEventsError, match="p: is missing"):
        asked({"e": "pv", "tv": "js-3"}, NOBODY, MOST)
    with pytest.raises(InvalidEventsError, match="query string: is empty"):
        asked({}, NOBODY, MOST)


def test_events_are_stored_without_a_raw_line_feed() -> None:
    """LF joins events in storage; one in a value stays what it was."""
    pretty = orjson.dumps(orjson.loads(envelope(page(page="a\nb"))), option=orjson.OPT_INDENT_2)
    (raw,) = posted(pretty, JSON_UTF8, {}, WHO, MOST)
    assert b"\n" not in raw
    assert orjson.loads(raw)["page"] == "a\nb"
