"""The client and servers that are slow, broken or hostile."""

from __future__ import annotations

import gzip
import threading
import time
import tracemalloc
from collections.abc import Callable

import pytest

from shipper.collector.verdict import Delivered, Rejected, Unavailable
from tests.collector.clients import client, deaf, dripping_head, post_to, silent, sluggish, why
from tests.faults import OK, FaultServer, Scene, Wire, answer, answering, refused_url

# Connections that break


def test_nobody_listens() -> None:
    """A closed port is an outage that names host and cause."""
    url = refused_url()
    with client(url) as collector:
        verdict = collector.post(b"{}")
    where = url.removeprefix("http://")
    assert why(verdict) == f"{where}: Connection refused, nothing listens there"


def test_no_such_host() -> None:
    """A name that is not known is an outage; it may be known again soon."""
    with client("http://collector.invalid") as collector:
        assert why(collector.post(b"{}")) == "collector.invalid: no such host is known"


def dripping_headers(wire: Wire) -> None:
    wire.request()
    wire.say(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        wire.say(b"X-%d: y\r\n" % number)
        if wire.leaving.wait(0.1):
            return


def forever_continue(wire: Wire) -> None:
    wire.request()
    while not wire.leaving.is_set():
        wire.say(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@pytest.mark.parametrize(
    ("scene", "body"),
    [
        (silent, b"{}"),
        (deaf, b"x" * 40_000_000),
        (sluggish, b"x" * 40_000_000),
        (dripping_head, b"{}"),
        (dripping_headers, b"{}"),
    ],
)
def test_no_server_can_hold_a_request(scene: Scene, body: bytes) -> None:
    """Silence, a server that does not read, drops of an answer: the whole is bounded in time."""
    started = time.monotonic()
    verdict = post_to(scene, read=0.5, body=body)
    assert time.monotonic() - started < 3.0
    assert why(verdict).endswith(": no answer in time")


def test_a_slow_reader_gets_its_time() -> None:
    """Sending may take longer than connecting: a body over a thin line is no outage."""

    def scene(wire: Wire) -> None:
        wire.leaving.wait(0.5)
        wire.request()
        wire.say(OK)

    with FaultServer(scene) as server, client(server.url, connect=0.1) as collector:
        assert collector.post(b"x" * 20_000_000) == Delivered()


def test_a_fresh_connection_that_breaks_is_not_tried_twice() -> None:
    """Only a connection that has worked before may have been closed for being idle."""
    with FaultServer(resets_before_answer) as server, client(server.url) as collector:
        assert why(collector.post(b"{}")).endswith(": the connection broke")
        assert server.connections == 1


def endless_body(wire: Wire) -> None:
    wire.say(b"Content-Length: 999999999999\r\n\r\n")
    while not wire.leaving.is_set():
        wire.say(b"spam " * 10_000)


def endless_chunks(wire: Wire) -> None:
    wire.say(b"Transfer-Encoding: chunked\r\n\r\n")
    while not wire.leaving.is_set():
        wire.say(b"5\r\nspam \r\n" * 1000)


def endless_trailers(wire: Wire) -> None:
    wire.say(b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    _until_closed(wire, b"T: " + b"x" * 6_000 + b"\r\n")


def endless_chunk_head(wire: Wire) -> None:
    wire.say(b"Transfer-Encoding: chunked\r\n\r\n1;")
    _until_closed(wire, b"e" * 6_000)


def crumbs(wire: Wire) -> None:
    """A byte a chunk, and each of them a lot to read."""
    wire.say(b"Transfer-Encoding: chunked\r\n\r\n")
    _until_closed(wire, b"1;" + b"e" * 30_000 + b"\r\nx\r\n")


def _until_closed(wire: Wire, data: bytes) -> None:
    while not wire.leaving.is_set():
        wire.say(data)


def dripping_body(wire: Wire) -> None:
    wire.say(b"Content-Length: 400\r\n\r\n")
    wire.drip(b"z" * 400, 0.05)


def cut_body(wire: Wire) -> None:
    wire.say(b"Content-Length: 400\r\n\r\nzz")


def broken_chunks(wire: Wire) -> None:
    wire.say(b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")


@pytest.mark.parametrize(("status", "verdict"), [(200, Delivered), (400, Rejected)])
@pytest.mark.parametrize(
    "rest",
    [
        endless_body,
        endless_chunks,
        endless_trailers,
        endless_chunk_head,
        crumbs,
        dripping_body,
        cut_body,
        broken_chunks,
    ],
)
def test_the_status_decides_whatever_the_body_does(rest: Scene, status: int, verdict: type) -> None:
    """A received request is not sent again because the answer's body is endless, late or cut."""

    def scene(wire: Wire) -> None:
        wire.request()
        wire.say(b"HTTP/1.1 %d So\r\n" % status)
        rest(wire)

    started = time.monotonic()
    assert type(post_to(scene, read=0.5)) is verdict
    assert time.monotonic() - started < 3.0


@pytest.mark.parametrize("rest", [endless_body, endless_trailers, endless_chunk_head, crumbs])
def test_no_body_is_read_without_an_end(rest: Scene) -> None:
    """Long before the time is over the connection is closed, whatever the body consists of."""

    def scene(wire: Wire) -> None:
        wire.request()
        wire.say(b"HTTP/1.1 503 So\r\n")
        rest(wire)

    started = time.monotonic()
    assert type(post_to(scene, read=30.0)) is Unavailable
    assert time.monotonic() - started < 15.0


def test_the_connection_is_not_used_after_an_unread_body() -> None:
    """What was left of one answer is never taken for the next."""
    large = answer(200, b"HTTP/1.1 200 OK\r\n\r\n" * 20_000)
    with (
        FaultServer(answering(large), answering(answer(400, b"no"))) as server,
        client(server.url) as collector,
    ):
        assert collector.post(b"1") == Delivered()
        assert collector.post(b"2") == Rejected(400, "no")
        assert server.connections == 2


def test_an_interim_answer_is_not_taken_for_the_next_requests() -> None:
    """After a 103 its connection is left: the 200 that follows it belongs to the old request."""

    def hinting(wire: Wire) -> None:
        wire.request()
        wire.say(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        wire.request()
        wire.say(OK)
        wire.leaving.wait(20)

    with (
        FaultServer(hinting, answering(answer(400, b"no"))) as server,
        client(server.url) as collector,
    ):
        assert why(collector.post(b"1")) == "the collector answers 103"
        assert collector.post(b"2") == Rejected(400, "no")


def resets_before_request(wire: Wire) -> None:
    wire.reset()


def closes_before_answer(wire: Wire) -> None:
    wire.request()


def resets_before_answer(wire: Wire) -> None:
    wire.request()
    wire.reset()


def closes_in_status(wire: Wire) -> None:
    wire.request()
    wire.say(b"HTTP/1.1 2")


def garbage(wire: Wire) -> None:
    wire.request()
    wire.say(b"SSH-2.0-OpenSSH_9.2\x1b[2J\r\n" + b"\xff\x00" * 5000 + b"\r\n\r\n")


def endless_line(wire: Wire) -> None:
    wire.request()
    while not wire.leaving.is_set():
        wire.say(b"HTTP/1.1 200 " + b"x" * 65536)


def endless_header(wire: Wire) -> None:
    wire.request()
    wire.say(b"HTTP/1.1 200 OK\r\n")
    while not wire.leaving.is_set():
        wire.say(b"X" * 65536)


def endless_headers(wire: Wire) -> None:
    wire.request()
    wire.say(b"HTTP/1.1 200 OK\r\n")
    while not wire.leaving.is_set():
        wire.say(b"X: y\r\n" * 1000)


@pytest.mark.parametrize(
    "scene",
    [
        resets_before_request,
        closes_before_answer,
        resets_before_answer,
        closes_in_status,
        garbage,
        endless_line,
        endless_header,
        endless_headers,
        forever_continue,
    ],
)
def test_no_answer_is_an_outage_in_good_words(scene: Scene) -> None:
    """However it breaks, the events are kept; host and cause are told on one short line."""
    with FaultServer(scene) as server, client(server.url, {"Key": "s3cret"}, read=2.0) as collector:
        told = why(collector.post(b"the events"))
        assert told.startswith(f"127.0.0.1:{server.port}: ")
        assert told.isprintable()
        assert 25 < len(told) < 600
        assert "s3cret" not in told
        assert "the events" not in told
        assert "object at 0x" not in told


@pytest.mark.parametrize(("lines", "fits"), [(2, True), (3, True), (5, False), (99, False)])
def test_a_head_has_an_end(lines: int, fits: bool) -> None:
    """A quarter of a megabyte is enough for anybody; a body may follow it at any length."""

    def scene(wire: Wire) -> None:
        wire.request()
        wire.say(b"HTTP/1.1 400 So\r\n")
        for number in range(lines):
            wire.say(b"X-%d: %s\r\n" % (number, b"y" * 65_000))
        wire.say(b"Content-Length: 600000\r\n\r\n" + b"no " * 200_000)

    verdict = post_to(scene)
    if fits:
        assert isinstance(verdict, Rejected)
    else:
        assert why(verdict).endswith("the head of the answer is longer than 262144 bytes")


def test_a_query_is_never_told() -> None:
    """Neither is a password in the address: reasons end up in logs."""
    url = refused_url().replace("http://", "http://user:s3cret@")
    with client(url) as collector:
        told = why(collector.get("e=pv&uid=someone"))
    assert "s3cret" not in told
    assert "someone" not in told


# Kept connections that were closed while idle


def one_then(end: Callable[[Wire], None]) -> Scene:
    """Answer one request; when the next one has come, *end* the connection."""

    def scene(wire: Wire) -> None:
        wire.request()
        wire.say(OK)
        wire.request()
        end(wire)

    return scene


@pytest.mark.parametrize("end", [Wire.reset, Wire.close])
def test_a_connection_closed_while_idle_is_no_outage(end: Callable[[Wire], None]) -> None:
    """The request that met it goes out again at once, on a fresh connection, with its body."""
    with (
        FaultServer(one_then(end), answering(OK)) as server,
        client(server.url) as collector,
    ):
        assert [collector.post(b"1"), collector.post(b"2")] == [Delivered()] * 2
        assert [(r.connection, r.body) for r in server.requests] == [
            (0, b"1"),
            (0, b"2"),
            (1, b"2"),
        ]


def test_it_is_repeated_once_only() -> None:
    """A server that resets each connection gets no more than one request on a fresh one."""
    with (
        FaultServer(one_then(Wire.reset), resets_before_answer) as server,
        client(server.url) as collector,
    ):
        assert collector.post(b"1") == Delivered()
        assert why(collector.post(b"2")).endswith(": the connection broke")
        assert server.connections == 2


def test_a_connection_seen_to_be_closed_is_replaced() -> None:
    """A close that has arrived before the request is noticed, and nothing is sent in vain."""

    closed = threading.Event()

    def scene(wire: Wire) -> None:
        wire.request()
        wire.say(OK)
        wire.close()
        closed.set()

    with (
        FaultServer(scene, answering(OK)) as server,
        client(server.url) as collector,
    ):
        assert collector.post(b"1") == Delivered()
        assert closed.wait(10)
        assert collector.post(b"2") == Delivered()
        assert [r.connection for r in server.requests] == [0, 1]


def test_a_slow_answer_is_not_repeated() -> None:
    """A timeout on a kept connection is an outage: the collector may be busy with the request."""

    def scene(wire: Wire) -> None:
        wire.request()
        wire.say(OK)
        silent(wire)

    with FaultServer(scene) as server, client(server.url, read=0.3) as collector:
        assert collector.post(b"1") == Delivered()
        assert why(collector.post(b"2")).endswith(": no answer in time")
        assert len(server.requests) == 2


# Memory


BOMB = gzip.compress(bytes(100_000_000), 1)


def bomb(wire: Wire) -> None:
    """A hundred megabytes of zeros, packed into a hundred kilobytes."""
    while wire.request() is not None:
        wire.say(answer(400, BOMB, Content_Encoding="gzip", Content_Type="text/html"))


def largest_head(wire: Wire) -> None:
    """As many headers as are allowed, each as long as is allowed."""
    wire.request()
    wire.say(b"HTTP/1.1 400 So\r\n")
    for number in range(99):
        wire.say(b"X-%d: %s\r\n" % (number, b"y" * 65_000))
    wire.say(b"Content-Length: 0\r\n\r\n")


def redirecting_to_itself(wire: Wire) -> None:
    while wire.request() is not None:
        wire.say(answer(302, b"x" * 5_000_000, Location="/" + "a" * 60_000))


def said(rest: Scene) -> Scene:
    def scene(wire: Wire) -> None:
        wire.request()
        wire.say(b"HTTP/1.1 503 So\r\n")
        rest(wire)

    return scene


@pytest.mark.parametrize(
    "scene",
    [
        bomb,
        largest_head,
        redirecting_to_itself,
        endless_line,
        endless_header,
        endless_headers,
        forever_continue,
        said(endless_body),
        said(endless_chunks),
        said(endless_trailers),
        said(crumbs),
    ],
)
def test_no_server_can_grow_the_process(scene: Scene) -> None:
    """Twenty hostile answers take no more than 16 MB at any moment, and leave nothing behind."""
    with FaultServer(scene) as server, client(server.url, read=0.15) as collector:
        collector.post(b"{}")
        tracemalloc.start()
        try:
            for _ in range(20):
                collector.post(b"{}")
            left, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 16_000_000
    assert left < 8_000_000
