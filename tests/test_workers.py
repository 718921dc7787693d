"""Tests of the workers: real processes, of which any may end at any time."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shipper.event.builder import Envelope
from shipper.event.chunk import Parse
from shipper.event.piece import Inline, Piece
from shipper.event.recipe import Policy, Recipe
from shipper.formats.held import EMPTY
from shipper.formats.multiline import PRESETS
from shipper.formats.records import Rules
from shipper.grammar.library import Library
from shipper.workers import Workers
from tests.arrivals import collector, numbered
from tests.program import eventually, running, shipper
from tests.shipping import Reports

GENERATION = uuid.UUID(int=9)
NOW_US = 1_795_000_000_000_000
PART = 4_000
LINES = b"".join(map(numbered, range(1_000))) + b"no access log line\n"


def recipes() -> dict[str, Recipe]:
    """Return the recipes, here and in each worker."""
    grammar = Library().named("nginx_access")
    traces = Policy(rules=Rules(multiline=PRESETS["java"]))
    return {
        "plain": Recipe([grammar], Envelope()),
        "traces": Recipe([Library().named("logfmt")], Envelope(), traces),
    }


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def workers(reports: Reports) -> Iterator[Workers]:
    made = Workers(recipes, recipes(), 2, PART, reports)
    yield made
    made.close()


def _piece(source: str = "plain", data: bytes = LINES) -> Piece:
    return Piece(source, GENERATION, "/logs/app.log", data, 0, len(data), NOW_US)


def _ready(workers: Workers, count: int = 2) -> None:
    """Wait until so many workers are ready."""
    while len(workers._idle) < count:
        workers._go_on(10)


def _same(parse: Parse, piece: Piece) -> None:
    """Say that *parse* is what this process would make of *piece*, but for where batches end."""
    expected = Inline(recipes()).begin(piece)().packed()
    assert sum(b.events for b in parse.batches) == sum(b.events for b in expected.batches)
    assert (parse.rejects, parse.ledger, parse.held) == (
        expected.rejects,
        expected.ledger,
        expected.held,
    )


@pytest.mark.parametrize("source", ["plain", "traces"])
def test_a_worker_parses_as_this_process_does(
    workers: Workers, reports: Reports, source: str
) -> None:
    """Events, rejects, ledger and what is held are the same; several pieces at a time."""
    _ready(workers)
    pieces = [_piece(source, LINES[: n * 8_900]) for n in range(1, 6)]
    waits = [workers.begin(piece) for piece in pieces]
    for wait, piece in zip(waits, pieces, strict=True):
        _same(wait(), piece)
    assert reports.names() == []
    assert (pieces[-1].held, waits[-1]().held != EMPTY) == (EMPTY, source == "traces")


def test_before_a_worker_is_ready_there_are_parses(workers: Workers) -> None:
    """The first piece does not wait for processes to start."""
    workers._go_on = lambda patience: None  # type: ignore[method-assign]
    _same(workers.begin(_piece())(), _piece())


def test_a_worker_that_is_killed_loses_nothing(workers: Workers, reports: Reports) -> None:
    """While it works or while it is idle: its part is parsed here, and another takes its place."""
    _ready(workers)
    for victim in (workers._idle[0], workers._idle[1]):
        wait = workers.begin(_piece())
        os.kill(victim.process.pid or 0, signal.SIGKILL)
        _same(wait(), _piece())
        _same(workers.begin(_piece())(), _piece())
    assert reports.names().count("worker.replaced") == 2
    _ready(workers)
    _same(workers.begin(_piece())(), _piece())


def test_a_worker_that_can_not_begin_is_not_started_again_and_again(reports: Reports) -> None:
    """Where making the recipes fails, this process does the work."""
    workers = Workers(_broken, recipes(), 1, PART, reports)
    while workers._busy:
        workers._go_on(10)
    _same(workers.begin(_piece())(), _piece())
    assert reports.names() == ["worker.replaced"]
    workers.close()


def _broken() -> dict[str, Recipe]:
    os._exit(3)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _is_there(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(tmp_path: Path, number: int) -> None:
    """Killed or stopped: no process is left behind."""
    (tmp_path / "app.log").write_bytes(LINES)
    with (
        collector() as to,
        running("run", "-c", _config(tmp_path, to.url, workers=2)) as program,
    ):
        eventually(lambda: to.counts().good == 1_000)
        eventually(lambda: len(_children(program.process.pid)) >= 2)
        workers = _children(program.process.pid)
        program.stop(number)
        eventually(lambda: not any(map(_is_there, workers)))


@pytest.mark.e2e
def test_the_events_are_the_same_with_workers(tmp_path: Path) -> None:
    """A line has the same id and the same bytes, whichever process parses it."""
    (tmp_path / "app.log").write_bytes(LINES * 30)
    came = [_shipped(tmp_path, workers) for workers in (0, 2)]
    assert len(came[0]) == 30_000
    assert came[0] == came[1]


def _shipped(directory: Path, workers: int) -> dict[str, str]:
    """Ship with a state of its own; return the events by id, without what sending adds."""
    bodies: list[bytes] = []
    with collector(intercept=_keeping(bodies)) as to:
        done = shipper("run", "--once", "-c", _config(directory, to.url, workers=workers))
    assert done.returncode == 0, done.stderr
    events = [event for body in bodies for event in json.loads(body)["data"]]
    return {event.pop("eid"): json.dumps(event | {"stm": ""}) for event in events}


def _keeping(bodies: list[bytes]) -> Callable[[str, str, bytes], None]:
    def keep(_method: str, _target: str, body: bytes) -> None:
        if body:
            bodies.append(body)

    return keep


def _config(directory: Path, url: str, *, workers: int) -> Path:
    config = directory / f"{workers}.yaml"
    config.write_text(
        f"state: {directory}/state-{workers}\nnamespace: test\nworkers: {workers}\n"
        f"collector: {{url: '{url}'}}\n"
        f"sources: [{{name: web, paths: ['{directory}/*.log'], grammar: nginx_access}}]\n"
    )
    return config
