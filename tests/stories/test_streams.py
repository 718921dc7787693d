"""Standard input and FIFOs: read once, drained at the end, and nothing is forgotten in a stop."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.event.recipe import Policy
from shipper.formats.multiline import MultilineRule
from shipper.formats.records import Rules
from shipper.service.audit import audit
from shipper.tail import streams
from shipper.tail.checkpoint import Node
from shipper.tail.chunk import Limits
from shipper.tail.glob import Exclude, Glob
from shipper.tail.survey import Place, Source
from tests.nobody import as_nobody
from tests.shipping import Make, Shipper, open_descriptors, shippers

JAVA = Policy(rules=Rules(multiline=MultilineRule.preset("java")), flush_after=2.0)
TRACE = ["ERROR it broke", "java.lang.IllegalStateException: no", "\tat a.B.c(B.java:7)"]


@contextmanager
def writing(path: Path) -> Iterator[int]:
    """Open a FIFO that somebody reads, to write."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


def say(path: Path, data: bytes) -> None:
    """Do what ``echo > fifo`` does."""
    with writing(path) as fd:
        assert os.write(fd, data) == len(data)


def fifo(shipper: Shipper, name: str = "app.fifo") -> Path:
    """Make a FIFO, and let the shipper find it."""
    os.mkfifo(shipper.logs.path(name))
    shipper.turn()
    return shipper.logs.path(name)


