"""Running: start the threads, tell how it goes, stop in good order.

Stopping: no new turn begins, the turns under way end (a request included) within the grace time,
also while another program holds the state; the state is written back and closed. What was not sent
stays in the queue. What was taken out of a pipe and not committed is committed now: nobody can read
it again.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from shipper.config.models import Config
from shipper.errors import CollectorError, StateBusyError, StateError
from shipper.model import Report
from shipper.pump import Lag
from shipper.service.assemble import Parts, State, assemble, open_state
from shipper.service.damage import noting_damage
from shipper.service.doctor import examine
from shipper.service.listening import ListeningBell
from shipper.service.notify import Manager
from shipper.service.patience import Patience
from shipper.service.receiving import Receiving, addresses_of
from shipper.service.reload import Reloader
from shipper.service.threads import PATIENCE, Crew, Stopping, stop_on_signal
from shipper.service.window import Shut, Window
from shipper.serving.listeners import Listeners
from shipper.tail.streams import OpenStreams
from shipper.tail.watch import watching

_TICK = 0.1
_SIGN_OF_LIFE = 5.0
_STUCK = 60.0
_REQUESTS = 20
_LAST_WORDS = 0.5
# How long a thread that computes may hold up one that only has to hand on bytes. With Python's own
# 5 ms a request waits for the reading each time that it touches the network: of 110,000 lines/s,
# more than two cores can ship, 38,000 arrive while they are written; with this 48,000. With 0.2 ms
# it is 65,000, but handing over costs an eighth of all processor time, and the last comes later.
_SWITCH = 0.001


Tell = Callable[[Callable[[], "Snapshot"]], None]
"""Is handed, ten times a second, what looks how it goes; a look costs a query or two."""


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

    @property
    def most_patience(self) -> float:
        """How long a state is waited for that can't be used just now."""
        return self.give_up if self.once else float("inf")


def run(
    config: Config,
    report: Report,
    manner: Manner,
    tell: Tell,
    reloader: Reloader | None = None,
    window: Window | None = None,
) -> Snapshot:
    """Run until stopped by a signal, or with `once` until all is delivered.

    Where standard input is all that is read, its end is the end as well, once all is delivered.
    With a *reloader*, take up changed configurations on the way; show it through the *window*,
    but not with `once`. Raises StateError, GrammarError,
    CollectorError (`once` gave up; the queue keeps the events), and whatever unexpected error
    stopped a thread.
    """
    _raise_descriptor_limit()
    sys.setswitchinterval(_SWITCH)
    with noting_damage(config.state), ExitStack() as stack:
        stopping = Stopping()
        stack.enter_context(stop_on_signal(stopping.set))
        manager = Manager(os.environ, report)
        patience = Patience(report, stopping, manager, manner.most_patience)
        state = patience.get(partial(open_state, config, report), stack)
        stack.enter_context(reloader.listening() if reloader else nullcontext())
        _examine(config, report)
        report("service.started", pid=os.getpid(), state=config.state)
        streams = stack.enter_context(closing(OpenStreams(report, _take_stdin)))
        listeners = stack.enter_context(closing(Listeners("the receiver")))
        shown = stack.enter_context(closing(window or Shut()))
        doors = _Doors(streams, listeners, shown, manager)
        while True:
            shift = _Shift(config, state, doors, report, manner, stopping)
            last, fresh = shift.work(tell, reloader)
            if fresh is None:
                report("service.stopped", delivered=last.delivered, queued=last.queued)
                return last
            config = fresh


class _Doors(NamedTuple):
    """What stays open from one configuration to the next."""

    streams: OpenStreams
    listeners: Listeners
    window: Window
    manager: Manager


