"""Live updates: a stream of what the page shows, which holds nothing up."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.arrivals import collector, numbered
from tests.devcollector.test_app import Client
from tests.program import Running, eventually
from tests.status.site import Site

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with collector() as to:
        yield Site(tmp_path, to)


class Stream:
    """One who listens."""

    def __init__(self, client: Client, stack: ExitStack) -> None:
        self.wire = stack.enter_context(
            closing(http.client.HTTPConnection("127.0.0.1", client.port, timeout=20))
        )
        self.wire.request("GET", "/api/events")
        self.answer = self.wire.getresponse()

    def lines(self) -> Iterator[str]:
        while line := self.answer.readline():
            yield line.decode().rstrip("\n")

    def overviews(self) -> Iterator[dict[str, Any]]:
        for line in self.lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def serve(site: Site, stack: ExitStack) -> tuple[Running, Client]:
    return stack.enter_context(site.run())


def test_what_happens_is_told_within_seconds(site: Site) -> None:
    """Each event has the whole overview: status, files with their pace, books."""
    with ExitStack() as stack:
        _, client = serve(site, stack)
        stream = Stream(client, stack)
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        overviews = stream.overviews()
        assert next(overviews)["delivered"] == {}
        site.log.write_bytes(numbered(1) + b"no access log\n")
        now = next(told for told in overviews if told["delivered"] and told["dead_letters"])
        assert now["dead_letters"] == [{"source": "web", "reason": "no_match", "count": 1}]
        (file,) = now["files"]
        assert (file["path"], file["unread"], file["eta_seconds"]) == (str(site.log), 0, 0.0)
        settled = next(told for told in overviews if told["requests"].get("delivered") == 1)
        assert settled["books"]["delivered"] == 1
        assert settled["books"]["adds_up"] is True
        served = client.get("/api/overview").json
        assert served.keys() == now.keys()


def test_who_listens_holds_up_neither_a_reload_nor_a_stop(site: Site) -> None:
    """The stream ends at once; who listens comes again, to what runs then."""
    with ExitStack() as stack:
        program, client = serve(site, stack)
        streams = [Stream(client, stack) for _ in range(3)]
        for stream in streams:
            next(stream.overviews())
        began = time.monotonic()
        site.config.write_text(site.config.read_text() + "tail: {sweep: 1s}\n")
        program.process.send_signal(signal.SIGHUP)
        for stream in streams:
            assert list(stream.lines())[-1] == ""
        # A server that waits for its connections would take 2 s more for each of them.
        eventually(lambda: client.get("/healthz").status == 200)
        last = Stream(client, stack)
        next(last.overviews())
        assert program.stop() == 0
        assert time.monotonic() - began < 20
        assert "service.busy" not in "".join(program.log)


def test_there_is_a_most_of_listeners(site: Site) -> None:
    """One more is asked to come later, and all else is answered as before."""
    with ExitStack() as stack:
        _, client = serve(site, stack)
        streams = [Stream(client, stack) for _ in range(32)]
        for stream in streams:
            next(stream.overviews())
        refused = client.get("/api/events")
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")
        assert client.get("/healthz").status == 200
        streams[0].wire.close()
        streams[0].answer.close()
        eventually(lambda: Stream(client, stack).answer.status == 200)