class Input:
    """A pipe that is standard input."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()

    def say(self, data: bytes) -> None:
        assert os.write(self._writer, data) == len(data)

    def close(self) -> None:
        os.close(self._writer)


def closed(shipper: Shipper) -> list[tuple[object, object]]:
    """Return path and length of the streams that were closed."""
    return [(facts["path"], facts["offset"]) for facts in shipper.reports.of("stream.closed")]


def test_a_fifo_is_read_to_its_end(ship: Make) -> None:
    """78: all lines come once, the last one without a newline, and the books are closed."""
    shipper = ship("*.fifo")
    path = fifo(shipper)
    with writing(path) as writer:
        os.write(writer, b"one\ntwo\nthr")
        assert shipper.new_lines() == ["one", "two"]
        os.write(writer, b"ee\nlast")
    assert shipper.new_lines() == ["three", "last"]
    assert closed(shipper) == [(str(path), 18)]
    assert shipper.ledger().bytes_read == 18
    assert audit(shipper.store).adds_up


def test_a_fifo_is_opened_anew_for_each_writer(ship: Make) -> None:
    """78: writers that say the same, one after the other, give events with ids of their own."""
    shipper = ship("*.fifo")
    path = fifo(shipper)
    for _ in range(3):
        say(path, b"the same\n")
        assert shipper.new_lines() == ["the same"]
        shipper.turn()
    assert len({event.eid for event in shipper.events()}) == 3
    assert closed(shipper) == [(str(path), 9)] * 3


def test_writers_that_follow_each_other_quickly(ship: Make) -> None:
    """78: whenever a writer comes and goes, it finds a reader, and its line arrives."""
    shipper = ship("*.fifo")
    path = fifo(shipper)
    said = threading.Event()

    def write() -> None:
        for number in range(2_000):
            say(path, b"%d\n" % number)  # would raise if nobody had it open to read
        said.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not said.is_set():
        shipper.turn()
    writer.join()
    assert shipper.catch_up().lines() == [str(number) for number in range(2_000)]
    assert audit(shipper.store).adds_up


def test_a_writer_that_comes_while_the_fifo_is_opened(
    ship: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """78: it comes and goes between two steps of the opening: its line and its end are noticed."""
    shipper = ship("*.fifo")
    path = shipper.logs.path("app.fifo")
    os.mkfifo(path)
    knock, visits = streams._knock, [b"quick\n"]

    def knock_and_visit(fd: int) -> bool | None:
        there = knock(fd)
        if visits:
            say(path, visits.pop())
        return there

    monkeypatch.setattr(streams, "_knock", knock_and_visit)
    assert shipper.new_lines() == ["quick"]
    assert shipper.turn(2).pump.done
    assert closed(shipper) == [(str(path), 6)]


def test_a_writer_that_says_nothing_leaves_nothing(ship: Make) -> None:
    """78: opened and closed without a byte: no generation, and the next writer is read."""
    shipper = ship("*.fifo")
    path = fifo(shipper)
    say(path, b"")
    shipper.turn(3)
    assert shipper.store.accounts() == []
    say(path, b"one\n")
    assert shipper.new_lines() == ["one"]


def test_standard_input_is_read_to_its_end(ship: Make) -> None:
    """78: standard input is drained, then over for good; until then it is waited for."""
    stdin = Input()
    shipper = ship("-", stdin=lambda: stdin.reader)
    shipper.catch_up()
    assert not shipper.pump.done
    stdin.say(b"one\ntw")
    assert shipper.new_lines() == ["one"]
    assert not shipper.pump.done
    stdin.close()
    assert shipper.new_lines() == ["tw"]
    assert shipper.turn().pump.done
    assert closed(shipper) == [("stdin", 6)]


def test_what_is_held_comes_out_at_the_end(ship: Make) -> None:
    """78: a record of several lines is complete when the writer has left."""
    stdin = Input()
    shipper = ship("-", stdin=lambda: stdin.reader, policy=JAVA)
    stdin.say("\n".join(TRACE).encode())
    shipper.turn(3)
    assert shipper.lines() == []
    stdin.close()
    assert shipper.new_lines() == ["\n".join(TRACE)]
    assert audit(shipper.store).adds_up


def test_an_orderly_stop_forgets_nothing(ship: Make) -> None:
    """78: at a stop what stands in the pipe is committed, half a line and half a record too."""
    stdin = Input()
    shipper = ship("-", "*.fifo", stdin=lambda: stdin.reader, policy=JAVA)
    path = fifo(shipper)
    with writing(path) as writer:
        os.write(writer, b"INFO one\nINFO half a li")
        shipper.turn(2)
        os.write(writer, b"ne")
        stdin.say("\n".join(TRACE).encode())
        shipper.stop()
        shipper.stdin = None
        shipper.start()
        assert sorted(shipper.lines()) == sorted(["INFO one", "INFO half a line", "\n".join(TRACE)])
        assert audit(shipper.store).adds_up
        shipper.turn()
        os.write(writer, b"INFO next\n\tat a.B.c(B.java:7)\n")
        shipper.catch_up()
    assert shipper.catch_up().lines()[-1] == "INFO next\n\tat a.B.c(B.java:7)"
    stdin.close()


def test_a_stop_while_the_queue_is_full(ship: Make) -> None:
    """78: what was taken before the queue was full is committed all the same at a stop."""
    shipper = ship("*.fifo")
    path = fifo(shipper)
    with writing(path) as writer:
        os.write(writer, b"one\nhalf")
        shipper.turn()
        shipper.pump._pace = replace(shipper.pace, queue_bytes=1)
        os.write(writer, b" a line\n")
        shipper.turn(3)
        assert shipper.lines() == ["one"]
        shipper.stop()
    shipper.start()
    assert shipper.lines() == ["one", "half a line"]


def test_a_generation_that_was_killed_is_over(ship: Make) -> None:
    """78: after a SIGKILL the stream begins anew; held lines come out, none is called lost."""
    stdin = Input()
    shipper = ship("-", stdin=lambda: stdin.reader, policy=JAVA)
    stdin.say("\n".join(["INFO one", *TRACE, "INFO half a"]).encode())
    shipper.turn(3)
    assert shipper.lines() == ["INFO one"]  # the trace may go on
    shipper.kill()
    stdin.close()
    again = Input()
    shipper.stdin = lambda: again.reader
    shipper.start()
    again.say(b"INFO one\n")
    again.close()
    assert shipper.catch_up().lines() == ["INFO one", "\n".join(TRACE), "INFO one"]
    assert len({event.eid for event in shipper.events()}) == 3
    assert {account.state for account in shipper.store.accounts()} == {"over"}
    shipper.after_grace()
    assert "file.gone" not in shipper.reports.names()
    assert shipper.ledger().bytes_lost == 0
    assert audit(shipper.store).adds_up


def test_a_full_queue_leaves_the_bytes_in_the_pipe(ship: Make) -> None:
    """78: while the queue is full, no byte is taken: the writer has to wait. Then all come."""
    shipper = ship("*.fifo")
    path = fifo(shipper)
    assert len(shipper.fleet.streams.listening()) == 1
    shipper.pump._pace = replace(shipper.pace, queue_bytes=1)
    with writing(path) as writer:
        room = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
        line = b"x" * 1023 + b"\n"
        assert sum(os.write(writer, line) for _ in range(room // 1024)) == room
        shipper.turn(10)
        assert shipper.fleet.streams.listening() == []  # or the full pipe would end each sleep
        with pytest.raises(BlockingIOError):
            os.write(writer, line)
        shipper.pump._pace = shipper.pace
        assert len(shipper.new_lines()) == room // 1024
        assert len(shipper.fleet.streams.listening()) == 1


def test_a_commit_that_fails_is_made_again_from_memory(ship: Make) -> None:
    """78: while the disk is full nothing is forgotten that came through a pipe."""
    shipper = ship("*.fifo", limits=Limits(chunk_bytes=4096))
    path = fifo(shipper)
    lines = [f"{number} {os.urandom(60).hex()}" for number in range(200)]
    with writing(path) as writer:
        with shipper.store._database.reading() as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages}")
        os.write(writer, "".join(f"{line}\n" for line in lines).encode())
        shipper.turn(5)
        assert "full" in shipper.pump.paused
        assert shipper.fleet.streams.listening() == []
        with shipper.store._database.reading() as db:
            db.execute("PRAGMA max_page_count = 1000000")
        assert shipper.new_lines() == lines


def test_what_came_through_a_pipe_is_committed_durably(
    ship: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """78: a turn with bytes of a stream is on the disk when its writer may forget them."""
    shipper = ship("*.log", "*.fifo")
    path = fifo(shipper)
    asked: list[bool] = []
    commit = shipper.store.commit

    def spy(turn: object, now_ms: int, *, durable: bool = False, drop: str = "") -> None:
        asked.append(durable)
        commit(turn, now_ms, durable=durable, drop=drop)  # type: ignore[arg-type]

    monkeypatch.setattr(shipper.store, "commit", spy)
    shipper.logs.append("app.log", "one")
    shipper.turn(2)
    say(path, b"two\n")
    shipper.turn(2)
    assert sorted(shipper.lines()) == ["one", "two"]
    assert (asked[0], asked[-1]) == (False, True)


def test_another_configuration_reads_an_open_stream_on(ship: Make) -> None:
    """78: sources change while lines are half read: nothing is lost, doubled, or cut."""
    stdin = Input()
    shipper = ship("-", "*.fifo", stdin=lambda: stdin.reader, limits=Limits(chunk_bytes=4096))
    path = fifo(shipper)
    with writing(path) as writer:
        os.write(writer, b"one\nhalf a")
        stdin.say(b"x" * 10_000)
        assert shipper.new_lines() == ["one"]
        other, pipes = shipper.source("other", "-"), shipper.source("pipes", "*.fifo")
        shipper.reconfigure(other, pipes)
        os.write(writer, b" line\n")
        stdin.say(b"y\n")
        assert sorted(shipper.new_lines()) == ["half a line", "x" * 10_000 + "y"]
        assert closed(shipper) == []
    stdin.close()
    shipper.catch_up()
    assert sorted(closed(shipper)) == [(str(path), 16), ("stdin", 10_002)]
    assert {account.source for account in shipper.store.accounts()} == {"other", "pipes"}
    assert audit(shipper.store).adds_up


def test_a_stream_that_no_source_names_any_more(ship: Make) -> None:
    """78: it is drained under the old configuration, and closed; standard input stays closed."""
    stdin = Input()
    shipper = ship("-", "*.fifo", stdin=lambda: stdin.reader)
    path = fifo(shipper)
    with writing(path) as writer:
        os.write(writer, b"one\nhalf")
        stdin.say(b"two\n")
        shipper.reconfigure(shipper.source("logs", "*.log"))
        assert sorted(shipper.new_lines()) == ["half", "one", "two"]
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"nobody reads it\n")
    shipper.reconfigure(shipper.source("logs", "-"))
    assert shipper.catch_up().pump.done
    stdin.close()


def test_a_fifo_of_two_sources_and_two_names(ship: Make) -> None:
    """78: the first source that names it reads it, once."""
    shipper = ship(sources=[])
    sources = [shipper.source("one", "*.fifo"), shipper.source("two", "app.*")]
    shipper.reconfigure(*sources)
    path = fifo(shipper)
    shipper.logs.path("also.fifo").hardlink_to(path)
    say(path, b"a line\n")
    assert shipper.new_lines() == ["a line"]
    assert [account.source for account in shipper.store.accounts()] == ["one"]


def test_an_excluded_fifo_is_left_alone(ship: Make) -> None:
    """78: a FIFO that is meant for others is not opened."""
    shipper = ship(sources=[])
    shipper.reconfigure(shipper.source("logs", "*", exclude=["*.fifo"]))
    path = fifo(shipper)
    with pytest.raises(OSError, match="No such device"):
        os.open(path, os.O_WRONLY | os.O_NONBLOCK)


def test_fifos_come_and_go(ship: Make) -> None:
    """78: FIFOs that are removed, with or without a word, leave no descriptor behind."""
    shipper = ship("*.fifo")
    shipper.turn()
    before = open_descriptors()
    for number in range(50):
        path = fifo(shipper, f"{number}.fifo")
        if number % 3 == 0:
            path.unlink()
            continue
        with writing(path) as writer:
            path.unlink()
            shipper.turn(2)
            if number % 3 == 2:
                os.write(writer, b"late\n")
        shipper.turn(3)
    assert shipper.catch_up().lines() == ["late"] * 16
    shipper.turn(3)
    assert open_descriptors() == before


def test_a_name_that_changed_hands(ship: Make) -> None:
    """78: a FIFO that took another's name after the look, and is read already, is read once."""
    shipper = ship("*.fifo")
    shipper.turn()
    before = open_descriptors()
    path = fifo(shipper)
    shipper.fleet.streams.sweep({Node(1, 2): Place("logs", str(path), path.stat())})
    assert open_descriptors() == before + 1
    say(path, b"a line\n")
    assert shipper.new_lines() == ["a line"]


