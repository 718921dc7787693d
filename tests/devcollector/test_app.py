"""What trackers and people see of the development collector, over real sockets."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
import pytest
import uvicorn

from shipper.devcollector.app import create_app
from shipper.devcollector.server import DevCollector
from shipper.protocol.iglu import CONTEXTS, UNSTRUCT_EVENT
from tests.devcollector.events import (
    JSON_UTF8,
    ORDER,
    SCHEMAS,
    eid,
    envelope,
    order,
    page,
    text,
)

TP2 = "/com.snowplowanalytics.snowplow/tp2"


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Client:
    """Speaks to one collector, each time over a new connection."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Reply:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            dashed = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, dashed)
            answer = connection.getresponse()
            lower = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, lower, answer.read())

    def post(self, *events: Any, target: str = TP2, **headers: str) -> Reply:
        headers.setdefault("Content_Type", JSON_UTF8)
        return self.ask("POST", target, envelope(*events), **headers)

    def get(self, target: str, **headers: str) -> Reply:
        return self.ask("GET", target, None, **headers)

    def micro(self, name: str, **filters: Any) -> Any:
        reply = self.ask("POST", f"/micro/{name}", orjson.dumps(filters))
        assert reply.status == 200
        return reply.json


@pytest.fixture(scope="module")
def running() -> Iterator[DevCollector]:
    with DevCollector(SCHEMAS) as collector:
        yield collector


@pytest.fixture
def client(running: DevCollector) -> Client:
    running.reset()
    return Client(running.port)


def test_a_good_post_is_answered_as_a_collector_does(client: Client) -> None:
    """200, the text ok, and the cookie that browsers get."""
    reply = client.post(order())

    assert (reply.status, reply.body) == (200, b"ok")
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.headers["set-cookie"].startswith("sp=")
    for part in ("Max-Age=31536000", "Secure", "HttpOnly", "SameSite=none"):
        assert part in reply.headers["set-cookie"]
    assert client.get("/micro/all").json == {"total": 1, "good": 1, "bad": 0}


def test_a_bad_post_is_answered_just_the_same(client: Client) -> None:
    """A collector says 200 before anybody has looked at the events."""
    assert client.post(order(), {"e": "pv"}).status == 200
    assert client.post(order(1), order(2, total="x")).body == b"ok"
    assert client.get("/micro/all").json == {"total": 3, "good": 1, "bad": 2}


def test_a_good_item_shows_what_was_sent_and_what_is_in_it(client: Client) -> None:
    """The tracker's map as it came, `stm` included, and the self-describing data decoded."""
    entity = {"schema": ORDER, "data": {"total": 9}}
    sent = order(5) | {"stm": "1795417200999", "co": text({"schema": CONTEXTS, "data": [entity]})}
    client.post(sent, target=f"{TP2}?uid=someone", User_Agent="test-agent")

    (item,) = client.get("/micro/good").json

    assert item["rawEvent"]["parameters"] == sent | {"uid": "someone"}
    assert item["rawEvent"]["api"] == {"vendor": "com.snowplowanalytics.snowplow", "version": "tp2"}
    assert item["rawEvent"]["context"]["ipAddress"] == "127.0.0.1"
    assert item["rawEvent"]["context"]["useragent"] == "test-agent"
    assert (item["eventType"], item["schema"], item["contexts"]) == ("unstruct", ORDER, [ORDER])
    assert item["event"]["event_id"] == eid(5)
    assert item["event"]["user_id"] == "someone"
    assert item["event"]["dvce_created_tstamp"] == "2026-11-23T07:00:00.123Z"
    assert item["event"]["unstruct_event"] == {
        "schema": UNSTRUCT_EVENT,
        "data": {"schema": ORDER, "data": {"total": 5}},
    }
    assert item["event"]["contexts"] == {"schema": CONTEXTS, "data": [entity]}


def test_a_bad_event_shows_itself_and_why(client: Client) -> None:
    """Beside the errors stands the event as it came."""
    client.post(order(1), order(2, total=-2))

    (item,) = client.get("/micro/bad").json

    assert item["rawEvent"]["parameters"] == order(2, total=-2)
    assert item["errors"][0] == "schema_violations: event 1 of the request is bad"
    assert "total: -2 is less than the minimum" in item["errors"][1]


