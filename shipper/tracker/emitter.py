"""The emitter as programs use it: puts events into a queue on disk, and sends what is there.

Rule 1: `add` is the promise. Blocking: the event is in the queue when it returns; else when the
        receipt is done. `durability` says what that outlives: the process, or a power cut.
Rule 2: several processes may share a queue; one sends, the others add (`sender`).
Rule 3: after a fork the child has its own connection and threads, made when it first needs them.
Rule 4: the end of a program never waits longer than `exit_timeout`; what was not sent stays in the
        queue, for the next who sends it.
"""

from __future__ import annotations

import atexit
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final, Literal, Self

import requests

from shipper.collector.client import Address
from shipper.emitter import Emitter as Loop
from shipper.emitter import Sending
from shipper.errors import StateError
from shipper.event.batch import fits
from shipper.model import Clock
from shipper.protocol.envelope import get_query, post_body
from shipper.sending.outbox import Outbox
from shipper.store.lock import sender_lock
from shipper.tracker.assembly import Event
from shipper.tracker.checks import EventTooLargeError
from shipper.tracker.committer import STOPPED, Committer, left_of
from shipper.tracker.draining import Drained, Tally, run_to_end
from shipper.tracker.endpoint import collector_url, path_of, refuse_odd
from shipper.tracker.mover import Mover
from shipper.tracker.outcome import LOG, Callback, ObservedCollector, SessionCollector
from shipper.tracker.queueing import Queue
from shipper.tracker.receipt import Receipt
from shipper.tracker.sender import Sender
from shipper.tracker.settings import check, seconds
from shipper.tracker.works import Works

CLOCK: Final = Clock(wall=time.time, monotonic=time.monotonic)

# Which part of the time for a stop is kept for the end of the threads: they put on record what was
# sent.
_ENDING: Final = 0.1


