"""Running: start the threads, tell how it goes, stop in good order.

Stopping: no new turn begins, the turns under way end (a request included) within the grace time,
the state is written back and closed. What was not sent stays in the queue.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from shipper.config.models import Config
from shipper.errors import CollectorError
from shipper.model import Report
from shipper.pump import Lag
from shipper.service.assemble import Parts, assemble
from shipper.service.threads import Crew, stop_on_signal
from shipper.tail.watch import watching

_TICK = 0.1
_SIGN_OF_LIFE = 5.0
_STUCK = 60.0


class Snapshot(NamedTuple):
    """How it goes: the reading, the events that wait, those delivered and buried since start."""

    lag: Lag
    queued: int
    delivered: int
    buried: int
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to run; seconds.

    With `once`, stop at the end of all files when the queue is empty, or when nothing could be
    delivered for `give_up`. `grace` is what stopping may take.
    """

    once: bool = False
    give_up: float = 60.0
    grace: float = 10.0


def run(
    config: Config, report: Report, manner: Manner, tell: Callable[[Snapshot], None]
) -> Snapshot:
    """Run until stopped by a signal, or with `once` until all is delivered.

    Raises StateError, GrammarError, CollectorError (`once` gave up; the queue keeps the events),
    and whatever unexpected error stopped a thread.
    """
    with ExitStack() as stack:
        parts = assemble(config, report, stack)
        crew = Crew()
        stack.enter_context(stop_on_signal(crew.stop))
        _start(parts, crew, stack, config)
        watch = _Watch(parts, tell)
        report("service.started", pid=os.getpid(), state=config.state)
        try:
            gave_up = _until_done(crew, watch, manner)
        finally:
            if busy := crew.join(manner.grace):
                report("service.busy", threads=",".join(busy), grace_seconds=manner.grace)
        if crew.crash is not None:
            raise crew.crash
        last = watch.look()
        report("service.stopped", delivered=last.delivered, queued=last.queued)
        if gave_up:
            what = f"nothing could be delivered for {manner.give_up:g} s: {last.trouble}"
            remedy = f"{last.queued} events are safe in the queue: mend it and run again"
            raise CollectorError(what, remedy)
        return last


def _start(parts: Parts, crew: Crew, stack: ExitStack, config: Config) -> None:
    reading, sending = crew.bell(), crew.bell()

    def pump_turn() -> float | None:
        wait = parts.pump.turn()
        if wait is not None:
            sending.ring()
        parts.watch.refresh()
        return wait

    parts.watch.on_hint(reading.ring)
    stack.enter_context(watching(parts.watch))
    crew.start("pump", pump_turn, reading, config.tail.sweep)
    for number in range(config.collector.concurrency):
        # Now and then look into the queue without a ring: another process may have added to it.
        crew.start(f"sender-{number}", parts.emitter.turn, sending, 1.0)


def _until_done(crew: Crew, watch: _Watch, manner: Manner) -> bool:
    """Wait for the end; tell whether it came by giving up."""
    while not crew.stopping.wait(_TICK):
        watch.tick()
        if manner.once and watch.done():
            return False
        if manner.once and watch.hopeless(manner.give_up):
            return True
    return False


class _Watch:
    """Looks at the parts from the main thread."""

    def __init__(self, parts: Parts, tell: Callable[[Snapshot], None]) -> None:
        self._parts = parts
        self._tell = tell
        self._alive_at = float("-inf")
        self._before = self._counts()

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._alive_at >= _SIGN_OF_LIFE and now - self._parts.pump.turned_at < _STUCK:
            self._alive_at = now
            os.utime(self._parts.lock)
        self._tell(self.look())

    def look(self) -> Snapshot:
        delivered, buried = self._counts()
        return Snapshot(
            lag=self._parts.pump.lag,
            queued=self._parts.store.backlog().events,
            delivered=delivered - self._before[0],
            buried=buried - self._before[1],
            trouble=self._parts.pump.paused or self._parts.emitter.trouble,
        )

    def done(self) -> bool:
        return self._parts.pump.caught_up and self._parts.store.backlog().batches == 0

    def hopeless(self, after: float) -> bool:
        pump = self._parts.pump
        stuck = bool(pump.paused) or pump.caught_up
        return stuck and self._parts.emitter.failing_for() > after

    def _counts(self) -> tuple[int, int]:
        counters = self._parts.store.counters()
        delivered = sum(v for (name, _), v in counters.items() if name == "delivered")
        return delivered, sum(v for (name, _), v in counters.items() if name == "buried")