def test_a_bad_request_shows_its_body_and_why(client: Client) -> None:
    """A body that could not be taken apart is shown as it came."""
    client.ask("POST", TP2, b"not json", Content_Type="application/json")

    (item,) = client.get("/micro/bad").json

    assert item["collectorPayload"]["body"] == "not json"
    assert "rawEvent" not in item
    assert item["errors"][0] == "tracker_protocol_violations: the whole request is one bad row"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/i", "/ice.png", "/com.snowplowanalytics.snowplow/tp2"])
def test_a_pixel_carries_one_event(client: Client, method: str, path: str) -> None:
    """The answer is a GIF that no cache may keep."""
    reply = client.ask(method, f"{path}?{urlencode(order(3))}&colour=red&flag")

    assert reply.status == 200
    assert reply.headers["content-type"] == "image/gif"
    assert "no-cache" in reply.headers["cache-control"]
    assert reply.body[:6] == (b"GIF89a" if method == "GET" else b"")
    (item,) = client.micro("good")
    assert item["rawEvent"]["parameters"] == order(3) | {"colour": "red"}


def test_an_empty_pixel_is_bad(client: Client) -> None:
    """The mistake of a first try is explained."""
    client.get("/i")

    assert "query string: is empty" in client.micro("bad")[0]["errors"][1]


def test_filters_of_good_events(client: Client) -> None:
    """By type, schema, contexts and number, as in Micro; the newest come first."""
    context = text({"schema": CONTEXTS, "data": [{"schema": ORDER, "data": {"total": 1}}]})
    client.post(order(1), order(2))
    client.post(page(co=context))

    def eids(**filters: Any) -> list[str]:
        found = client.micro("good", **filters)
        return [item["rawEvent"]["parameters"]["eid"] for item in found]

    assert eids() == [eid(7), eid(2), eid(1)]
    assert eids(limit=2) == [eid(7), eid(2)]
    assert eids(event_type="unstruct", limit=1) == [eid(2)]
    assert eids(schema=ORDER) == [eid(2), eid(1)]
    assert eids(contexts=[ORDER]) == [eid(7)]
    assert eids(schema=None, limit=None, contexts=None) == eids()
    assert eids(event_type="struct") == []


def test_filters_of_bad_rows(client: Client) -> None:
    """By the vendor and the version of the path."""
    client.post(1)
    client.post(order(), target="/com.example/v1")

    assert len(client.micro("bad")) == 2
    assert len(client.micro("bad", limit=1)) == 1
    (item,) = client.micro("bad", vendor="com.example", version="v1")
    assert "no adapter for /com.example/v1" in item["errors"][1]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", b"not JSON"),
        (b"[]", b"must be a JSON object"),
        (b'{"schemas": "x"}', b"wrong filter 'schemas'; there are: event_type (str), schema (str)"),
        (b'{"limit": "5"}', b"wrong filter 'limit'"),
        (b'{"limit": -1}', b"wrong filter 'limit'"),
        (b'{"limit": true}', b"wrong filter 'limit'"),
    ],
)
def test_a_wrong_filter_is_an_error(client: Client, body: bytes, says: bytes) -> None:
    """A slip in a filter must not look like an empty answer."""
    reply = client.ask("POST", "/micro/good", body)

    assert reply.status == 400
    assert says in reply.body


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_reset_counts_from_zero(client: Client, method: str) -> None:
    """Counts and events are gone."""
    client.post(order(), page(eid="x"))

    assert client.ask(method, "/micro/reset").json == {"total": 0, "good": 0, "bad": 0}
    assert client.micro("good") == client.micro("bad") == []


def test_a_body_over_the_limit_is_answered_413(client: Client) -> None:
    """It is not stored; the sender can read the answer, and the server lives on."""
    reply = client.ask("POST", TP2, b"x" * 2_097_153, Content_Type=JSON_UTF8)

    assert reply.status == 413
    assert client.ask("POST", TP2, b"x" * 2_097_152, Content_Type=JSON_UTF8).status == 200
    assert client.get("/micro/all").json == {"total": 1, "good": 0, "bad": 1}


