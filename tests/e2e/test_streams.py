"""Standard input and FIFOs as their users see them: real pipelines, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.e2e.test_main_job import line
from tests.e2e.test_main_job import paths as request_paths
from tests.program import COMMAND, Running, eventually, running, shipper

pytestmark = pytest.mark.e2e


@pytest.fixture
def collector() -> Iterator[DevCollector]:
    with DevCollector(known_schemas(Library())) as it:
        yield it


class Site:
    """A configuration of one source, with a state."""

    def __init__(self, directory: Path, url: str, paths: str = "'-'") -> None:
        self.directory = directory
        self.file = directory / "shipper.yaml"
        self.configure(url, paths)

    def configure(self, url: str, paths: str, more: str = "") -> None:
        self.file.write_text(
            f"state: {self.directory}/state\n"
            f'collector: {{url: "{url}", concurrency: 1, retry: {{first: 0.05, cap: 0.2}}}}\n'
            f"sources: [{{name: web, paths: {paths}, grammar: nginx_access}}]\n{more}"
        )

    def audit(self) -> str:
        return shipper("audit", "-c", self.file, "--json").stdout


class Pipeline(Running):
    """``… | shipper run``: what is said goes to its standard input."""

    def __init__(self, site: Site, *more: str) -> None:
        command = [*COMMAND, "run", "-c", str(site.file), *more]
        ends = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        super().__init__(subprocess.Popen(command, text=True, **ends))  # type: ignore[call-overload]

    def say(self, data: bytes) -> None:
        assert self.process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view) :]

    def end(self) -> None:
        """Close the input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def memory(self) -> int:
        """Return the most memory it has taken so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def ended(self) -> int:
        """Return the exit code."""
        code = self.process.wait(60)
        self._reader.join()
        return code


@contextmanager
def pipeline(site: Site, *more: str) -> Iterator[Pipeline]:
    """Start it; at the end of the block it has to have ended by itself, or by a signal."""
    started = Pipeline(site, *more)
    try:
        yield started
        assert started.process.poll() is not None
    finally:
        if started.process.poll() is None:
            started.stop(signal.SIGKILL)
        assert started.process.stderr is not None
        started.process.stderr.close()
        started.end()


def numbered(start: int, end: int) -> bytes:
    return "".join(map(line, range(start, end))).encode()


def names(start: int, end: int) -> list[str]:
    return [f"/{number}" for number in range(start, end)]


def test_a_pipeline_is_drained_and_ends(tmp_path: Path, collector: DevCollector) -> None:
    """78: `app | shipper run` delivers each line, the last without a newline, and exits 0."""
    site = Site(tmp_path, collector.url)
    with pipeline(site) as it:
        it.say(numbered(0, 5_000).rstrip(b"\n"))
        it.end()
        assert it.ended() == 0, it.log
    assert request_paths(collector) == names(0, 5_000)
    assert '"adds_up":true' in site.audit()


def test_a_shell_pipeline(tmp_path: Path, collector: DevCollector) -> None:
    """78: a pipeline, a redirected file and no input at all, as a shell makes them; with --once."""
    site = Site(tmp_path, collector.url, "/dev/stdin")
    log = tmp_path / "access.log"
    log.write_bytes(numbered(0, 1_000))
    program = " ".join([*COMMAND, "run", "-c", str(site.file)])
    for start in (f"cat {log} | {program}", f"{program} < {log}", f"{program} --once < {log}"):
        done = subprocess.run(["sh", "-c", start], capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    for start in (f"{program} < /dev/null", f"{program} <&-"):
        done = subprocess.run(["sh", "-c", start], capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    assert request_paths(collector) == names(0, 1_000) * 3
    assert len({event["event"]["event_id"] for event in collector.good()}) == 3_000


def test_lines_come_while_the_pipe_is_open(tmp_path: Path, collector: DevCollector) -> None:
    """78: a line is delivered long before the stream ends, and sooner than the next sweep."""
    site = Site(tmp_path, collector.url)
    site.configure(collector.url, "'-'", "tail: {sweep: 1h}\n")
    with pipeline(site) as it:
        for number in range(20):
            it.say(line(number).encode())
            eventually(lambda: collector.counts().good == number + 1)  # noqa: B023  # called at once
        it.end()
        assert it.ended() == 0


def test_sigterm_in_the_middle(tmp_path: Path, collector: DevCollector) -> None:
    """78: what the writer got rid of before SIGTERM is committed: whole lines, and half a line."""
    site = Site(tmp_path, collector.url)
    with pipeline(site) as it:
        it.say(numbered(0, 1_000))
        eventually(lambda: collector.counts().good >= 1_000)
        it.process.send_signal(signal.SIGSTOP)
        it.say(numbered(1_000, 1_300) + b"half a line")  # no more than a pipe holds
        it.process.send_signal(signal.SIGTERM)
        it.process.send_signal(signal.SIGCONT)
        assert it.ended() == 0

    site.configure(collector.url, "/nothing/*")
    assert shipper("run", "-c", site.file, "--once").returncode == 0
    assert request_paths(collector) == names(0, 1_300)
    letters = shipper("dead-letters", "list", "-c", site.file, "--json").stdout.splitlines()
    assert [json.loads(letter)["reason"] for letter in letters] == ["no_match"]
    assert '"adds_up":true' in site.audit()


def test_the_writer_waits_for_a_full_queue(tmp_path: Path) -> None:
    """78: no collector, a full queue: the writer is held up, nothing is lost, and it goes on."""
    with DevCollector(known_schemas(Library())) as gone:
        port = gone.port
    site = Site(tmp_path, f"http://127.0.0.1:{port}")
    site.configure(f"http://127.0.0.1:{port}", "'-'", "queue: {max_bytes: 1MB}\n")
    said = [0]
    with pipeline(site) as it:

        def write() -> None:
            while said[-1] < 60_000:
                it.say(numbered(said[-1], said[-1] + 100))
                said.append(said[-1] + 100)
            it.end()

        writer = threading.Thread(target=write)
        writer.start()
        it.wait_for("pump.paused")
        held_at = said[-1]
        writer.join(1)
        assert writer.is_alive()
        assert said[-1] <= held_at + 1_000  # what still went into the pipe
        with DevCollector(known_schemas(Library()), port=port) as back:
            writer.join(60)
            assert it.ended() == 0
            assert back.counts().good == 60_000


def test_a_line_of_50_mb(tmp_path: Path, collector: DevCollector) -> None:
    """78: a line that is longer than any limit takes bounded memory; its neighbours arrive."""
    site = Site(tmp_path, collector.url)
    with pipeline(site) as it:
        it.say(line(0).encode())
        eventually(lambda: collector.counts().good == 1)
        before = it.memory()
        block = b"x" * (1 << 20)
        for _ in range(50):
            it.say(block)
        it.say(b"\n" + line(1).encode())
        eventually(lambda: collector.counts().good == 2)
        grown = it.memory() - before
        it.end()
        assert it.ended() == 0
    assert grown < 60e6, f"{grown / 1e6:.0f} MB more"
    assert '"adds_up":true' in site.audit()


def test_binary_garbage(tmp_path: Path, collector: DevCollector) -> None:
    """78: any bytes have a fate, and the line after them is an event."""
    site = Site(tmp_path, collector.url)
    with pipeline(site) as it:
        it.say(os.urandom(300_000) + bytes(300_000) + b"\n" + line(7).encode())
        it.end()
        assert it.ended() == 0, it.log
    assert request_paths(collector) == ["/7"]
    assert '"adds_up":true' in site.audit()


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "app.fifo")
    return tmp_path / "app.fifo"


def echo(path: Path, data: bytes) -> Callable[[], int]:
    """Do what ``echo … > fifo`` does, in a process of its own; return how to wait for its end."""
    script = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE)
    assert writer.stdin is not None
    writer.stdin.write(data)
    writer.stdin.close()
    return lambda: writer.wait(30)


def test_a_fifo_is_written_to_twice(tmp_path: Path, collector: DevCollector, fifo: Path) -> None:
    """78: a service reads each writer of a FIFO to its end, and waits for the next."""
    site = Site(tmp_path, collector.url, str(fifo))
    with running("run", "-c", site.file, "--verbose") as program:
        for start in (0, 1_000):
            assert echo(fifo, numbered(start, start + 1_000))() == 0
            eventually(lambda: collector.counts().good == start + 1_000)  # noqa: B023
        eventually(lambda: _told(program, "stream.closed") == 2)
        assert program.stop() == 0
    assert request_paths(collector) == names(0, 2_000)
    assert '"adds_up":true' in site.audit()


def _told(program: Running, event: str) -> int:
    return sum(event in told for told in program.log)


def test_once_waits_for_the_writer_that_is_there(
    tmp_path: Path, collector: DevCollector, fifo: Path
) -> None:
    """78: --once reads a FIFO to the end of the writer that has it open, and no longer."""
    site = Site(tmp_path, collector.url, str(fifo))
    assert shipper("run", "-c", site.file, "--once").returncode == 0  # there is nobody
    slow = "import sys, time; f = open(sys.argv[1], 'w'); time.sleep(1.5); f.write(sys.argv[2])"
    writer = subprocess.Popen([sys.executable, "-c", slow, str(fifo), line(1)])
    opens = Path(f"/proc/{writer.pid}/wchan")
    eventually(lambda: opens.read_text() in ("wait_for_partner", "0", "fifo_open"))
    done = shipper("run", "-c", site.file, "--once")
    assert (done.returncode, writer.wait(30)) == (0, 0), done.stderr
    assert request_paths(collector) == ["/1"]


def test_sigkill_loses_no_more_than_a_chunk(
    tmp_path: Path, collector: DevCollector, fifo: Path
) -> None:
    """78: each SIGKILL costs a chunk and a torn line at most; nothing is read twice."""
    site = Site(tmp_path, collector.url, str(fifo))
    site.configure(collector.url, str(fifo), "tail: {chunk_bytes: 4096}\n")
    count, kills = 6_000, 4
    with fifo.open("r+b", buffering=0) as kept:  # a pipe with a writer outlives its readers

        def write() -> None:
            for start in range(0, count, 20):
                kept.write(numbered(start, start + 20))

        writer = threading.Thread(target=write)
        writer.start()
        for kill in range(1, kills + 1):
            with running("run", "-c", site.file) as program:
                enough = count * kill // (kills + 1)
                eventually(lambda: collector.counts().good >= enough)  # noqa: B023  # called at once
                assert program.stop(signal.SIGKILL) == -signal.SIGKILL
        with running("run", "-c", site.file) as program:
            writer.join(60)
            last = names(count - 1, count)
            eventually(lambda: request_paths(collector)[-1:] == last)
            assert program.stop() == 0
    events = {event["event"]["event_id"]: event for event in collector.good()}
    found = [event["event"]["unstruct_event"]["data"]["data"]["path"] for event in events.values()]
    assert len(found) == len(set(found))
    size = len(line(count))
    assert len(set(names(0, count)) - set(found)) <= kills * (4096 // size + 2)
    assert '"adds_up":true' in site.audit()


def test_a_reload_while_streams_are_open(
    tmp_path: Path, collector: DevCollector, fifo: Path
) -> None:
    """75, 78: SIGHUP with half a line in memory: the stream goes on as if nothing had happened."""
    site = Site(tmp_path, collector.url, f"['-', {fifo}]")
    one, two = line(1).encode(), line(2).encode()
    with pipeline(site) as it, fifo.open("wb", buffering=0) as writer:
        writer.write(line(0).encode() + two[:20])
        it.say(line(0).encode() + one[:20])
        eventually(lambda: collector.counts().good == 2)
        site.configure(collector.url, f"['-', '{fifo}']", "tracker: {app_id: shop}\n")
        it.process.send_signal(signal.SIGHUP)
        it.wait_for("config.reloaded")
        writer.write(two[20:])
        it.say(one[20:])
        eventually(lambda: collector.counts().good == 4)
        assert it.stop() == 0
    assert sorted(request_paths(collector)) == ["/0", "/0", "/1", "/2"]
    assert '"adds_up":true' in site.audit()


def test_check_names_streams(tmp_path: Path, collector: DevCollector, fifo: Path) -> None:
    """`check` says what is a stream, and warns of a FIFO that only a pattern names."""
    site = Site(tmp_path, collector.url, f"['-', {fifo}]")
    told = shipper("check", "-c", site.file)
    assert told.returncode == 0
    assert "source web: standard input" in told.stdout
    assert f"source web: {fifo} is a FIFO" in told.stdout
    site.configure(collector.url, f"{tmp_path}/*.fifo")
    assert "what shipper reads nobody else does" in shipper("check", "-c", site.file).stdout