class _State:
    """What changes about an emitter."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.works: Works | None = None
        self.closed = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Emitter:
    """Where events go. Any thread may use it; seconds and bytes.

    `collector` is a host, with a port, a path and a scheme if need be; `queue` is a directory on a
    local disk. `send_limit` bounds the events of a request, the byte limits its size. With `send`
    False it only adds: another process sends. `callback` is called after each request. A `session`
    of the requests library takes the place of the usual client.
    """

    collector: str
    queue: str | Path
    protocol: Literal["https", "http"] = "https"
    port: int | None = None
    method: Literal["post", "get"] = "post"
    send_limit: int = 500
    byte_limit_post: int = 180_000
    byte_limit_get: int = 8_000
    callback: Callback | None = None
    session: requests.Session | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    blocking: bool = True
    durability: Literal["process", "power"] = "process"
    send: bool = True
    linger: float = 0.02
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    first_pause: float = 0.5
    longest_pause: float = 60.0
    max_queue_bytes: int = 10_000_000_000
    exit_timeout: float = 5.0
    _state: _State = field(default_factory=_State, init=False, repr=False)

    def __post_init__(self) -> None:
        """Open the queue. Raises InvalidValueError and StateError."""
        check(self)
        refuse_odd(collector_url(self), session=self.session is not None)
        with self._state.lock:
            self._build()
        _live.add(self)

    @property
    def url(self) -> str:
        """The address that requests go to."""
        return collector_url(self) + path_of(self)

    def add(self, events: Sequence[Event]) -> Receipt:
        """Store *events*, all or none; the receipt bears the id of the first.

        Raises EventTooLargeError; StateError if the queue can't be used; RuntimeError after `stop`.
        """
        for event in events:
            self._require_room(event.payload)
        works = self._works()
        try:
            return works.add([event.payload for event in events], events[0].event_id)
        except sqlite3.ProgrammingError as error:
            if self._state.closed:  # by another thread, just now
                raise RuntimeError(STOPPED) from error
            raise

    @property
    def is_sending(self) -> bool:
        """Whether this process is about to send a request, or waits for the answer to one."""
        works = self._state.works
        return bool(works and works.sender and works.sender.working)

    def flush(self, timeout: float = 60.0) -> int:
        """Wait until all that was added before has been sent; return how many events still wait.

        Not longer than *timeout* seconds. Events that the collector refuses become dead letters.
        A `callback` can't wait for the thread that called it: there it returns at once. Raises
        InvalidValueError; StateError if the queue can't be used; RuntimeError after `stop`.
        """
        timeout = seconds("timeout", timeout)
        works = self._works()
        if works.runs_here:  # in the caller's own function, which that thread called
            timeout = 0.0
        deadline = time.monotonic() + timeout
        outside = works.settle_in(timeout)
        upto = works.queue.newest()
        pause = 0.002
        while (waiting := self._works().queue.waiting(upto)) and left_of(deadline):
            time.sleep(min(pause, left_of(deadline)))
            pause = min(0.05, pause * 1.5)
        return waiting + outside

    def requests(self) -> Iterator[str]:
        """Return the requests that would carry what waits, as text; nothing is sent."""
        queue, now_ms = self._settled(), time.time_ns() // 1_000_000
        for joined in queue.joined(self.byte_limit_post):
            events = joined.split(b"\n")
            if self.method == "post":
                head = f"POST {self.url}\nContent-Type: application/json; charset=utf-8"
                yield f"{head}\n\n{post_body(events, now_ms).decode()}"
            else:
                yield from (f"GET {self.url}?{get_query(event, now_ms)}" for event in events)

    def drain(self, timeout: float = 60.0, retries: int = 0) -> Drained:
        """Send what waits, in this thread; for an emitter with `send` False.

        Ends when nothing waits, after *timeout* seconds, or when sending has failed *retries* times
        and once more, nothing delivered between. Raises StateError if another process sends,
        InvalidValueError, RuntimeError after `stop`.
        """
        timeout = seconds("timeout", timeout)
        queue = self._settled()
        with ExitStack() as stack:
            stack.enter_context(sender_lock(Path(self.queue)))
            tally = Tally(self.callback)
            loop = self._loop(queue, stack, tally)
            return run_to_end(loop, queue, tally, retries, time.monotonic() + timeout)

    def stop(self, timeout: float | None = None) -> int:
        """Flush, then end; return how many events still wait in the queue.

        Not longer than *timeout* seconds (`exit_timeout`). With `send` False nothing is waited for
        but that the queue has all. Safe to call twice: the second call returns 0. Raises
        InvalidValueError; StateError if the queue can't be used, and has ended for all that.
        """
        allowed = self.exit_timeout if timeout is None else seconds("timeout", timeout)
        deadline = time.monotonic() + allowed
        if self._state.closed:
            return 0
        try:
            return self._last_flush(deadline)
        finally:
            self._end(deadline)

    def _last_flush(self, deadline: float) -> int:
        """Return how many events wait after a last try to send them, up to *deadline*."""
        works = self._state.works
        if works is None:  # a child that was forked, and tracked nothing
            return 0
        if self.send:
            return self.flush(left_of(deadline) * (1 - _ENDING))
        outside = works.settle_in(left_of(deadline))
        return outside + works.queue.waiting(works.queue.newest())

    def _end(self, deadline: float) -> None:
        with self._state.lock:
            self._state.closed = True
            works, self._state.works = self._state.works, None
        _live.discard(self)
        if works is not None:
            works.end(deadline)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # Within

    def _works(self) -> Works:
        works = self._state.works
        if works is not None:
            return works
        with self._state.lock:
            if self._state.closed:
                raise RuntimeError(STOPPED)
            return self._state.works or self._build()

    def _build(self) -> Works:
        _end_with_the_process()
        directory = Path(self.queue)
        queue = Queue(
            directory,
            durable=self.durability == "power",
            max_bytes=self.max_queue_bytes,
            batch_bytes=self.byte_limit_post,
        )
        sender = None
        if self.send:
            sender = Sender(directory, lambda stack: self._loop(queue, stack, self.callback))
        committer = mover = None
        news = Works(queue, None, None, sender).news
        if not self.blocking:
            committer = Committer(queue.add, news)
        elif self.durability == "process":
            mover = Mover(queue.admit, news)
        self._state.works = Works(queue, committer, mover, sender)
        return self._state.works

    def _settled(self) -> Queue:
        """Return the queue, with all that was added before in it."""
        works = self._works()
        works.settle_in(self.exit_timeout)
        return works.queue

    def _loop(self, queue: Queue, stack: ExitStack, callback: Callback | None) -> Loop:
        """Build what sends."""
        address = Address(
            url=collector_url(self),
            headers=self.headers,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
        )
        collector: ObservedCollector | SessionCollector = (
            ObservedCollector(address, callback)
            if self.session is None
            else SessionCollector(address, self.session, callback)
        )
        stack.callback(collector.close)
        return Loop(
            Outbox(queue.store, _report, CLOCK),
            collector,
            sending=self._sending(),
            rng=Random(),  # noqa: S311  # jitter, not a secret
        )

    def _sending(self) -> Sending:
        return Sending(
            method=self.method,
            max_bytes=self.byte_limit_post,
            max_events=self.send_limit,
            max_get_bytes=self.byte_limit_get,
            linger=self.linger if self.method == "post" else 0.0,
            first_pause=self.first_pause,
            longest_pause=self.longest_pause,
            misconfigured_pause=min(30.0, self.longest_pause),
        )

    def _require_room(self, payload: bytes) -> None:
        if self.method == "post":
            if fits(payload, self.byte_limit_post):
                return
            size, limit = len(payload), self.byte_limit_post
        else:
            size = len(f"GET {path_of(self)}?{get_query(payload, 0)} HTTP/1.1\r\n")
            limit = self.byte_limit_get
            if size <= limit:
                return
        why = f"has {size:,} bytes; a request may have {limit:,} (byte_limit_{self.method})"
        raise EventTooLargeError("event", why)


def _report(name: str, /, **facts: object) -> None:
    level = logging.INFO if name.endswith("recovered") else logging.WARNING
    LOG.log(level, "%s %s", name, " ".join(f"{key}={value}" for key, value in facts.items()))


# Forks and the end of the program

_live: set[Emitter] = set()
"""The emitters that were not stopped."""

_looked_after: dict[str, int] = {}
"""By the module that ends processes: the process that registered with it."""

_held: list[tuple[Emitter, Works | None]] = []


def _before_fork() -> None:
    for emitter in list(_live):
        emitter._state.lock.acquire()
        works = emitter._state.works
        _held.append((emitter, works))
        if works is not None:
            if works.sender:
                works.sender.before_fork()
            works.queue.suspend()


def _after_fork(*, child: bool) -> None:
    while _held:
        emitter, works = _held.pop()
        if works is not None:
            _go_on(works, child=child)
        if child:
            emitter._state.works = None
        emitter._state.lock.release()


def _go_on(works: Works, *, child: bool) -> None:
    try:
        if not child:
            works.queue.resume()
    except StateError:
        LOG.exception("the queue could not be opened again after a fork")
    finally:
        if works.sender:
            works.sender.after_fork(child=child)


def _at_exit() -> None:
    began = time.monotonic()
    for emitter in list(_live):
        try:  # the times of several emitters run side by side: rule 4
            emitter.stop(left_of(began + emitter.exit_timeout))
        except Exception:  # the program ends, whatever happens here
            LOG.exception("the emitter could not be stopped in order")


def _end_with_the_process() -> None:
    """Have the ends of processes looked after that do not run `atexit`.

    Those that multiprocessing forks, or Celery's copy of it, end by `os._exit`, and forget what was
    registered before the fork.
    """
    for name in ("multiprocessing.util", "billiard.util"):
        util = sys.modules.get(name)
        if util is not None and _looked_after.get(name) != os.getpid():
            _looked_after[name] = os.getpid()
            util.Finalize(None, _at_exit, exitpriority=100)


os.register_at_fork(
    before=_before_fork,
    after_in_parent=lambda: _after_fork(child=False),
    after_in_child=lambda: _after_fork(child=True),
)
atexit.register(_at_exit)
