"""More than the receiver can hold: connections, bodies that never end, requests in a row."""

from __future__ import annotations

import resource
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest

from shipper.devcollector.server import DevCollector
from tests.devcollector.events import JSON_UTF8, SCHEMAS, eid, order, page
from tests.devcollector.test_app import TP2, Client
from tests.e2e.test_receiver import Site, Switch, memory, post_bytes, raw
from tests.program import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

_MANY = 10_000
_ALLOWED = 1_000  # `receiver.max_connections`, by default
_AHEAD = 4 * 64  # 64 are accepted at once; those they put out are closed some steps later
_HALF = (
    f"POST {TP2} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON_UTF8}\r\nContent-Length: 5000\r\n\r\n{{"
).encode()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    switch = Switch()
    with DevCollector(SCHEMAS, intercept=switch) as collector:
        yield Site(tmp_path, collector, switch)


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Let this process open as many connections as the flood has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = _MANY + 500
    if hard != resource.RLIM_INFINITY and hard < need:
        pytest.skip(f"this machine allows {hard} open files a process; {need} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextmanager
def asking(client: Client) -> Iterator[list[int]]:
    """Ask for the health all the while; the answers' statuses are in the list."""
    statuses: list[int] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.02):
            statuses.append(client.get("/health").status)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        over.set()
        thread.join()


@pytest.mark.usefixtures("descriptors")
def test_ten_thousand_connections_are_a_thousand(site: Site) -> None:
    """The quietest are let go of: memory and descriptors stay bounded, everybody is answered."""
    with site.run() as (program, client), ExitStack() as stack:
        pid = program.process.pid
        files, bytes_before, most = open_files(pid), memory(pid), 0
        with asking(client) as statuses:
            for number in range(_MANY):
                stack.enter_context(socket.create_connection(("127.0.0.1", client.port), 20))
                if number % 100 == 0:
                    most = max(most, open_files(pid))
            assert client.post(order(1)).status == 200
        assert set(statuses) == {200}
        assert len(statuses) > 10
        eventually(lambda: open_files(pid) <= files + _ALLOWED + 10)
        assert most <= files + _ALLOWED + _AHEAD
        assert memory(pid) - bytes_before < 40_000_000
        stack.close()
        eventually(lambda: open_files(pid) <= files + 10)
        eventually(lambda: site.ids() == [eid(1)])
        assert program.stop() == 0


def is_well(client: Client) -> bool:
    with suppress(ConnectionError):
        return client.get("/health").status == 200
    return False


def test_bodies_that_never_end_lock_nobody_out(site: Site) -> None:
    """A byte now and then holds a connection until another needs the room."""
    site.configure(receiver=", max_connections: 50")
    with site.run() as (program, client), ExitStack() as stack:
        files = open_files(program.process.pid)
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", client.port), 20))
            for _ in range(50)
        ]
        for wire in slow:
            wire.sendall(_HALF)
        eventually(lambda: is_well(client))  # a body may take a second before it makes room
        assert client.post(order(1)).status == 200
        gone = select.select(slow, [], [], 10)[0]
        assert 1 <= len(gone) <= 2  # the others are still waited for
        for wire in set(slow).difference(gone):
            wire.sendall(b" ")
        assert open_files(program.process.pid) <= files + 60
        eventually(lambda: site.ids() == [eid(1)])
        assert program.stop() == 0


def test_requests_in_a_row_are_answered_in_their_order(site: Site) -> None:
    """Sixty at once, with targets in absolute form or not, good and bad: each has its answer."""
    query = urlencode(page(eid=eid(2)))
    health = b"GET http://127.0.0.1/health HTTP/1.1\r\nHost: x\r\n\r\n"
    pixel = f"GET HTTP://any.example:80/i?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    unknown = b"GET http://any.example HTTP/1.1\r\nHost: x\r\n\r\n"
    group = (
        post_bytes(order(1), target=f"http://any.example{TP2}")
        + health
        + post_bytes(page(colour="red"))
        + pixel
        + unknown
        + post_bytes(order(3))
    )
    with site.run() as (program, client):
        answers = raw(client.port, group * 10, answers=60)
        statuses = [int(each[:3]) for each in answers.split(b"HTTP/1.1 ")[1:]]
        assert statuses == [200, 200, 400, 200, 404, 200] * 10
        eventually(lambda: site.told("status")["received"] == {"receiver": 30})
        assert program.stop() == 0
