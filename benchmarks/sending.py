"""``python -m benchmarks.sending``: how long events wait, and how well the number in flight fits.

A real queue, real senders and a real socket; the collector has so many workers, each of which takes
so long for a request, and answers first come, first served.
"""

from __future__ import annotations

import argparse
import socketserver
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from shipper.collector.client import Address, HttpCollector
from shipper.emitter import Emitter, Sending
from shipper.event.batch import pack
from shipper.model import Clock
from shipper.sending.outbox import Outbox
from shipper.service.threads import Bell, Crew
from shipper.store.store import Store

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_EVENT = b'{"e":"pv","eid":"00000000-0000-5000-8000-%012d","p":"srv","tv":"bench","page":"%s"}'
CLOCK = Clock(wall=time.time, monotonic=time.monotonic)


class Collector(socketserver.ThreadingTCPServer):
    """Notes when each event arrived, and how many requests were there at a time."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, workers: int, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.workers = threading.Semaphore(workers)
        self.seconds = seconds
        self.lock = threading.Lock()
        self.present = self.requests = self.events = 0
        self.crowds: list[int] = []
        self.arrivals: dict[int, float] = {}


class _Talk(socketserver.StreamRequestHandler):
    rbufsize = 1 << 20

    def handle(self) -> None:
        collector = self.server
        assert isinstance(collector, Collector)
        with suppress(OSError):
            while body := self._body():
                now = time.monotonic()
                parts = body.split(b'"eid":"00000000-0000-5000-8000-')[1:]
                with collector.lock:
                    collector.present += 1
                    collector.requests += 1
                    collector.events += len(parts)
                    collector.crowds.append(collector.present)
                    for part in parts:
                        collector.arrivals[int(part[:12])] = now
                with collector.workers:
                    time.sleep(collector.seconds)
                with collector.lock:
                    collector.present -= 1
                self.wfile.write(_ANSWER)

    def _body(self) -> bytes:
        length = 0
        for line in iter(self.rfile.readline, b"\r\n"):
            if not line:
                return b""
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return self.rfile.read(length)


def _silent(_name: str, /, **_facts: object) -> None:
    pass


class Bench:
    """Queue, senders and collector."""

    def __init__(self, store: Store, collector: Collector, sending: Sending) -> None:
        self.store, self.collector = store, collector
        url = f"http://127.0.0.1:{collector.server_address[1]}"
        self.client = HttpCollector(Address(url=url, proxy=""))
        outbox = Outbox(store, _silent, CLOCK)
        self.emitter = Emitter(outbox, self.client, sending=sending, rng=Random(1))
        self.crew, self.bell = Crew(), Bell()
        self.crew.bell(self.bell)
        for number in range(sending.most):
            self.crew.start(f"sender-{number}", self.emitter.turn, self.bell, lambda: 1.0)

    def queue(self, first: int, count: int, size: int) -> None:
        events = [_EVENT % (number, b"x" * size) for number in range(first, first + count)]
        self.store.enqueue("bench", pack(events, 180_000), int(time.time() * 1000))
        self.bell.ring()

    def wait(self) -> None:
        while self.store.backlog().events:
            time.sleep(0.005)


@contextmanager
def bench(workers: int, seconds: float, sending: Sending) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as directory:
        store = Store.open(Path(directory))
        collector = Collector(workers, seconds)
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        it = Bench(store, collector, sending)
        try:
            yield it
        finally:
            it.crew.join(10)
            it.client.close()
            collector.shutdown()
            collector.server_close()
            store.close()


def linger(rate: float, seconds: float, lingering: float) -> tuple[float, float, float]:
    """Return the median and the 99th percentile of the wait, and events a request."""
    with bench(64, 0.0, Sending(linger=lingering, most=4)) as it:
        queued = {}
        begin = time.monotonic()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            it.queue(number, 1, 300)
            queued[number] = time.monotonic()
        it.wait()
        waits = sorted(it.collector.arrivals[number] - at for number, at in queued.items())
        tail = waits[int(len(waits) * 0.99)]
        return statistics.median(waits), tail, len(queued) / it.collector.requests


def drain(workers: int, seconds: float, sending: Sending, requests: int) -> tuple[float, float]:
    """Return requests a second, and how many were there at a time, in the second half."""
    with bench(workers, seconds, sending) as it:
        for number in range(requests):
            it.queue(number * 10, 10, 17_000)
        while it.collector.requests < requests // 2:
            time.sleep(0.005)
        half, begin = it.collector.requests, time.monotonic()
        it.wait()
        rate = (it.collector.requests - half) / (time.monotonic() - begin)
        return rate, statistics.fmean(it.collector.crowds[half:])


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.sending", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each stream")
    parser.add_argument("--requests", type=int, default=600, help="requests of each backlog")
    options = parser.parse_args()
    print("from queue to collector: linger, events a second: median ms, 99 % ms, events a request")
    for lingering in (0.0, 0.02, 0.05):
        for rate in (5.0, 50.0, 300.0):
            median, tail, filled = linger(rate, options.seconds, lingering)
            print(
                f"  {lingering * 1000:3.0f} ms {rate:5.0f}/s:{median * 1000:7.1f}"
                f"{tail * 1000:7.1f}{filled:7.1f}"
            )
    print("\na backlog: workers, ms each: requests/s (in flight) with 1, 16 and adaptive up to 64")
    for workers, seconds in ((2, 0.02), (6, 0.05), (12, 0.1)):
        figures = [
            drain(workers, seconds, Sending(least=least, most=most), options.requests)
            for least, most in ((1, 1), (16, 16), (1, 64))
        ]
        best = workers / seconds
        shown = "   ".join(f"{rate:6.1f} ({crowd:4.1f})" for rate, crowd in figures)
        print(f"  {workers:3} × {seconds * 1000:3.0f} ms, at best {best:5.0f}/s: {shown}")


if __name__ == "__main__":
    main()
