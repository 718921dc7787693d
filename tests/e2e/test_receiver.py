"""The local daemon as trackers see it: a real process, real sockets, a real collector behind."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from shipper.config.receiver import ReceiverConfig
from shipper.devcollector.app import Answer
from shipper.devcollector.server import DevCollector
from tests.devcollector.events import JSON_UTF8, SCHEMAS, eid, envelope, order, page
from tests.devcollector.test_app import TP2, Client
from tests.program import Running, eventually, running, shipper

pytestmark = pytest.mark.e2e


class Switch:
    """A collector that can be out of order."""

    def __init__(self) -> None:
        self.down = False

    def __call__(self, _method: str, _target: str, _body: bytes) -> Answer | None:
        return Answer(503) if self.down else None


class Site:
    """A configuration with a receiver, its state, and the collector behind it."""

    def __init__(self, directory: Path, collector: DevCollector, switch: Switch) -> None:
        self.directory = directory
        self.collector = collector
        self.switch = switch
        self.config = directory / "shipper.yaml"
        self.socket = directory / "receiver.sock"
        self.port = 0
        self.configure()

    def configure(self, more: str = "", receiver: str = "", port: int = 0) -> None:
        self.config.write_text(
            f"state: {self.directory}/state\n"
            f"collector: {{url: '{self.collector.url}', retry: {{first: 0.05, cap: 0.2}}}}\n"
            f"receiver: {{listen: '127.0.0.1:{port}', unix_socket: {self.socket}{receiver}}}\n"
            f"{more}"
        )

    @contextmanager
    def run(self, command: str = "run") -> Iterator[tuple[Running, Client]]:
        with running(command, "-c", self.config) as program:
            at = program.wait_for("receiver.listening").rpartition("at=")[2]
            self.port = int(at.split(",")[0].rpartition(":")[2].strip('"'))
            yield program, Client(self.port)

    def ids(self) -> list[str]:
        return sorted(item["event"]["event_id"] for item in self.collector.good())

    def told(self, command: str) -> dict[str, Any]:
        done = shipper(command, "-c", self.config, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    switch = Switch()
    with DevCollector(SCHEMAS, intercept=switch) as collector:
        yield Site(tmp_path, collector, switch)


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    """A client of a running daemon, which has to be well at the end and to have lost nothing."""
    with site.run() as (program, it):
        yield it
        eventually(lambda: site.told("status")["queued_events"] == 0)
        assert program.stop() == 0, program.log
    audit = site.told("audit")
    assert audit["adds_up"]
    assert audit["received"] == audit["delivered"] == site.collector.counts().good
    assert site.collector.counts().bad == 0


def raw(port: int, data: bytes, *, answers: int = 1) -> bytes:
    """Send bytes as they are; return what comes until so many answers, or the end."""
    with socket.create_connection(("127.0.0.1", port), 20) as wire:
        wire.sendall(data)
        answer = b""
        while answer.count(b"HTTP/1.1 ") < answers or not answer.endswith((b"ok", b"\n")):
            more = wire.recv(65_536)
            if not more:
                break
            answer += more
    return answer


def post_bytes(*events: Any, target: str = TP2) -> bytes:
    body = envelope(*events)
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON_UTF8}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_it_answers_as_a_collector(site: Site, client: Client) -> None:
    """POST, GET and HEAD of events, health, CORS preflight, unknown paths; cookies as well."""
    posted = client.post(order(1))
    assert (posted.status, posted.body) == (200, b"ok")
    assert "SameSite=none" in posted.headers["set-cookie"]
    query = urlencode(page(eid=eid(2)))
    got = client.get(f"/i?{query}")
    assert (got.status, got.headers["content-type"]) == (200, "image/gif")
    assert "no-cache" in got.headers["cache-control"]
    head = client.ask("HEAD", f"/i?{urlencode(page(eid=eid(3)))}")
    assert (head.status, head.body) == (200, b"")
    assert client.get("/health").body == client.get("/sink-health").body == b"ok"
    preflight = client.ask("OPTIONS", TP2, Origin="https://shop.example.com")
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example.com"
    assert preflight.headers["access-control-allow-headers"] == "Content-Type, SP-Anonymous"
    assert preflight.headers["access-control-max-age"] == "3600"
    assert [client.get(path).status for path in ("/", "/micro/all", "/com.acme/track")] == [404] * 3
    eventually(lambda: site.ids() == [eid(1), eid(2), eid(3)])


def test_events_arrive_as_they_were_sent(site: Site, client: Client) -> None:
    """`eid`, `dtm` and `tv` are kept, `stm` is new, the client's address and agent are carried."""
    sent = order(1) | {"stm": "1", "dtm": "1795417200123", "tv": "php-0.9.2"}
    cookie = "sp=11111111-2222-4333-8444-555555555555"
    client.post(sent, User_Agent="php-curl", Cookie=cookie, X_Forwarded_For="203.0.113.9, 10.0.0.1")
    eventually(lambda: site.ids() == [eid(1)])
    (item,) = site.collector.good()
    came = item["rawEvent"]["parameters"]
    assert {key: came[key] for key in sent if key != "stm"} == {
        key: value for key, value in sent.items() if key != "stm"
    }
    assert abs(int(came["stm"]) / 1000 - time.time()) < 60
    assert (came["ip"], came["ua"]) == ("203.0.113.9", "php-curl")
    assert came["nuid"] == cookie[3:]


