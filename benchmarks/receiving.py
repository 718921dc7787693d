"""``python -m benchmarks.receiving``: how much the receiver takes durably, and how soon it answers.

A real `shipper run` on one core, emitter included, sends to a counting sink; what asks it and the
sink have the other cores. Two loads: batches as fast as they are answered, then single events at a
steady rate, each timed from when it was due.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import orjson

from benchmarks.sink import Sink, sink

TP2 = "/com.snowplowanalytics.snowplow/tp2"
_TICK = os.sysconf("SC_CLK_TCK")


class Door:
    """A kept connection to the receiver."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> None:
        """Send a request and wait for its 200."""
        self._socket.sendall(request)
        answer = b""
        while not answer.endswith(b"\r\n\r\nok"):
            more = self._socket.recv(4096)
            assert more, answer
            answer += more
        assert answer.startswith(b"HTTP/1.1 200 ")


def request(first: int, events: int) -> bytes:
    """Return a POST as the Python tracker makes it, with serial numbers from *first* on."""
    data = [_event(number) for number in range(first, first + events)]
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    body = orjson.dumps({"schema": schema, "data": data})
    head = (
        f"POST {TP2} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n"
        "Content-Type: application/json; charset=utf-8\r\nAccept: */*\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _event(number: int) -> dict[str, str]:
    inner = {
        "schema": "iglu:com.example/order_placed/jsonschema/1-0-0",
        "data": {"total": number, "items": 3, "currency": "EUR", "note": "left at the door"},
    }
    wrapper = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
    return {
        "e": "ue",
        "eid": str(uuid4()),
        "p": "srv",
        "tv": "py-1.1.0",
        "tna": "bench",
        "aid": "shop",
        "dtm": "1795417200123",
        "url": f"https://shop.example.com/?r={number:07d}",
        "ue_px": b64encode(orjson.dumps({"schema": wrapper, "data": inner})).decode(),
    }


@contextmanager
def receiver(directory: Path, to: int, core: str) -> Iterator[tuple[int, int]]:
    """Run a shipper on a *core* that sends to the port *to*; yield its pid and its port."""
    config = directory / "shipper.yaml"
    config.write_text(
        f"state: {directory}/state\ncollector: {{url: 'http://127.0.0.1:{to}', max_bytes: 500kB}}\n"
        "receiver: {listen: '127.0.0.1:0'}\n"
    )
    command = ["taskset", "-c", core, sys.executable, "-m", "shipper", "run", "-c", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "receiver.listening" in line)
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield process.pid, int(line.rpartition(":")[2])
        process.terminate()


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def batches(port: int, pid: int, requests: list[bytes], events: int, clients: int) -> None:
    """Send *requests* as fast as they are answered; print the rate of events."""
    waiting = iter(requests)
    lock = threading.Lock()

    def send() -> None:
        door = Door(port)
        while True:
            with lock:
                each = next(waiting, None)
            if each is None:
                return
            door.ask(each)

    began, cpu_began = time.perf_counter(), cpu(pid)
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(send) for _ in range(clients)]:
            done.result()
    took, used = time.perf_counter() - began, cpu(pid) - cpu_began
    total = len(requests) * events
    print(
        f"batches of {events}, {clients} clients: {total / took:,.0f} events/s durable, "
        f"{used / total * 1e6:.1f} µs of CPU an event ({used / took:.0%} of a core)"
    )


def singles(port: int, rate: int, seconds: float, clients: int) -> None:
    """Send single events at a steady *rate*; print how long after they were due they were taken."""
    requests = [request(number, 1) for number in range(int(rate * seconds))]
    began = time.perf_counter() + 0.1

    def send(client: int) -> list[float]:
        door, waits = Door(port), []
        for number in range(client, len(requests), clients):
            due = began + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            door.ask(requests[number])
            waits.append(time.perf_counter() - due)
        return waits

    with ThreadPoolExecutor(clients) as pool:
        waits = sorted(w for part in pool.map(send, range(clients)) for w in part)
    cuts = statistics.quantiles(waits, n=1000)
    print(
        f"single events, {rate}/s: median {cuts[499] * 1e3:.1f} ms, p99 {cuts[989] * 1e3:.1f} ms, "
        f"p99.9 {cuts[998] * 1e3:.1f} ms, longest {waits[-1] * 1e3:.1f} ms"
    )


def arrived(sunk: Sink, events: int) -> None:
    """Wait for all *events* at the sink; print how long that took."""
    began = time.perf_counter()
    while (now := sunk.counts())[2] < events and time.perf_counter() - began < 60:
        time.sleep(0.05)
    print(f"  {now[2]:,} of {events:,} arrived, {time.perf_counter() - began:.1f} s after the last")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.receiving", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="events in batches")
    parser.add_argument("--batch", type=int, default=50, help="events a request")
    parser.add_argument("--clients", type=int, default=8, help="connections at a time")
    parser.add_argument("--rate", type=int, default=500, help="single events a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to send those")
    parser.add_argument("--core", default="0", help="the core of the shipper")
    options = parser.parse_args()
    count = options.events // options.batch
    requests = [request(n * options.batch, options.batch) for n in range(count)]
    others = {*range(os.cpu_count() or 1)} - {int(options.core)}
    os.sched_setaffinity(0, others or {0})
    with (
        tempfile.TemporaryDirectory(prefix="shipper-bench-") as directory,
        sink() as sunk,
        receiver(Path(directory), sunk.port, options.core) as (pid, port),
    ):
        batches(port, pid, requests, options.batch, options.clients)
        arrived(sunk, count * options.batch)
        singles(port, options.rate, options.seconds, options.clients)


if __name__ == "__main__":
    main()