class _Shift:
    """What runs under one configuration."""

    def __init__(
        self,
        config: Config,
        state: State,
        doors: _Doors,
        report: Report,
        manner: Manner,
        stopping: Stopping,
    ) -> None:
        self._config = config
        self._state = state
        self._doors = doors
        self._report = report
        self._manner = manner
        self._stopping = stopping

    def work(self, tell: Tell, reloader: Reloader | None) -> tuple[Snapshot, Config | None]:
        """Run to the end; return how it went, and the configuration to go on with, if any."""
        self._state.store.wait_until(None)
        with ExitStack() as stack:
            parts, watch = self._assembled(stack, tell)
            crew = Crew()
            ring = _start(parts, crew, stack, self._config)
            receiving = Receiving(self._config, parts.store, self._doors.listeners, self._report)
            try:
                if not self._manner.once:
                    receiving.start(crew, ring)
                    self._doors.window.start(self._config, parts, crew.fail)
                fresh, gave_up = self._until_done(crew, watch, reloader)
            finally:
                busy = self._end(crew, receiving)
            if crew.crash is not None:
                raise crew.crash
            self._settle(last=fresh is None)  # first: on a full disk it makes room
            if "pump" not in busy:
                parts.drain(fresh)
            last = watch.look()
        if gave_up:
            what = f"nothing could be delivered for {self._manner.give_up:g} s: {last.trouble}"
            remedy = f"{last.queued} events are safe in the queue: mend it and run again"
            raise CollectorError(what, remedy)
        return last, fresh

    def _end(self, crew: Crew, receiving: Receiving) -> list[str]:
        """Let all come to their end; return the names of threads that do not."""
        # Who waits for the state, as another program holds it, ends in time to say so.
        patience = self._manner.grace - min(_LAST_WORDS, self._manner.grace / 4)
        self._state.store.wait_until(time.monotonic() + patience)
        receiving.stop()
        busy = crew.join(self._manner.grace)
        receiving.close()
        self._doors.window.stop()
        if busy:
            self._report("service.busy", threads=",".join(busy))
        return busy

    def _settle(self, *, last: bool) -> None:
        """Put on record what was delivered; with the next configuration, if it can't be now."""
        outbox = self._state.outbox
        try:
            outbox.catch_up()
        except StateBusyError as error:
            if last:
                what = "delivered, and sent again after the next start, with the same ids"
                why = error.message
                self._report("queue.unsettled", events=outbox.unsettled, what=what, why=why)

    def _assembled(self, stack: ExitStack, tell: Tell) -> tuple[Parts, _Watch]:
        def make(own: ExitStack) -> tuple[Parts, _Watch]:
            parts = assemble(self._config, self._state, self._doors.streams, self._report, own)
            return parts, _Watch(parts, tell)

        manager = self._doors.manager
        most = self._manner.most_patience
        return Patience(self._report, self._stopping, manager, most).get(make, stack)

    def _until_done(
        self, crew: Crew, watch: _Watch, reloader: Reloader | None
    ) -> tuple[Config | None, bool]:
        """Wait for the end; return a configuration to go on with, and whether it gave up."""
        manner, manager = self._manner, self._doors.manager
        while not self._stopping.wait(_TICK) and not crew.stopping.is_set():
            watch.tick()
            manager.ready()
            manager.beat(watch.words, alive=not crew.stuck())
            if (manner.once or self._only_stdin()) and watch.done():
                break
            if manner.once and watch.hopeless(manner.give_up):
                return None, True
            fresh = reloader.news(self._config, manager.reloading) if reloader else None
            if fresh and self._can_listen(fresh):
                return fresh, False
        manager.stopping()
        return None, False

    def _only_stdin(self) -> bool:
        globs = any(source.globs for source in self._config.sources)
        return not globs and self._config.receiver is None

    def _can_listen(self, fresh: Config) -> bool:
        """Tell whether what *fresh* listens on can be opened, and open it."""
        try:
            self._doors.listeners.open(addresses_of(fresh))
            self._doors.window.open(fresh)
        except CollectorError as error:
            self._report("config.refused", why=error.message, remedy=error.remedy)
            return False
        return True


