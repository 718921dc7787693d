"""The status page's server, in a real process: what it answers, to whom, and for how long."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from shipper.config.status import StatusConfig
from shipper.status.guard import Guard
from tests.arrivals import collector, numbered
from tests.devcollector.test_app import Client
from tests.program import Running, eventually, shipper
from tests.status.site import Site

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Running, Client]]:
    """One program for the tests that change nothing; it has shipped ten lines."""
    directory = tmp_path_factory.mktemp("page")
    with collector() as to:
        site = Site(directory, to)
        site.configure(
            f"listen: '127.0.0.1:0', unix_socket: {directory}/page.sock, hosts: P.Example"
        )
        site.log.write_bytes(b"".join(map(numbered, range(10))))
        with site.run() as (program, client):
            eventually(lambda: to.counts().good == 10)
            yield site, program, client


@pytest.fixture
def client(shared: tuple[Site, Running, Client]) -> Client:
    return shared[2]


def test_it_is_alive_and_ready(client: Client) -> None:
    """Both probes answer 200 while the reading goes round and the state can be written."""
    for path in ("/healthz", "/readyz"):
        reply = client.get(path)
        assert (reply.status, reply.body) == (200, b"ok\n")


def test_it_tells_what_the_command_tells(shared: tuple[Site, Running, Client]) -> None:
    """/api/status is the JSON of `shipper status --json`, but for the ages and paces in it."""
    site, _, client = shared
    told = json.loads(shipper("status", "-c", site.config, "--json").stdout)

    def settled() -> bool:
        served = client.get("/api/status").json
        assert served.keys() == told.keys()
        assert served["files"] == told["files"]
        assert served["pid"] == told["pid"]
        return bool(served["healthy"] and served["delivered"] == {"web": 10})

    eventually(settled)


def test_browsers_are_told_to_trust_nothing_else(client: Client) -> None:
    """Every answer, a failure too, forbids foreign and inline code, embedding and caching."""
    for path in ("/", "/api/status", "/healthz", "/nowhere"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
    assert client.get("/nowhere").status == 404
    assert client.ask("POST", "/api/status").status == 405


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("127.9.9.9", 200),
        ("[::1]:80", 200),
        ("LOCALHOST:8080", 200),
        ("localhost.", 200),
        ("p.example:443", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:8080", 421),
        ("192.0.2.1", 421),
        ("", 421),
    ],
)
def test_a_name_made_to_mean_this_machine_reads_nothing(
    client: Client, host: str, status: int
) -> None:
    """On a loopback address only loopback names and those in `status.hosts` are answered."""
    for path in ("/", "/api/status"):
        assert client.get(path, Host=host).status == status


@pytest.mark.parametrize(
    ("hosts", "host", "status"),
    [
        ("", "evil.example", 200),
        (", hosts: shop.example", "evil.example", 421),
        (", hosts: shop.example", "shop.example:80", 200),
        (", hosts: shop.example", "192.0.2.1:8080", 200),
        (", hosts: shop.example", "[2001:db8::1]", 200),
        (", hosts: shop.example", "localhost", 200),
    ],
)
def test_elsewhere_names_are_held_to_a_list(hosts: str, host: str, status: int) -> None:
    """On another address all are answered, or if there is a list, those in it, and addresses."""
    config = StatusConfig.model_validate(yaml.safe_load(f"{{listen: '0.0.0.0:80'{hosts}}}"))
    sent: list[Any] = []

    async def ok(_scope: Scope, _receive: Receive, send: Send) -> None:
        await PlainTextResponse("ok")(_scope, _receive, send)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "server": ("0.0.0.0", 80), "headers": [(b"host", host.encode())]}
    asyncio.run(Guard(ok, config)(scope, receive, send))
    assert sent[0]["status"] == status


def test_it_is_served_on_a_unix_socket(shared: tuple[Site, Running, Client]) -> None:
    """For its owner and group; there, no browser can ask, so any name will do."""
    place = shared[0].directory / "page.sock"
    assert place.stat().st_mode & 0o777 == 0o660
    with closing(socket.socket(socket.AF_UNIX)) as wire:
        wire.settimeout(20)
        wire.connect(str(place))
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nok\n")


def test_a_state_that_cant_be_written_is_not_ready(tmp_path: Path) -> None:
    """/readyz says what stands in the way, and again when it is gone; alive it is all the time."""
    with collector() as to:
        site = Site(tmp_path, to)
        with site.run() as (program, client):
            pid, size = program.process.pid, resource.RLIMIT_FSIZE
            usual = resource.prlimit(pid, size)
            assert client.get("/readyz").status == 200
            resource.prlimit(pid, size, (1, usual[1]))  # no file of it may grow
            reply = client.get("/readyz")
            assert reply.status == 503
            assert b"state.db can't" in reply.body
            assert client.get("/healthz").status == 200
            resource.prlimit(pid, size, usual)
            eventually(lambda: client.get("/readyz").status == 200)


def test_a_reload_moves_it_opens_it_and_ends_it(tmp_path: Path) -> None:
    """By SIGHUP the page comes, changes its place and goes; the work goes on all the time."""
    with collector() as to:
        site = Site(tmp_path, to)
        with site.run() as (program, client):
            assert client.get("/healthz").status == 200
            with closing(socket.create_server(("127.0.0.1", 0))) as taken:
                port = taken.getsockname()[1]
                site.configure(f"listen: '127.0.0.1:{port}'")
                program.process.send_signal(signal.SIGHUP)
                refused = program.wait_for("config.refused")
                assert f"the status page can't listen on 127.0.0.1:{port}" in refused
            assert client.get("/healthz").status == 200

            site.configure(f"unix_socket: {tmp_path}/page.sock, listen: ''")
            program.process.send_signal(signal.SIGHUP)
            eventually((tmp_path / "page.sock").exists)
            eventually(lambda: not listens(client.port))

            site.config.write_text(site.config.read_text().replace("status:", "# status:"))
            program.process.send_signal(signal.SIGHUP)
            eventually(lambda: not (tmp_path / "page.sock").exists())

            site.log.write_bytes(numbered(1))
            eventually(lambda: to.counts().good == 1)
            began = time.monotonic()
            assert program.stop() == 0
            assert time.monotonic() - began < 8


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_an_address_in_use_is_told_with_the_remedy(tmp_path: Path) -> None:
    """At the start, and by `shipper check`."""
    with collector() as to, closing(socket.create_server(("127.0.0.1", 0))) as taken:
        site = Site(tmp_path, to)
        port = taken.getsockname()[1]
        site.configure(f"listen: '127.0.0.1:{port}'")
        for command in ("run", "check"):
            done = shipper(command, "-c", site.config)
            told = done.stdout + done.stderr
            assert done.returncode == 69, told
            assert f"the status page can't listen on 127.0.0.1:{port}: Address already" in told
            assert "choose another port" in told


def test_it_is_not_served_once(tmp_path: Path) -> None:
    """`run --once` opens no port, so it never meets the page of another."""
    with collector() as to, closing(socket.create_server(("127.0.0.1", 0))) as taken:
        site = Site(tmp_path, to)
        site.configure(f"listen: '127.0.0.1:{taken.getsockname()[1]}'")
        assert shipper("run", "-c", site.config, "--once").returncode == 0


def test_a_receiver_alone_has_its_page(tmp_path: Path) -> None:
    """`shipper receive` serves it as `run` does, and it counts what trackers sent."""
    with collector() as to:
        site = Site(tmp_path, to)
        site.configure(more="receiver: {listen: '127.0.0.1:0'}\n")
        with site.run("receive") as (program, client):
            at = program.wait_for("receiver.listening").rpartition(":")[2].strip().strip('"')
            tracked = Client(int(at)).get("/i?e=pv&p=web&tv=test-1&url=https://example.com/")
            assert tracked.status == 200
            eventually(lambda: client.get("/api/overview").json["books"]["delivered"] == 1)
            overview = client.get("/api/overview").json
            assert (overview["received"], overview["files"]) == ({"receiver": 1}, [])
            assert client.get("/healthz").status == 200
            assert program.stop() == 0
