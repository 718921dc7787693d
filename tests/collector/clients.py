"""Clients for the stories, closed when they end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from shipper.collector.client import Address, HttpCollector
from shipper.collector.verdict import Unavailable, Verdict
from tests.faults import OK, FaultServer, Scene, Wire


@contextmanager
def client(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    read: float = 10.0,
    connect: float = 5.0,
) -> Iterator[HttpCollector]:
    address = Address(url=url, headers=headers or {}, connect_timeout=connect, read_timeout=read)
    collector = HttpCollector(address)
    try:
        yield collector
    finally:
        collector.close()


def post_to(*scenes: Scene, read: float = 10.0, body: bytes = b"{}") -> Verdict:
    """The verdict on one POST to a server that plays *scenes*."""
    with FaultServer(*scenes) as server, client(server.url, read=read) as collector:
        return collector.post(body)


def why(verdict: Verdict) -> str:
    assert isinstance(verdict, Unavailable), verdict
    return verdict.why


def silent(wire: Wire) -> None:
    wire.request()
    wire.leaving.wait(20)


def deaf(wire: Wire) -> None:
    wire.leaving.wait(20)


def dripping_head(wire: Wire) -> None:
    wire.request()
    wire.drip(OK, 0.1)


def sluggish(wire: Wire) -> None:
    """Reads on and on, some 6 MB a second."""
    while not wire.leaving.wait(0.05):
        for _ in range(20):
            wire.sock.recv(16_384)
