"""The process in which the playground's grammars are tried, so that none can hurt the shipper.

Rule 1: a grammar that somebody has just written may hang its compiler or its match, or want all
        the memory there is. So it is tried in another process, which has little memory, writes no
        file, gives way to all others, and is killed when it does not answer in time.
Rule 2: it starts when it is first asked, and ends when nobody asked for a while.
Rule 3: one question at a time; a few may wait, and who is one too many is told so.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from shipper.errors import GrammarError, ShipperError
from shipper.grammar.auto import NAME as AUTO
from shipper.status.bench import Bench, Question

# Starting a process by fork would copy locks that other threads hold.
_CONTEXT: Final = multiprocessing.get_context("spawn")
_PATIENCE: Final = 10.0
_START: Final = 60.0  # to load all grammars takes seconds, and on a busy machine more
_IDLE: Final = 300.0
_WAITING: Final = 4
_MEMORY: Final = 1 << 30
_NICE: Final = 10


class BusyError(ShipperError):
    """Others are being answered; ask again."""


class TooMuchError(ShipperError):
    """The question took too long, or too much memory."""


class Workshop:
    """Asks a bench in a process of its own. Any thread may ask."""

    def __init__(
        self, bench: Bench, *, patience: float = _PATIENCE, at_hand: Sequence[str] = (AUTO,)
    ) -> None:
        """Give each question *patience* seconds; load the grammars *at_hand* before the first."""
        self._bench = bench
        self._at_hand = tuple(at_hand)
        self._patience = patience
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(_WAITING)
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection[object, object] | None = None
        self._closed = False

    def ask(self, question: Question) -> dict[str, Any]:
        """Return the answer of the bench. Raises BusyError, TooMuchError."""
        if not self._places.acquire(blocking=False):
            raise BusyError("others are trying grammars just now", "try it again in a moment")
        try:
            with self._turn:
                return self._ask(question)
        finally:
            self._places.release()

    def warm(self) -> None:
        """Start the process, so that the first question need not wait for it."""
        if self._turn.acquire(blocking=False):
            try:
                with suppress(BusyError):
                    self._ready()
            finally:
                self._turn.release()

    def close(self) -> None:
        """End the process, whoever waits for it."""
        self._closed = True
        if self._process is not None:
            self._process.kill()

    def _ask(self, question: Question) -> dict[str, Any]:
        pipe = self._ready()
        try:
            pipe.send(question)
            if pipe.poll(self._patience):
                answer = pipe.recv()
                if isinstance(answer, dict):
                    return answer
            why = f"it took longer than {self._patience:g} s"
        except (EOFError, OSError):
            why = "its process ended, as for want of memory"
        self._end()
        remedy = "make the patterns simpler: shipper grammar lint tells which can take long"
        raise TooMuchError(f"the grammar was not tried to the end: {why}", remedy)

    def _ready(self) -> Connection[object, object]:
        """Return the pipe to a process that is waiting for a question."""
        if self._closed:
            raise BusyError("the page is being closed", "load it again")
        if self._process is None or self._pipe is None or not self._process.is_alive():
            self._end()
            self._start()
        assert self._pipe is not None  # noqa: S101  # the line before has made it
        return self._pipe

    def _start(self) -> None:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(
            target=_work, args=(theirs, self._bench, self._at_hand), daemon=True
        )
        process.start()
        theirs.close()
        self._process, self._pipe = process, ours
        if self._closed:  # meanwhile
            process.kill()
        if not ours.poll(_START):
            self._end()
            raise BusyError("the playground did not start", "try it again when there is less load")
        with suppress(EOFError):  # it ended: so will the question
            ours.recv()

    def _end(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None


def _work(pipe: Connection[object, object], bench: Bench, at_hand: Sequence[str]) -> None:
    """Answer what comes through *pipe* till it ends, or nothing comes for a while."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _confine()
    shelf = bench.shelf()
    with suppress(GrammarError):  # it is told when somebody asks for that grammar
        for name in at_hand:
            shelf.named(name)
    with suppress(EOFError, OSError, MemoryError):
        pipe.send(None)
        while pipe.poll(_IDLE):
            question = pipe.recv()
            assert isinstance(question, Question)  # noqa: S101  # it is our own parent
            pipe.send(bench.answer(shelf, question))


def _confine() -> None:
    """Leave this process little: rule 1."""
    os.nice(_NICE)
    with suppress(OSError):  # where memory is short for all, it is the first to go
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    for limit, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(limit, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
