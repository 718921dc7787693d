"""Row 6: what a large backlog costs: adding, disk, start-up, memory, looking at it, draining it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from benchmarks.access_log import write_access_log
from benchmarks.context import Context
from benchmarks.figures import Finding
from benchmarks.report import Outcome, Table
from benchmarks.stages import chunks_of
from benchmarks.whole_path import BrokenRunError, ended, running, wait_for, write_config
from shipper.config.load import load_config
from shipper.event.batch import RecordBatch
from shipper.event.builder import Envelope
from shipper.event.chunk import parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.grammar.library import Library
from shipper.service.damage import see_to_damage
from shipper.service.transfer import check
from shipper.store.store import DATABASE, Settlement, Store

_LINES = 200_000
_TURN = 4  # batches that a turn of the pump commits together
_NOBODY = 9  # nobody listens on this port
_SIDE_EVENTS = 500_000  # so many more are added to the full queue, and to an empty one


class Backlog(NamedTuple):
    """Events a second into an empty and into a full queue, bytes an event, seconds, MB."""

    first_rate: float
    last_rate: float
    disk_bytes: float
    opening: float
    looking: float
    started: float
    memory_mb: float
    checking: float
    leaving_rate: float


def backlog(context: Context) -> Outcome:
    """Fill a queue and look at it; then let the program fill one and drain it."""
    events = context.sizes.backlog
    context.progress.say(f"backlog: {events:,} events")
    with tempfile.TemporaryDirectory(prefix="shipper-backlog-", dir=context.work) as folder:
        found = measure(Path(folder), events)
    pump, drain = _pump_and_drain(context)
    return Outcome(
        title="A large backlog",
        findings=[(6, each) for each in findings(found, events, drain / pump)],
        tables=[table_of(found, pump, drain)],
        notes=[
            f"{events:,} events of nginx's access log. Pump and drain: {context.sizes.lines:,} "
            "lines, by the program, first with a collector that is away, then with one."
        ],
    )


def findings(found: Backlog, events: int, drain: float) -> list[Finding]:
    """Return what row 6 asks for; *drain* is its speed to that of the pump."""
    of = f"{events:,} events: "
    adding = found.last_rate / found.first_rate
    return [
        Finding(
            what=of + "disk an event", limit=100, measured=found.disk_bytes, unit="bytes", digits=1
        ),
        Finding(
            what=of + "adding, to an empty queue", limit=0.9, measured=adding, unit="×", most=False
        ),
        Finding(what=of + "start to first request", limit=1.0, measured=found.started, unit="s"),
        Finding(what="draining, to the pump", limit=1.0, measured=drain, unit="×", most=False),
    ]


def table_of(found: Backlog, pump: float, drain: float) -> Table:
    """Return all figures."""
    rows = [
        ("into an empty queue", f"{found.first_rate:,.0f} events/s"),
        ("into the full queue", f"{found.last_rate:,.0f} events/s"),
        ("out of the queue, without sending", f"{found.leaving_rate:,.0f} events/s"),
        ("disk", f"{found.disk_bytes:.1f} bytes an event"),
        ("check and open", f"{found.opening * 1000:.0f} ms"),
        ("how much waits, and the first of it", f"{found.looking * 1000:.2f} ms"),
        ("start to first request", f"{found.started:.2f} s"),
        ("peak memory of that start", f"{found.memory_mb:.0f} MB"),
        ("`shipper queue check`", f"{found.checking:.1f} s"),
        ("the pump, collector away", f"{pump:,.0f} lines/s"),
        ("the drain, nothing to read", f"{drain:,.0f} events/s"),
    ]
    return Table(head=("", "backlog"), rows=rows)


def _pump_and_drain(context: Context) -> tuple[float, float]:
    """Return the lines a second into the queue of a collector that is away, then out of it."""
    log, lines = context.work / "backlog.log", context.sizes.lines
    write_access_log(log, lines)
    with tempfile.TemporaryDirectory(prefix="shipper-backlog-", dir=context.work) as name:
        fresh = Path(name)
        context.progress.say("backlog: the pump")
        with running(write_config(fresh, log, _NOBODY), fresh / "pump") as process:
            pump = lines / _filling(process, fresh / "state", lines)
        context.progress.say("backlog: the drain")
        context.target.reset()
        with running(write_config(fresh, log, context.target.port), fresh / "drain") as process:
            wait_for(process, lines, context.target)
        counts, times = context.target.counts(), context.target.times(0, lines)
        if counts.events != lines:
            raise BrokenRunError(f"the drain: {counts} of {lines} lines")
    log.unlink()
    return pump, lines / (max(times) - min(times))


def _filling(process: subprocess.Popen[bytes], state: Path, lines: int) -> float:
    """Return the seconds from the first event in the queue to the last."""
    began, news = 0.0, time.monotonic()
    while not (state / DATABASE).exists():
        _check(process, news)
        time.sleep(0.01)
    with closing(Store.open(state)) as store:
        events = 0
        while events < lines:
            before, events = events, store.backlog().events
            now = time.monotonic()
            began, news = began or (events and now) or 0.0, now if events > before else news
            _check(process, news)
            time.sleep(0.01)
        return time.monotonic() - began


def _check(process: subprocess.Popen[bytes], news: float) -> None:
    if ended(process) or time.monotonic() - news > 30:
        raise BrokenRunError("the pump: nothing new for 30 s")


def measure(folder: Path, events: int) -> Backlog:
    """Queue *events* events of an access log, then look at the state as a start and tools do."""
    state = folder / "state"
    with closing(Store.open(state)) as store:
        turns = _turns(_batches(folder))
        _fill(store, turns, events)
        store.space.write_back(least=1)
        size = (state / DATABASE).stat().st_size
        first_rate, last_rate = _side_by_side(store, folder / "empty", turns)
        store.space.write_back(least=1)
    config = folder / "backlog.yaml"
    config.write_text(
        f'state: {state}\ncollector: {{url: "http://127.0.0.1:{_NOBODY}"}}\n'
        "queue: {min_free: 0}\n"
        f"sources: [{{name: web, paths: ['{folder}/none.log'], grammar: nginx_access}}]\n"
    )
    started, memory = _start(config)
    checked = _seconds(lambda: see_to_damage(load_config(config, {}), "bench", _quiet))
    with closing(Store.open(state)) as store:
        opening = checked + _seconds(lambda: Store.open(state).close())
        looking = _seconds(lambda: (store.backlog(), store.peek(0, 180_000)))
        checking = _seconds(lambda: check(store, lambda _done, _of: None))
        leaving = _leave(store, min(events, 500_000))
    each = size / events
    return Backlog(
        first_rate, last_rate, each, opening, looking, started, memory, checking, leaving
    )


def _fill(store: Store, turns: list[list[RecordBatch]], events: int) -> None:
    queued = 0
    for turn in cycle(turns):
        store.enqueue("web", turn, queued)
        queued += sum(batch.events for batch in turn)
        if queued >= events:
            return


def _side_by_side(full: Store, empty: Path, turns: list[list[RecordBatch]]) -> tuple[float, float]:
    """Return the events a second into an empty queue, and into *full*.

    Turn by turn, so that both have the same machine, and as many write-backs of their logs.
    """
    queued, seconds = 0, [0.0, 0.0]
    with closing(Store.open(empty)) as other:
        for turn in cycle(turns):
            for number, store in enumerate((other, full)):
                began = time.monotonic()
                store.enqueue("web", turn, queued)
                seconds[number] += time.monotonic() - began
            queued += sum(batch.events for batch in turn)
            if queued >= _SIDE_EVENTS:
                return queued / seconds[0], queued / seconds[1]
    raise AssertionError("there is no end to a cycle")


def _batches(folder: Path) -> Iterator[RecordBatch]:
    log = folder / "access.log"
    write_access_log(log, _LINES)
    recipe = Recipe([Library().get("nginx_access")], Envelope())
    origin = Origin(EventIds(uuid.UUID(int=0)), str(log))
    for base, chunk in chunks_of(log.read_bytes()):
        yield from parse_chunk(chunk, base, recipe, origin, 0).batches


def _turns(batches: Iterator[RecordBatch]) -> list[list[RecordBatch]]:
    every = list(batches)
    return [every[at : at + _TURN] for at in range(0, len(every), _TURN)]


def _start(config: Path) -> tuple[float, float]:
    """Start the program; return the seconds until it reads and sends, and its memory in MB."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "shipper", "run", "-c", config],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    try:
        while "collector.unavailable" not in (line := process.stderr.readline()):
            if not line:
                raise RuntimeError("the program ended")
        took = time.monotonic() - began
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return took, int(found[1]) / 1024
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def _leave(store: Store, events: int) -> float:
    """Take *events* events out of the queue as senders do; return how many a second."""
    began, gone = time.monotonic(), 0
    after = 0
    while gone < events and (batches := store.peek(after, 180_000)):
        store.settle([Settlement(queued, queued.batch.events) for queued in batches], 1)
        gone += sum(queued.batch.events for queued in batches)
        after = batches[-1].id
    return gone / (time.monotonic() - began)


def _seconds(work: Callable[[], object]) -> float:
    os.sync()
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _quiet(name: str, /, **facts: object) -> None:
    pass