def test_a_file_in_the_place_of_a_fifo(ship: Make) -> None:
    """78: the one is read as a file, the other was read as a stream, though names are equal."""
    shipper = ship("app")
    path = fifo(shipper, "app")
    say(path, b"through the pipe\n")
    shipper.turn(3)
    path.unlink()
    shipper.logs.append("app", "through the pipe")
    assert shipper.catch_up().lines() == ["through the pipe"] * 2
    shipper.logs.delete("app")
    fifo(shipper, "app")
    say(path, b"through the pipe\n")
    assert shipper.after_grace().lines() == ["through the pipe"] * 3
    assert len({event.eid for event in shipper.events()}) == 3


def test_a_fifo_that_may_not_be_read_at_first(ship: Make) -> None:
    """78: it is named once in the log, and read as soon as that is allowed."""
    shipper = ship(sources=[])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, "app.fifo")
        os.mkfifo(path, 0o200)
        shipper.reconfigure(Source("logs", (Glob(f"{folder}/*.fifo"),), Exclude(())))
        with as_nobody():
            for _ in range(5):
                shipper.fleet.sweep(shipper.clock.monotonic)
        assert [facts["path"] for facts in shipper.reports.of("file.unreadable")] == [str(path)]
        path.chmod(0o600)
        shipper.turn()
        say(path, b"one\n")
        assert shipper.new_lines() == ["one"]