def test_who_is_anonymous_stays_so(site: Site, client: Client) -> None:
    """No address, no id, no cookie; one that was sent is taken back."""
    cookie = "sp=11111111-2222-4333-8444-555555555555"
    reply = client.post(order(1), SP_Anonymous="*", Cookie=cookie, X_Forwarded_For="203.0.113.9")
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert "set-cookie" not in client.post(order(2), SP_Anonymous="*").headers
    eventually(lambda: len(site.ids()) == 2)
    for item in site.collector.good():
        came = item["rawEvent"]["parameters"]
        assert "ip" not in came
        assert came["nuid"] == "00000000-0000-0000-0000-000000000000"


def test_bad_requests_are_refused_with_a_reason(site: Site, client: Client) -> None:
    """And nothing of them is stored."""
    assert client.ask("POST", TP2, b"{", Content_Type=JSON_UTF8).status == 400
    wrong_type = client.ask("POST", TP2, envelope(page()), Content_Type="text/plain")
    assert (wrong_type.status, wrong_type.body[:26]) == (400, b"Content-Type: is 'text/pla")
    unknown = client.post(order(1), page(colour="red"))
    assert unknown.status == 400
    assert b"colour: is no key of payload_data 1-0-4" in unknown.body
    assert client.post(page(eid="x")).status == 400
    assert client.get("/i").status == 400
    assert client.get(f"/i?{'a' * 30_000}=1").status == 400
    assert site.told("status")["received"] == {}


def test_a_body_that_is_too_large_is_413(site: Site, client: Client) -> None:
    """The memory of the process does not grow with it."""
    pid = int(site.told("status")["pid"])
    before = memory(pid)
    for _ in range(5):
        reply = client.ask("POST", TP2, b" " * 40_000_000, Content_Type=JSON_UTF8)
        assert reply.status == 413
    assert client.ask("POST", TP2, b" " * 3_000_000, Content_Type=JSON_UTF8).status == 413
    assert memory(pid) - before < 30_000_000


