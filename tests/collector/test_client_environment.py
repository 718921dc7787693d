"""The client and what its surroundings say: proxies and certificates."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest

from shipper.collector.client import POST_PATH
from shipper.collector.verdict import Delivered
from tests.collector.clients import client, deaf, dripping_head, post_to, silent, sluggish, why
from tests.faults import OK, FaultServer, Scene, Wire, answering, refused_url

CERTIFICATE = Path(__file__).with_name("self_signed.pem")


# The environment: proxies and certificates


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain address goes to the proxy whole, with the proxy's password in its own header."""
    with FaultServer(answering(OK)) as proxy:
        at = proxy.url.replace("http://", "http://me:s3cret@")
        monkeypatch.setenv("http_proxy", at)
        monkeypatch.setenv("no_proxy", "localhost")
        with client("http://collector.invalid/a") as collector:
            assert collector.post(b"{}") == Delivered()
            assert collector.get("e=pv") == Delivered()
            assert collector.request_line("e=pv") == len("GET /a/i?e=pv HTTP/1.1\r\n")
        post, get = proxy.requests
    assert post.line == f"POST http://collector.invalid/a{POST_PATH} HTTP/1.1\r\n".encode()
    assert get.line == b"GET http://collector.invalid/a/i?e=pv HTTP/1.1\r\n"
    assert post.headers["proxy-authorization"].startswith("Basic ")


def test_a_host_without_proxy_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """`no_proxy` holds."""
    monkeypatch.setenv("http_proxy", refused_url())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert post_to(answering(OK)) == Delivered()


@pytest.mark.parametrize("proxy", ["http://me:s3cret@127.0.0.1:1", "http://", "gopher://x:1"])
def test_a_proxy_that_is_no_good_is_an_outage(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try tells it, without its password, and raises nothing."""
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    with client("http://collector.invalid") as collector:
        told = [why(collector.post(b"{}")) for _ in range(2)]
    assert told[0] == told[1]
    assert "s3cret" not in told[0]


def over_tls(scene: Scene) -> Scene:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    def wrapped(wire: Wire) -> None:
        wire.secure(context)
        scene(wire)

    return wrapped


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    """Without more ado TLS is verified, and the reason is told."""
    with FaultServer(over_tls(answering(OK))) as server:
        with client(server.url.replace("http:", "https:")) as collector:
            told = why(collector.post(b"{}"))
        assert "certificate verify failed" in told
        assert server.requests == []


def test_a_bundle_of_the_environment_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With it large bodies arrive whole, over one connection."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    body = bytes(range(256)) * 3000
    with FaultServer(over_tls(answering(OK))) as server:
        with client(server.url.replace("http:", "https:")) as collector:
            assert [collector.post(body) for _ in range(3)] == [Delivered()] * 3
        assert [request.body for request in server.requests] == [body] * 3
        assert server.connections == 1


def test_a_certificate_for_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trusted certificate must also be the host's own."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    with FaultServer(over_tls(answering(OK))) as server:
        with client(f"https://localhost:{server.port}") as collector:
            told = why(collector.post(b"{}"))
        assert "certificate" in told
        assert server.requests == []


@pytest.mark.parametrize(
    "scene", [deaf, over_tls(silent), over_tls(dripping_head), over_tls(deaf), over_tls(sluggish)]
)
def test_tls_is_bounded_in_time_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake that never ends, a body that nobody reads, an answer in drops."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    started = time.monotonic()
    with FaultServer(scene) as server:
        url = server.url.replace("http:", "https:")
        with client(url, read=0.5, connect=0.5) as collector:
            told = why(collector.post(b"x" * 60_000_000))
    assert time.monotonic() - started < 4.0
    assert "in time" in told


def test_plain_http_at_a_tls_address_is_an_outage() -> None:
    """A server that speaks no TLS is told as such, and gets no event."""
    with FaultServer(answering(OK)) as server:
        with client(server.url.replace("http:", "https:"), connect=1.0) as collector:
            told = why(collector.post(b"the events"))
        assert told.isprintable()
        assert all(b"the events" not in request.body for request in server.requests)


def test_tls_goes_through_a_tunnel_of_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy hears the name only; events and headers are for the collector."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))

    def proxying(wire: Wire) -> None:
        wire.request()
        wire.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        over_tls(answering(OK))(wire)

    with FaultServer(proxying) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with client("https://127.0.0.1:1", {"Authorization": "Bearer s3cret"}) as collector:
            assert [collector.post(b"{}") for _ in range(2)] == [Delivered()] * 2
        connect, *posts = proxy.requests
    assert connect.line.startswith(b"CONNECT 127.0.0.1:1 HTTP/1.")
    assert "authorization" not in connect.headers
    assert [post.line for post in posts] == [f"POST {POST_PATH} HTTP/1.1\r\n".encode()] * 2


def refusing_tunnel(wire: Wire) -> None:
    wire.request()
    wire.say(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


def dripping_tunnel(wire: Wire) -> None:
    wire.request()
    wire.drip(b"HTTP/1.1 200 Connection established\r\n\r\n", 0.1)


@pytest.mark.parametrize(
    ("scene", "words"), [(refusing_tunnel, "407"), (dripping_tunnel, "in time")]
)
def test_a_proxy_that_gives_no_tunnel_is_an_outage(
    scene: Scene, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told in words, and a proxy that drips can't hold the request."""
    started = time.monotonic()
    with FaultServer(scene) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with client("https://127.0.0.1:1", connect=0.5) as collector:
            assert words in why(collector.post(b"{}"))
    assert time.monotonic() - started < 4.0


def test_a_missing_bundle_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent unverified because a file is missing."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with FaultServer(over_tls(answering(OK))) as server:
        with client(server.url.replace("http:", "https:")) as collector:
            assert "/nowhere/bundle.pem" in why(collector.post(b"{}"))
        assert server.requests == []
