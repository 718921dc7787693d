"""What of a request can be configured: path, proxy, compression."""

from __future__ import annotations

import gzip

import pytest

from shipper.collector.client import Address, Answer, HttpCollector
from shipper.collector.verdict import Delivered, Unavailable
from tests.faults import OK, FaultServer, Request, answer, answering, refused_url


def post(server: FaultServer, body: bytes = b'{"a":1}', **settings: object) -> Request:
    """The one request that arrives."""
    url = settings.pop("url", server.url)
    collector = HttpCollector(Address(url=url, **settings))  # type: ignore[arg-type]
    assert collector.post(body) == Delivered()
    collector.close()
    (request,) = server.requests
    return request


def test_an_alias_stands_behind_the_prefix() -> None:
    """Of a POST; a GET has the pixel's path."""
    with FaultServer(answering(OK)) as server:
        request = post(server, url=f"{server.url}/tenant", path="/com.acme/track")
        assert request.line == b"POST /tenant/com.acme/track HTTP/1.1\r\n"


def test_a_compressed_body_says_so() -> None:
    """It unpacks to what was sent, and equal bodies are equal bytes; a GET has none."""
    body = b'{"data":[%s]}' % b",".join([b'{"e":"pv"}'] * 500)
    with FaultServer(answering(OK)) as server:
        request = post(server, body, gzip=True)
        assert request.headers["content-encoding"] == "gzip"
        assert request.headers["content-type"] == "application/json; charset=utf-8"
        assert len(request.body) < len(body) / 10
        assert gzip.decompress(request.body) == body
    with FaultServer(answering(OK)) as server:
        assert post(server, body, gzip=True).body == request.body
    with FaultServer(answering(OK)) as server:
        collector = HttpCollector(Address(url=server.url, gzip=True))
        assert collector.get("e=pv") == Delivered()
        assert "content-encoding" not in server.requests[0].headers
        collector.close()


def test_nothing_is_compressed_unless_asked_for() -> None:
    """A stock collector would take the packed bytes for a broken body."""
    with FaultServer(answering(OK)) as server:
        assert "content-encoding" not in post(server).headers


def test_a_proxy_of_the_configuration_goes_before_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its password is in its own header."""
    monkeypatch.setenv("http_proxy", refused_url())
    with FaultServer(answering(OK)) as proxy:
        at = proxy.url.replace("http://", "http://me:s3cr%40t@")
        request = post(proxy, url="http://collector.invalid", proxy=at)
        assert request.line.startswith(b"POST http://collector.invalid/com.snowplow")
        assert request.headers["proxy-authorization"] == "Basic bWU6czNjckB0"


def test_no_proxy_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty proxy reaches the collector directly, whatever the environment says."""
    monkeypatch.setenv("http_proxy", refused_url())
    with FaultServer(answering(OK)) as server:
        assert post(server, proxy="").line.startswith(b"POST /com.snowplow")


def test_health_is_asked_for_behind_the_prefix() -> None:
    """With the headers of all requests; an answer of any kind comes back as it is."""
    with FaultServer(answering(answer(503, b"warming up"))) as server:
        address = Address(url=f"{server.url}/a", headers={"Authorization": "Basic eA=="})
        collector = HttpCollector(address)
        found = collector.health()
        collector.close()
        assert isinstance(found, Answer)
        assert (found.status, found.body) == (503, b"warming up")
        assert server.requests[0].line == b"GET /a/health HTTP/1.1\r\n"
        assert server.requests[0].headers["authorization"] == "Basic eA=="


def test_health_of_nobody() -> None:
    """No answer is an outage."""
    collector = HttpCollector(Address(url=refused_url()))
    assert isinstance(collector.health(), Unavailable)


def test_an_address_does_not_show_its_secrets() -> None:
    """Not in a traceback either."""
    address = Address(url="http://c", headers={"A": "s3cret"}, proxy="http://me:s3cret@proxy")
    assert "s3cret" not in repr(address)