def test_start_at_the_end_says_nothing_of_streams(ship: Make) -> None:
    """78: what a writer said before the first look is read, whatever `start` says."""
    shipper = ship(sources=[])
    path = shipper.logs.path("app.fifo")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with writing(path) as writer:
        os.write(writer, b"early\n")
        shipper.reconfigure(shipper.source("logs", "*.fifo", from_end=True))
        assert shipper.new_lines() == ["early"]
    os.close(reader)


def test_any_bytes_through_a_pipe(ship: Make) -> None:
    """78: NULs, blanks, broken UTF-8, CR LF, no last newline: each byte has one fate."""
    stdin = Input()
    shipper = ship("-", stdin=lambda: stdin.reader, limits=Limits(chunk_bytes=4096))
    data = b"\xfd\xfe\xff bad\r\n\n   \n" + bytes(9000) + b"after\0zeros\n" + bytes(range(11, 256))
    for start in range(0, len(data), 700):
        stdin.say(data[start : start + 700])
        shipper.turn()
    stdin.close()
    lines = shipper.catch_up().lines()
    assert [line.replace("\ufffd", "?") for line in lines[:2]] == ["??? bad", "after\0zeros"]
    assert shipper.ledger().bytes_read == len(data)
    assert shipper.ledger().lines_blank == 2
    assert audit(shipper.store).adds_up