def memory(pid: int) -> int:
    """Return the resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096


def test_odd_ways_of_http_are_understood(site: Site, client: Client) -> None:
    """Targets in absolute form, blank lines behind a body, requests in a row, chunked bodies."""
    absolute = post_bytes(order(1), target=f"http://127.0.0.1:80{TP2}")
    # As PHP's Socket emitter sends: blank lines behind the body, then the next on the same wire.
    wires = raw(client.port, absolute + b"\r\n\r\n" + post_bytes(order(2)) * 2, answers=3)
    assert wires.count(b"HTTP/1.1 200 OK") == 3
    chunks = envelope(order(3))
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (chunks[:50], chunks[50:]))
    head = f"POST {TP2} HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON_UTF8}\r\n".encode()
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"
    assert raw(client.port, chunked).startswith(b"HTTP/1.1 200 OK")
    assert raw(client.port, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    eventually(lambda: site.collector.counts().good == 4)


def test_a_slow_sender_is_let_go_of(client: Client) -> None:
    """Whoever sends its head a byte now and then holds no connection, and nobody up."""
    with socket.create_connection(("127.0.0.1", client.port), 20) as slow:
        began = time.monotonic()
        ended = threading.Event()

        def drip() -> None:
            while not ended.wait(0.5):
                try:
                    slow.sendall(b"X")
                except OSError:
                    return

        slow.sendall(b"POST / HTTP/1.1\r\nHost: ")
        dripping = threading.Thread(target=drip)
        dripping.start()
        assert client.post(order(1)).status == 200
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
        ended.set()
        dripping.join()
    assert 5 < time.monotonic() - began < 18


def test_more_connections_than_allowed_end_the_quiet_ones(site: Site) -> None:
    """A flood of idle connections does not lock anybody out, and is bounded."""
    site.configure(receiver=", max_connections: 50")
    with site.run() as (_, client), ExitStack() as stack:
        pid = int(site.told("status")["pid"])
        before = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        for _ in range(2_000):
            stack.enter_context(socket.create_connection(("127.0.0.1", client.port), 20))
        assert client.post(order(1)).status == 200
        eventually(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())) <= before + 60)
        eventually(lambda: site.ids() == [eid(1)])


def test_a_path_of_ones_own_and_a_unix_socket(site: Site) -> None:
    """Both are doors to the same queue; the socket is for its owner and group."""
    site.configure(receiver=", paths: [/com.acme/track]")
    with site.run() as (program, client):
        assert client.post(order(1), target="/com.acme/track").status == 200
        assert stat.S_IMODE(site.socket.stat().st_mode) == 0o660
        with closing(http.client.HTTPConnection("unix")) as connection:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(site.socket))
            connection.request("POST", TP2, envelope(order(2)), {"Content-Type": JSON_UTF8})
            assert connection.getresponse().status == 200
        eventually(lambda: site.ids() == [eid(1), eid(2)])
        assert program.stop() == 0
    assert not site.socket.exists()


def test_a_full_queue_is_503_until_there_is_room(site: Site) -> None:
    """With a time to come again; what was taken before is delivered."""
    site.switch.down = True
    site.configure(more="queue: {max_bytes: 1MB}\n")
    noise = Random(7)
    with site.run() as (program, client):
        taken = 0
        while (reply := client.post(page(page=noise.randbytes(990).hex()))).status == 200:
            taken += 1
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        assert reply.body == b"the queue is full: send it again\n"
        program.wait_for("receiver.refusing")
        assert client.get("/health").status == 200
        assert client.get("/sink-health").status == 503
        site.switch.down = False
        eventually(lambda: client.post(order(1)).status == 200)
        program.wait_for("receiver.accepting")
        eventually(lambda: site.collector.counts().good == taken + 1)


class Senders:
    """Threads that send one event after the other, and remember which were answered 200."""

    def __init__(self) -> None:
        self.answered: set[str] = set()
        self._numbers = itertools.count()

    @contextmanager
    def sending(self, port: int) -> Iterator[None]:
        """Send to *port* until its process is gone."""
        threads = [threading.Thread(target=self._send, args=(port,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()

    def _send(self, port: int) -> None:
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection,
        ):
            while True:
                number = next(self._numbers)
                headers = {"Content-Type": JSON_UTF8}
                connection.request("POST", TP2, envelope(order(number)), headers)
                reply = connection.getresponse()
                reply.read()
                if reply.status == 200:
                    self.answered.add(eid(number))


def test_what_was_answered_200_outlives_sigkill(site: Site) -> None:
    """Killed while many send, through an outage of the collector: nothing that it took is lost."""
    site.switch.down = True
    senders = Senders()
    for goal in (50, 100, 150):
        with site.run() as (program, client), senders.sending(client.port):
            eventually(lambda goal=goal: len(senders.answered) > goal)  # type: ignore[misc]
            program.stop(signal.SIGKILL)
    site.switch.down = False
    with site.run() as (program, _):
        eventually(lambda: senders.answered <= set(site.ids()))
        eventually(lambda: site.told("status")["queued_events"] == 0)
        assert program.stop() == 0
    assert site.told("audit")["adds_up"]
    assert len(site.ids()) == len(set(site.ids()))


def test_a_new_configuration_closes_no_door(site: Site) -> None:
    """The address stays open through a reload; one that can't be opened is refused."""
    with site.run() as (program, client):
        site.configure(port=site.port)  # the same address, by its number
        program.process.send_signal(signal.SIGHUP)
        program.wait_for("config.refused")  # the free port that was taken is another's now
        site.configure(receiver=", max_body_bytes: 1000")
        program.process.send_signal(signal.SIGHUP)
        program.wait_for("config.reloaded")
        for number in range(20):
            assert client.post(order(number)).status == 200
        eventually(lambda: len(site.ids()) == 20)
        large = b" " * 1_001
        eventually(lambda: client.ask("POST", TP2, large, Content_Type=JSON_UTF8).status == 413)


