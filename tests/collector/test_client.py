"""The client and servers that behave: what is sent, and what comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipper.collector.client import GET_PATH, POST_PATH, Address, HttpCollector
from shipper.collector.verdict import Delivered, Misconfigured, Rejected, Unavailable
from shipper.devcollector.schemas import Memory
from shipper.devcollector.server import DevCollector
from shipper.errors import CollectorError
from tests.collector.clients import client, post_to
from tests.faults import OK, FaultServer, Wire, answer, answering

# What is sent


def test_many_requests_take_one_connection() -> None:
    """Connections are kept alive, over POST and GET, whatever the answers are."""
    answers = [OK, answer(204), answer(400, b"no"), answer(503), answer(302, Location="/x"), OK]
    with (
        FaultServer(answering(*answers)) as server,
        client(server.url) as collector,
    ):
        for number in range(200):
            _ = collector.get("e=pv") if number % 3 == 0 else collector.post(b"x" * number)
        assert len(server.requests) == 200
        assert server.connections == 1


def test_each_thread_has_its_own_connection() -> None:
    """Four threads that send at the same time need four connections, and no more."""
    gate = threading.Barrier(4)

    def scene(wire: Wire) -> None:
        while wire.request():
            gate.wait(10)
            wire.say(OK)

    with FaultServer(scene) as server, client(server.url) as collector:
        threads = [
            threading.Thread(target=lambda: [collector.post(b"{}") for _ in range(5)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(server.requests) == 20
        assert server.connections == 4


def test_a_post_as_it_arrives() -> None:
    """Path, content type, length and body are what a collector expects; the user's headers come."""
    with (
        FaultServer(answering(OK)) as server,
        client(server.url, {"Authorization": "Bearer s3cret"}) as collector,
    ):
        assert collector.post(b'{"a":1}') == Delivered()
        (request,) = server.requests
    assert request.line == f"POST {POST_PATH} HTTP/1.1\r\n".encode()
    assert request.body == b'{"a":1}'
    assert request.headers == {
        "host": server.url.removeprefix("http://"),
        "user-agent": "snowplow-logfile-source",
        "accept-encoding": "identity",
        "content-type": "application/json; charset=utf-8",
        "content-length": "7",
        "authorization": "Bearer s3cret",
    }


def test_the_users_headers_replace_ours_in_any_spelling() -> None:
    """A header is sent once (the server fails on a second), with the user's value."""
    headers = {"user-agent": "mine", "HOST": "collector.example.com", "X-Tenant": "caf\xe9"}
    with FaultServer(answering(OK)) as server, client(server.url, headers) as collector:
        assert collector.post(b"{}") == Delivered()
        assert collector.get("e=pv") == Delivered()
    for request in server.requests:
        assert request.headers["user-agent"] == "mine"
        assert request.headers["host"] == "collector.example.com"
        assert request.headers["x-tenant"] == "caf\xe9"


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("", ""),
        ("/", ""),
        ("/pipeline-a", "/pipeline-a"),
        ("/a/b//", "/a/b"),
        ("/caf\xe9", "/caf%C3%A9"),
        ("/%7euser", "/~user"),
    ],
)
def test_the_address_may_have_a_path(prefix: str, path: str) -> None:
    """The protocol's paths stand behind it; the request line's length is counted as sent."""
    with FaultServer(answering(OK)) as server, client(server.url + prefix) as collector:
        assert collector.post(b"{}") == Delivered()
        assert collector.get("e=pv") == Delivered()
        size = collector.request_line("e=pv")
    post, get = (request.line for request in server.requests)
    assert post == f"POST {path}{POST_PATH} HTTP/1.1\r\n".encode()
    assert get == f"GET {path}{GET_PATH}?e=pv HTTP/1.1\r\n".encode()
    assert size == len(get)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=30), min_size=1, max_size=5))
def test_a_query_arrives_as_it_was_counted(echo: Echo, payload: dict[str, str]) -> None:
    """`request_line` is the length of the line that the server reads, and nothing is re-encoded."""
    query = urlencode(payload)
    assert echo.collector.get(query) == Delivered()
    line = echo.server.requests[-1].line
    assert line == f"GET {GET_PATH}?{query} HTTP/1.1\r\n".encode()
    assert echo.collector.request_line(query) == len(line)


class Echo:
    def __init__(self, server: FaultServer, collector: HttpCollector) -> None:
        self.server = server
        self.collector = collector


@pytest.fixture
def echo() -> Iterator[Echo]:
    with FaultServer(answering(OK)) as server, client(server.url) as collector:
        yield Echo(server, collector)


def test_it_speaks_to_the_development_collector() -> None:
    """Not only to servers of this file's making."""
    with DevCollector(Memory({})) as server, client(server.url) as collector:
        assert collector.get("e=pv&p=web&tv=t-1&eid=c6ef3124-b53a-4b13-a233-0088f79dcbcb")
        assert collector.post(b"no JSON") == Delivered()
        assert server.counts() == (2, 1, 1)


def test_an_address_that_can_not_be_is_told() -> None:
    """What the configuration let pass and HTTP can't take is an error with a remedy."""
    with pytest.raises(CollectorError, match="can't be used"):
        HttpCollector(Address(url=f"http://{'a' * 70}\xe9.example.com"))


# What comes back


def test_no_redirect_is_followed() -> None:
    """A 301 would turn the POST into an empty GET, and its 200 into a loss."""
    with FaultServer(answering(OK)) as goal:
        moved = answer(301, Location=goal.url + POST_PATH)
        verdict = post_to(answering(moved))
        assert isinstance(verdict, Misconfigured)
        assert goal.url in verdict.why
        assert goal.connections == 0


def test_no_cookie_is_sent_back() -> None:
    """The collector's cookie names a user; this is none."""
    cookie = answer(200, b"ok", Set_Cookie="sp=0f8e5c1a; Path=/; Max-Age=31536000")
    with FaultServer(answering(cookie)) as server, client(server.url) as collector:
        assert [collector.post(b"{}") for _ in range(3)] == [Delivered()] * 3
        assert not any("cookie" in request.headers for request in server.requests)


def test_the_collectors_words_come_back() -> None:
    """A rejection quotes them; an answer packed with gzip is not unpacked."""
    assert post_to(answering(answer(400, b"bad schema"))) == Rejected(400, "bad schema")
    bomb = answer(400, b"\x1f\x8b\x08" + b"\0" * 50, Content_Encoding="gzip")
    verdict = post_to(answering(bomb))
    assert isinstance(verdict, Rejected)
    assert len(verdict.words) < 100


def test_the_wish_for_a_pause_comes_back() -> None:
    """Retry-After in any spelling is part of the verdict."""
    verdict = post_to(answering(b"HTTP/1.1 503 x\r\nreTRY-aFTER: 17\r\nContent-Length: 0\r\n\r\n"))
    assert verdict == Unavailable("the collector answers 503", 17.0)


def test_an_answer_without_a_length_is_delivered() -> None:
    """HTTP/1.0 ends a body by closing; chunks and a missing body are as good."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    for said in (b"HTTP/1.0 200 OK\r\n\r\nok", chunked, b"HTTP/1.1 204 No\r\n\r\n"):

        def scene(wire: Wire, said: bytes = said) -> None:
            wire.request()
            wire.say(said)

        assert post_to(scene) == Delivered()
