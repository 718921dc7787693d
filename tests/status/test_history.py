"""The last hour, as the page gets it from a real process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shipper.store.history import Flow, Levels
from tests.arrivals import collector, numbered
from tests.program import eventually
from tests.status.site import Site

pytestmark = pytest.mark.e2e


def test_the_last_hour_outlives_a_restart(tmp_path: Path) -> None:
    """What happened before a restart is served after it, up to its last moment."""
    with collector() as to:
        site = Site(tmp_path, to)
        site.log.write_bytes(b"".join(map(numbered, range(10))))
        with site.run() as (program, client):
            eventually(lambda: to.counts().good == 10)
            # A step is noted at the stop, if some noting came before it.
            eventually(lambda: client.get("/api/status").json["read_bytes_per_second"] is not None)
            assert program.stop() == 0
        with site.run() as (_, client):
            history = client.get("/api/history").json
            (point,) = history["points"]
            assert history["step_seconds"] == 10
            assert point.keys() == {"at", "lasted_ms", *Flow._fields, *Levels._fields}
            assert abs(point["at"] - time.time()) < 60
            assert point["lines_read"] == point["events_made"] == 10
            assert point["requests_delivered"] >= 1
            later = client.get(f"/api/history?since={point['at']}").json
            assert point not in later["points"]
            assert point in client.get("/api/history?since=yesterday").json["points"]