def test_heads_over_the_limit_are_answered_400(client: Client) -> None:
    """Request lines over 20,480 bytes and headers over 40,960; nothing of them is counted."""
    assert client.get("/i?e=pv&page=" + "x" * 20_000).status == 200
    assert client.get("/i?e=pv&page=" + "x" * 20_480).status == 400
    assert client.get("/i?e=pv", X_Long="x" * 40_960).status == 400
    assert client.get("/i?e=pv&page=" + "x" * 100_000).status == 400
    assert client.get("/micro/all").json["total"] == 1


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/a/b/c"),
        ("POST", "/i"),
        ("DELETE", TP2),
        ("PUT", "/micro/all"),
        ("GET", "/micro/nothing"),
        ("GET", "/r/tp2?u=http://example.com/"),
        ("GET", "/health/"),
    ],
)
def test_an_unknown_path_is_answered_404(client: Client, method: str, target: str) -> None:
    """No such path, or no such method on it; nothing is counted."""
    assert client.ask(method, target).status == 404
    assert client.get("/micro/all").json["total"] == 0


def test_health(client: Client) -> None:
    """The probe of load balancers."""
    assert client.get("/health").body == b"ok"


def test_browsers_may_ask_before_they_send(client: Client) -> None:
    """The preflight allows the two headers that trackers use, for the origin that asks."""
    reply = client.ask("OPTIONS", TP2, Origin="https://example.com")

    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "https://example.com"
    assert reply.headers["access-control-allow-headers"] == "Content-Type, SP-Anonymous"
    assert reply.headers["access-control-max-age"] == "3600"
    assert client.post(order(), Origin="https://example.org").headers[
        "access-control-allow-origin"
    ] == ("https://example.org")


def test_a_visitor_keeps_the_cookie(client: Client) -> None:
    """A valid `sp` cookie comes back unchanged; nonsense is replaced."""
    mine = "sp=0f8e5c1a-77d2-4d43-9c1e-2b7a4f60d913"

    assert client.post(order(), Cookie=mine).headers["set-cookie"].startswith(mine)
    assert "nonsense" not in client.post(order(), Cookie="sp=nonsense").headers["set-cookie"]


def test_the_anonymous_leave_no_trace(client: Client) -> None:
    """SP-Anonymous: no cookie, a sent one is expired, no address is kept."""
    assert "set-cookie" not in client.post(order(), SP_Anonymous="*").headers
    expired = client.post(order(), SP_Anonymous="*", Cookie="sp=x").headers["set-cookie"]
    assert "Max-Age=0" in expired
    for item in client.micro("good"):
        assert item["rawEvent"]["context"]["ipAddress"] is None
        assert item["rawEvent"]["context"]["userId"] is None


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST " + TP2.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET /i?e=%zz&%&\xff=\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /%00/%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST " + TP2.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_nonsense_is_no_fault_of_the_server(client: Client, raw: bytes) -> None:
    """Whatever bytes come, the answer is no 5xx, and the next request is served."""
    with closing(socket.create_connection(("127.0.0.1", client.port), timeout=10)) as wire:
        wire.sendall(raw)
        first = wire.makefile("rb").readline()

    assert first.split()[1][:1] in (b"2", b"4")
    assert client.get("/health").status == 200


def test_a_sender_that_hangs_up_leaves_nothing(client: Client) -> None:
    """Half a body counts for nothing."""
    with closing(socket.create_connection(("127.0.0.1", client.port), timeout=10)) as wire:
        wire.sendall(
            b"POST " + TP2.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
        )

    assert client.get("/health").status == 200
    assert client.get("/micro/all").json["total"] == 0


def test_a_body_that_does_not_come_is_answered_408() -> None:
    """A slow sender does not hold the connection for ever."""
    app = create_app(SCHEMAS, body_seconds=0.05)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        with closing(socket.create_connection(listener.getsockname(), timeout=10)) as wire:
            wire.sendall(
                b"POST " + TP2.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
            )
            first = wire.makefile("rb").readline()
        server.should_exit = True
        thread.join()

    assert first.split()[1] == b"408"


def test_a_long_list_comes_whole(client: Client) -> None:
    """Lists are written piece by piece; the pieces make one JSON array."""
    for start in range(0, 1_000, 250):
        client.post(*[order(number) for number in range(start, start + 250)])

    found = client.get("/micro/good").json

    assert [item["event"]["event_id"] for item in found] == [eid(n) for n in reversed(range(1_000))]