_STEPS = st.one_of(
    st.text("ab \n", max_size=60).map(lambda text: ("write", text.encode())),
    st.sampled_from([("write", b"\n"), ("write", b"a line\n"), ("write", b"x" * 300)]),
    st.sampled_from([(name, b"") for name in ("turn", "turn", "leave", "stop", "reload", "full")]),
)


@settings(max_examples=100)
@given(steps=st.lists(_STEPS, max_size=40))
def test_any_walk_keeps_every_byte(steps: list[tuple[str, bytes]]) -> None:
    """78: writers that come and leave, restarts, reloads, a full queue: all bytes, in order."""
    with tempfile.TemporaryDirectory() as folder, shippers(Path(folder)) as make:
        shipper = make("*.fifo", limits=Limits(chunk_bytes=64, kept_bytes=4096))
        walk = _Walk(shipper, fifo(shipper))
        for name, data in steps:
            walk.take(name, data)
        walk.end()
        assert shipper.ledger().bytes_read == len(walk.written)
        assert shipper.ledger().bytes_lost == 0
        kept, written = "".join(shipper.lines()), walk.written.decode()
        assert kept.replace(" ", "") == written.replace("\n", "").replace(" ", "")  # blank lines
        assert audit(shipper.store).adds_up


class _Walk:
    """What happens to a FIFO and its shipper; `written` is what went in."""

    def __init__(self, shipper: Shipper, path: Path) -> None:
        self.written = b""
        self._shipper = shipper
        self._path = path
        self._writer: int | None = None

    def take(self, name: str, data: bytes) -> None:
        getattr(self, f"_{name}")(data)

    def end(self) -> None:
        self._leave(b"")
        self._shipper.pump._pace = self._shipper.pace
        for _ in range(1_000):
            if self._shipper.turn().pump.done:
                return
        raise AssertionError("it never ended")

    def _write(self, data: bytes) -> None:
        if self._writer is None:
            self._writer = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        self.written += data[: os.write(self._writer, data)]

    def _turn(self, _: bytes) -> None:
        self._shipper.turn()

    def _leave(self, _: bytes) -> None:
        if self._writer is not None:
            os.close(self._writer)
        self._writer = None

    def _stop(self, _: bytes) -> None:
        self._shipper.restart()
        self._shipper.turn()

    def _reload(self, _: bytes) -> None:
        self._shipper.reconfigure(*self._shipper.sources)
        self._shipper.turn()

    def _full(self, _: bytes) -> None:
        pace = self._shipper.pump._pace
        full = pace.queue_bytes == 1
        self._shipper.pump._pace = self._shipper.pace if full else replace(pace, queue_bytes=1)
