"""The library in servers that fork their workers: the real gunicorn and Celery's prefork pool.

The emitter is made once, at the head of a module, as people write it: in the parent, before it
forks, or in each worker. Workers come and go; every event that a worker tracked arrives once.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from shipper.devcollector.schemas import Memory
from shipper.devcollector.server import DevCollector
from shipper.store.store import Store
from tests.program import Running, eventually

pytestmark = pytest.mark.e2e

_HEAD = """
import os
from shipper import Emitter, Tracker
tracker = Tracker(Emitter(collector=os.environ["COLLECTOR"], queue=os.environ["QUEUE"], {options}))
"""
_WSGI = """
def app(environ, start_response):
    receipt = tracker.track_page_view("https://example.com" + environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {receipt.result(30)}".encode()]
"""
_CELERY = """
import sys
from celery import Celery
folder = os.environ["QUEUE"] + "-broker"
os.makedirs(folder, exist_ok=True)
app = Celery("jobs", broker="filesystem://", set_as_current=True)
app.conf.update(
    broker_transport_options={"data_folder_in": folder, "data_folder_out": folder,
                              "control_folder": folder + "-control", "polling_interval": 0.02},
    worker_concurrency=2, worker_max_tasks_per_child=10, broker_connection_retry_on_startup=True)

@app.task
def job(event_id):
    tracker.track_page_view("https://example.com/job", event_id=event_id).result(30)
"""


@pytest.fixture
def server() -> Iterator[DevCollector]:
    with DevCollector(Memory({})) as it:
        yield it


@contextmanager
def pool(directory: Path, server: DevCollector, module: str, *command: str) -> Iterator[Running]:
    """Start *command* beside a file ``jobs.py`` with *module*; end it with its children."""
    (directory / "jobs.py").write_text(module, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=directory,
        env={**os.environ, "COLLECTOR": server.url, "QUEUE": str(directory / "events")},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    program = Running(process)
    try:
        yield program
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            program.stop(signal.SIGKILL)
        assert process.stderr is not None
        process.stderr.close()


def arrived(server: DevCollector) -> list[str]:
    assert server.counts().bad == 0
    return sorted(item["rawEvent"]["parameters"]["eid"] for item in server.good())


def waiting(directory: Path) -> int:
    store = Store.open(directory / "events")
    try:
        return store.backlog().events
    finally:
        store.close()


def visit(port: int) -> tuple[int, str]:
    """Ask the application for a page; return the worker's pid and the id of the event."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/page")
    answer = connection.getresponse().read().decode()
    connection.close()
    pid, event_id = answer.split()
    return int(pid), event_id


@pytest.mark.parametrize("preload", [True, False], ids=["made by the parent", "made by workers"])
@pytest.mark.parametrize("options", ["", "blocking=False"], ids=["blocking", "asynchronous"])
def test_under_gunicorn(preload: bool, options: str, server: DevCollector, tmp_path: Path) -> None:
    """Workers are renewed after ten requests, one is killed, the server ends: nothing is lost."""
    command = ["gunicorn", "-w", "3", "-b", "127.0.0.1:0", "--max-requests", "10", "jobs:app"]
    module = _HEAD.format(options=options) + _WSGI
    with pool(tmp_path, server, module, *command, *(["--preload"] if preload else [])) as program:
        (port,) = re.findall(r"127\.0\.0\.1:(\d+)", program.wait_for("Listening at"))
        seen = [visit(int(port)) for _ in range(30)]
        os.kill(seen[-1][0], signal.SIGKILL)
        seen += [visit(int(port)) for _ in range(30)]
        assert len({pid for pid, _ in seen}) > 3  # some were renewed
        assert program.stop() == 0, program.log
        log = "".join(program.log)
    assert "Traceback" not in log, log
    assert waiting(tmp_path) == 0
    # What was being sent by the worker that was killed is repeated, with the same ids.
    assert sorted(set(arrived(server))) == sorted(event_id for _, event_id in seen)


def test_under_celery(server: DevCollector, tmp_path: Path) -> None:
    """Tasks of a pool whose processes are renewed after ten each: every one arrives once."""
    ids = sorted(str(uuid4()) for _ in range(30))
    module = _HEAD.format(options="") + _CELERY
    (tmp_path / "jobs.py").write_text(module, encoding="utf-8")
    # Before the worker starts: this broker's reader stumbles over files that are being written.
    send = f"from jobs import job\nfor event_id in {ids!r}: job.delay(event_id)\n"
    environ = {**os.environ, "COLLECTOR": server.url, "QUEUE": str(tmp_path / "events")}
    subprocess.run([sys.executable, "-c", send], cwd=tmp_path, env=environ, check=True)
    command = ["celery", "-A", "jobs", "worker", "--pool", "prefork", "-l", "INFO"]
    with pool(
        tmp_path, server, module, *command, "--without-gossip", "--without-mingle"
    ) as program:
        eventually(lambda: len(set(arrived(server))) == len(ids), 60)
        assert program.stop() == 0, program.log
        log = "".join(program.log)
    assert "Traceback" not in log, log
    assert log.count("succeeded in") == len(ids)
    assert waiting(tmp_path) == 0
    assert arrived(server) == ids
