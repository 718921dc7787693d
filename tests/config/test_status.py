"""The status page as it is configured."""

from __future__ import annotations

import pytest

from tests.config.conftest import COLLECTOR, SOURCE, Desk

BASE = f"collector: {COLLECTOR}\nsources: [{SOURCE}]\n"


def test_there_is_none_unless_it_is_written(desk: Desk) -> None:
    """An empty mapping is enough for one, on loopback."""
    assert desk.load(BASE).status is None
    status = desk.load(BASE + "status: {}\n").status
    assert status is not None
    assert (status.address, status.is_local) == (("127.0.0.1", 8080), True)
    assert (status.hosts, status.token) == ((), None)


def test_a_socket_alone_is_local(desk: Desk) -> None:
    """Nobody but this machine reaches it."""
    status = desk.load(BASE + "status: {listen: '', unix_socket: /run/s.sock}\n").status
    assert status is not None
    assert (status.address, status.is_local) == (None, True)


@pytest.mark.parametrize(
    ("written", "key", "what"),
    [
        ("{listen: ''}", "status", "is served nowhere"),
        ("{listen: '8080'}", "status.listen", "is not HOST:PORT"),
        ("{listen: '127.0.0.1:70000'}", "status.listen", "is not HOST:PORT"),
        ("{unix_socket: /" + "x" * 120 + "}", "status.unix_socket", "has more than 107 bytes"),
        ("{lisen: x}", "status.lisen", "is not a known key"),
    ],
)
def test_mistakes_are_told(desk: Desk, written: str, key: str, what: str) -> None:
    """At their line, with what is wrong."""
    assert desk.told(BASE + f"status: {written}\n") == [(3, key, what)]
