"""The development collector starts, stops and plays faults when told to."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from shipper.devcollector.app import Answer
from shipper.devcollector.record import Counts
from shipper.devcollector.server import DevCollector
from shipper.errors import CollectorError
from tests.devcollector.events import JSON_UTF8, SCHEMAS, eid, envelope, order, page
from tests.devcollector.test_app import TP2, Client

ROOT = Path(__file__).parents[2]
PROGRAM = """
from shipper.devcollector.server import serve
from tests.devcollector.events import SCHEMAS
print(serve(SCHEMAS, "127.0.0.1", 0, lambda url: print(url, flush=True)), flush=True)
"""


def test_it_is_ready_when_entered_and_gone_when_left() -> None:
    """No thread and no socket outlives it, and idle connections do not hold it."""
    before = threading.active_count()
    with DevCollector(SCHEMAS) as collector:
        assert collector.url == f"http://127.0.0.1:{collector.port}"
        idle = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=10)
        idle.request("GET", "/health")
        assert idle.getresponse().read() == b"ok"
        started = time.monotonic()

    assert time.monotonic() - started < 2
    idle.close()
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError), closing(socket.socket()) as wire:
        wire.connect(("127.0.0.1", collector.port))


def test_it_tells_what_came() -> None:
    """Counts, events and bad rows can be asked for without HTTP."""
    with DevCollector(SCHEMAS) as collector:
        Client(collector.port).post(order(1), order(2), page(eid="x"))

        assert collector.counts() == Counts(total=3, good=2, bad=1)
        assert [item["event"]["event_id"] for item in collector.good()] == [eid(2), eid(1)]
        assert [item["event"]["event_id"] for item in collector.good(limit=1)] == [eid(2)]
        assert "eid: 'x'" in collector.bad()[0]["errors"][1]

        collector.reset()

        assert collector.counts() == Counts(0, 0, 0)
        assert collector.good() == collector.bad() == []


def test_counts_go_on_when_events_are_forgotten() -> None:
    """Only the newest events are kept, exactly as many as were asked for; counts stay exact."""
    with DevCollector(SCHEMAS, max_events=5) as collector:
        client = Client(collector.port)
        for start in range(0, 12, 3):
            client.post(*[order(number) for number in range(start, start + 3)])

        assert collector.counts() == Counts(total=12, good=12, bad=0)
        kept = [eid(number) for number in (11, 10, 9, 8, 7)]
        assert [item["event"]["event_id"] for item in collector.good()] == kept
        assert [item["event"]["event_id"] for item in client.get("/micro/good").json] == kept


@pytest.mark.parametrize("status", [301, 400, 413, 429, 500, 503])
def test_a_scripted_answer_replaces_the_normal_one(status: int) -> None:
    """A sender meets the fault over real HTTP; the events are not counted."""
    seen = []

    def fail_once(method: str, target: str, body: bytes) -> Answer | None:
        seen.append((method, target, len(body)))
        return Answer(status, {"Retry-After": "7"}, b"no") if len(seen) == 1 else None

    with DevCollector(SCHEMAS, intercept=fail_once) as collector:
        client = Client(collector.port)
        first, second = client.post(order()), client.post(order(), target=f"{TP2}?a=b")

        assert (first.status, first.headers["retry-after"], first.body) == (status, "7", b"no")
        assert second.status == 200
        assert collector.counts() == Counts(1, 1, 0)
        assert seen == [("POST", TP2, len(envelope(order()))), ("POST", f"{TP2}?a=b", seen[0][2])]


def test_an_answer_may_fail_after_the_events_were_taken() -> None:
    """So the sender has to send again what the collector has: at least once, on purpose."""
    with DevCollector(SCHEMAS, intercept=lambda *_: Answer(503, counted=True)) as collector:
        assert Client(collector.port).post(order()).status == 503
        assert collector.counts() == Counts(1, 1, 0)


def test_a_delay_holds_one_request_only() -> None:
    """While one answer is late the others are on time, and a late one does not hold the stop."""

    def late(method: str, target: str, body: bytes) -> Answer | None:
        return Answer(200, delay=60) if target == "/i?late=1" else None

    with DevCollector(SCHEMAS, intercept=late) as collector:
        wire = socket.create_connection(("127.0.0.1", collector.port), timeout=10)
        wire.sendall(b"GET /i?late=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert Client(collector.port).get("/health").status == 200
        wire.close()
        started = time.monotonic()

    assert time.monotonic() - started < 10


def test_a_port_in_use_is_told_with_the_remedy() -> None:
    """The error names the address and what to do."""
    with DevCollector(SCHEMAS) as collector:
        second = DevCollector(SCHEMAS, port=collector.port)
        with pytest.raises(CollectorError, match=f"127.0.0.1:{collector.port}") as error, second:
            pass
        assert "choose another port" in error.value.remedy


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("203.0.113.1", 0), ("", -1)])
def test_an_address_of_no_use_is_told(host: str, port: int) -> None:
    """Not a traceback from the depths."""
    with (
        pytest.raises(CollectorError, match="can't listen on"),
        DevCollector(SCHEMAS, host=host, port=port),
    ):
        pass


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_program_cleanly(number: signal.Signals) -> None:
    """It says when it is ready; a signal ends it with exit code 0 and its counts."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        port = int(process.stdout.readline().rpartition(":")[2])
        Client(port).ask("POST", TP2, envelope(order()), Content_Type=JSON_UTF8)
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (0, "")
    assert output.strip() == "Counts(total=1, good=1, bad=0)"