def _raise_descriptor_limit() -> None:
    """Take as many file descriptors as there may be: each file that is read holds one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where the system says no, what there is has to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _take_stdin() -> int:
    """Return standard input on a descriptor of its own, with nothing left in its place.

    So its end is its end, and nobody else reads of it. Raises OSError where there is none.
    """
    if sys.__stdin__ is None:  # it was closed at the start: 0 may be any other file by now
        raise OSError(errno.EBADF, "Standard input is closed")
    fd = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return fd


def _examine(config: Config, report: Report) -> None:
    """Say what of the machine stands in the way. Raises StateError where the state can't be."""
    for finding in examine(config):
        if finding.level == "state":
            raise StateError(finding.what, finding.remedy)
        if finding.level == "warning":
            report("doctor.warning", what=finding.what, remedy=finding.remedy)


def _start(parts: Parts, crew: Crew, stack: ExitStack, config: Config) -> Callable[[], None]:
    """Start the threads that read and send; return what rings for the senders."""
    listening = ListeningBell(parts.fleet.streams.listening)
    reading = crew.bell(stack.enter_context(closing(listening)))
    sending = crew.bell()

    def pump_turn() -> float | None:
        before = parts.pump.commits
        wait = parts.pump.turn()
        if parts.pump.commits != before:
            sending.ring()
        more = parts.chores.turn()
        parts.watch.tune(parts.pump.turned_at, hot=parts.pump.hot)
        parts.pump.hinted = parts.watch.hears_all
        return more if wait is None else wait

    parts.watch.on_hint(reading.ring)
    stack.enter_context(watching(parts.watch, parts.pump.turned_at))
    crew.start("pump", pump_turn, reading, lambda: parts.pump.idle)
    collector = config.collector
    # A turn is a few requests, each of which ends by these limits; it may find several addresses.
    patience = PATIENCE + _REQUESTS * (collector.connect_timeout + 2 * collector.read_timeout)
    for number in range(collector.concurrency):
        # Now and then look into the queue without a ring: another process may have added to it.
        crew.start(f"sender-{number}", parts.emitter.turn, sending, lambda: 1.0, patience)
    return sending.ring


class _Watch:
    """Looks at the parts from the main thread; what can't be asked just now is as it was."""

    def __init__(self, parts: Parts, tell: Tell) -> None:
        self._parts = parts
        self._tell = tell
        self._alive_at = float("-inf")
        self._before = self._delivered, self._buried = self._counts()
        self._waiting = 0

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._alive_at >= _SIGN_OF_LIFE and now - self._parts.pump.turned_at < _STUCK:
            self._alive_at = now
            with suppress(OSError):  # a sick disk stops the work, not the watch over it
                os.utime(self._parts.lock)
        self._tell(self.look)

    def look(self) -> Snapshot:
        with suppress(StateBusyError):
            self._delivered, self._buried = self._counts()
            self._waiting = self._parts.store.backlog().events
        return Snapshot(
            lag=self._parts.pump.lag,
            queued=self._waiting,
            delivered=self._delivered - self._before[0],
            buried=self._buried - self._before[1],
            trouble=self._parts.pump.paused or self._parts.emitter.trouble,
        )

    def words(self) -> str:
        """Say how it goes, in a line for whoever keeps the process running."""
        now = self.look()
        files = "1 file" if now.lag.files == 1 else f"{now.lag.files:,} files"
        behind = f"{files}, {now.lag.unread:,} bytes unread"
        trouble = f"; {now.trouble}" if now.trouble else ""
        return f"{behind}; {now.queued:,} events wait, {now.delivered:,} delivered{trouble}"

    def done(self) -> bool:
        with suppress(StateBusyError):
            return self._parts.pump.done and self._parts.store.backlog().batches == 0
        return False

    def hopeless(self, after: float) -> bool:
        pump = self._parts.pump
        stuck = bool(pump.paused) or pump.done
        return stuck and self._parts.emitter.failing_for() > after

    def _counts(self) -> tuple[int, int]:
        counters = self._parts.store.counters()
        delivered = sum(v for (name, _), v in counters.items() if name == "delivered")
        return delivered, sum(v for (name, _), v in counters.items() if name == "buried")