def test_it_runs_alone(site: Site) -> None:
    """`shipper receive` takes events and reads no logs; it says what to write for it."""
    log = site.directory / "a.log"
    log.write_text("line\n")
    site.configure(more=f"sources: [{{name: a, paths: {log}, grammar: logfmt}}]\n")
    with site.run("receive") as (program, client):
        assert client.post(order(1)).status == 200
        eventually(lambda: site.ids() == [eid(1)])
        assert program.stop() == 0
    assert site.told("status")["ledgers"] == {}
    site.config.write_text(site.config.read_text().replace("receiver:", "# receiver:"))
    refused = shipper("receive", "-c", site.config)
    assert refused.returncode == 78
    assert "receiver: is missing (write it, to take events" in refused.stderr


def test_an_address_in_use_is_told_with_the_remedy(site: Site) -> None:
    """At the start, and by `shipper check`."""
    with site.run():
        site.configure(port=site.port)
        site.config.write_text(site.config.read_text().replace("/state\n", "/other\n"))
        for command in ("run", "check"):
            done = shipper(command, "-c", site.config)
            assert done.returncode == 69
            told = done.stdout + done.stderr
            assert f"the receiver can't listen on 127.0.0.1:{site.port}: Address already" in told


def test_files_of_a_spool_are_delivered(site: Site) -> None:
    """While it runs, beside what comes by HTTP."""
    spool = site.directory / "spool"
    (spool / "w0").mkdir(parents=True)
    site.configure(receiver=f", spool: {spool}")
    with site.run() as (_, client):
        lines = b"".join(orjson.dumps(order(n)) + b"\n" for n in range(250))
        (spool / "w0" / "events-1.log").write_bytes(lines)
        assert client.post(order(999)).status == 200
        eventually(lambda: len(site.ids()) == 251)
        eventually(lambda: [p for p in spool.rglob("*") if p.is_file()] == [])


def test_the_readmes_example_works(site: Site) -> None:
    """Its configuration key, its command and its request, but for the port: an event arrives."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert "With `receiver: {}` in the configuration" in readme
    (command,) = re.findall(r"^\$ shipper (receive) -c shipper.yaml &$", readme, re.M)
    ((port, target),) = re.findall(r"^\$ curl 'http://127.0.0.1:(\d+)(/i.*)'$", readme, re.M)
    assert ReceiverConfig().address == ("127.0.0.1", int(port))
    with site.run(command) as (_, client):
        assert client.get(target).status == 200
        eventually(lambda: site.collector.counts().good == 1)
