"""Workers: processes that parse, so that reading is not held to one processor.

Rule 1: a worker gets a piece and gives back its parse; it opens no file and touches no state, so
        whatever becomes of it, nothing is lost: what it had in hand is parsed here.
Rule 2: a worker ends with its pipe, however this process ends; signals are this process's affair.
Rule 3: one that ended, or has not answered for a long time, is replaced.
Rule 4: while none is ready, as just after the start, pieces are parsed here.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from shipper.event.chunk import Parse
from shipper.event.piece import Piece, joined, parse_piece, parts_of
from shipper.event.recipe import Recipe
from shipper.model import Report

Recipes = Mapping[str, Recipe]
# Starting a process by fork would copy locks that other threads hold.
_CONTEXT = multiprocessing.get_context("spawn")
# A piece takes a second at most; one whose grammars reach their time limit again and again, more.
_PATIENCE = 120.0


class _Job:
    """A part that is to be parsed."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self.parse: Parse | None = None


class _Worker(NamedTuple):
    """A process and our end of its pipe."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection[object, object]


class Workers:
    """Parses in processes. One thread uses it."""

    def __init__(
        self, make: Callable[[], Recipes], recipes: Recipes, count: int, part: int, report: Report
    ) -> None:
        """Start *count* workers; pieces are cut to *part* bytes, where that can be.

        *make* makes the *recipes* in each worker. It has to be a function that can be named in
        another process.
        """
        self.recipes = recipes
        self._make = make
        self._part = part
        self._report = report
        self._jobs: list[_Job] = []
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, _Job | None] = {}  # None: it is getting ready
        for _ in range(count):
            self._start()

    def begin(self, piece: Piece) -> Callable[[], Parse]:
        """Begin with *piece*; return the function that waits for its parse."""
        recipe = self.recipes[piece.source]
        jobs = [_Job(part) for part in parts_of(piece, recipe, self._part)]
        self._jobs += jobs
        self._go_on(0)
        return lambda: joined([self._result(job) for job in jobs])

    def close(self) -> None:
        """End the workers."""
        workers = [*self._idle, *self._busy]
        self._idle, self._busy = [], {}
        for worker in workers:
            worker.pipe.close()
        for worker in workers:
            _end(worker, 1.0)

    def _result(self, job: _Job) -> Parse:
        while job.parse is None:
            if job in self._jobs and not any(self._busy.values()):
                self._jobs.remove(job)
                self._parse_here(job)
            else:
                self._go_on(_PATIENCE)
        return job.parse

    def _go_on(self, patience: float) -> None:
        """Take what is done and hand out what is to be done; wait for it up to *patience* s."""
        pipes = {worker.pipe: worker for worker in self._busy}
        answered = wait(list(pipes), patience)
        for pipe in answered:
            self._take(pipes[pipe])  # type: ignore[index]  # what wait returns is what it was given
        if patience and not answered:
            for worker in [worker for worker, job in self._busy.items() if job is not None]:
                self._replace(worker, f"no answer for {patience:g} s")
        self._hand_out()

    def _take(self, worker: _Worker) -> None:
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._replace(worker, "it ended")
            return
        job = self._busy.pop(worker)
        if job is not None:
            assert isinstance(answer, Parse)  # noqa: S101  # it is our own process
            job.parse = answer
        self._idle.append(worker)

    def _hand_out(self) -> None:
        while self._jobs and self._idle:
            worker, job = self._idle.pop(), self._jobs.pop(0)
            self._busy[worker] = job
            try:
                worker.pipe.send(job.piece)
            except OSError:
                self._replace(worker, "it ended")

    def _replace(self, worker: _Worker, why: str) -> None:
        """End *worker*, parse here what it had in hand, and start another."""
        job = self._busy.pop(worker)
        worker.pipe.close()
        _end(worker, 0.0)
        exit_code = worker.process.exitcode
        self._report("worker.replaced", why=why, pid=worker.process.pid, exit_code=exit_code)
        if job is not None:
            self._parse_here(job)
            self._start()

    def _parse_here(self, job: _Job) -> None:
        job.parse = parse_piece(job.piece, self.recipes[job.piece.source])

    def _start(self) -> None:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_work, args=(theirs, self._make), daemon=True)
        process.start()
        theirs.close()
        self._busy[_Worker(process, ours)] = None


def _end(worker: _Worker, grace: float) -> None:
    worker.process.join(grace)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _work(pipe: Connection[object, object], make: Callable[[], Recipes]) -> None:
    """Parse what comes through *pipe* till it ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    recipes = make()
    with suppress(EOFError, OSError):  # rule 2
        pipe.send(None)
        while True:
            piece = pipe.recv()
            assert isinstance(piece, Piece)  # noqa: S101  # it is our own parent
            pipe.send(parse_piece(piece, recipes[piece.source]))
