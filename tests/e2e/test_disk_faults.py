"""The real program on a disk that fills, refuses and comes back, under load: nothing is lost."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.program import Running, eventually, running, shipper

pytestmark = pytest.mark.e2e

_CONFIG = """
state: {state}
collector: {{url: "{url}", retry: {{first: 0.05, cap: 0.2}}}}
sources: [{{name: web, paths: ['{log}'], grammar: nginx_access}}]
queue: {{min_free: {min_free}}}
"""
_TIME = "23/Nov/2026:10:00:00 +0000"


class Load(threading.Thread):
    """Writes numbered lines, some hundred a second, until it is told to stop."""

    def __init__(self, log: Path) -> None:
        super().__init__(daemon=True)
        self._log = log
        self.stopping = threading.Event()
        self.lines = 0

    def run(self) -> None:
        while not self.stopping.wait(0.02):
            with self._log.open("a") as log:
                for _ in range(20):
                    self.lines += 1
                    target = f"/{self.lines}?{os.urandom(60).hex()}"
                    log.write(f'192.0.2.9 - - [{_TIME}] "GET {target} HTTP/1.1" 200 5 "-" "x"\n')


@pytest.fixture
def collector() -> Iterator[DevCollector]:
    with DevCollector(known_schemas(Library()), max_events=5_000_000) as it:
        yield it


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    (tmp_path / "access.log").touch()
    writer = Load(tmp_path / "access.log")
    writer.start()
    yield writer
    writer.stopping.set()
    writer.join()


def _config(tmp_path: Path, url: str, min_free: str = "0") -> Path:
    file = tmp_path / "shipper.yaml"
    log, state = tmp_path / "access.log", tmp_path / "state"
    file.write_text(_CONFIG.format(state=state, url=url, log=log, min_free=min_free))
    return file


def _can_mount() -> bool:
    mount = "mount -t tmpfs -o size=1m none /mnt"
    return subprocess.run(["unshare", "-m", "sh", "-c", mount], check=False).returncode == 0


@contextmanager
def _on_small_disk(tmp_path: Path, config: Path, options: str) -> Iterator[tuple[Running, Path]]:
    """Run with the state on a disk of its own; yield the program and that disk, as seen here."""
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o {options} none {state} && exec "$0" "$@"'
    with running("run", "-c", config, under=["unshare", "-m", "sh", "-c", script]) as program:
        program.wait_for("service.started")
        yield program, Path(f"/proc/{program.process.pid}/root{state}")


class Others(threading.Thread):
    """Take all of the disk, and whatever is freed of it, until they are told to leave."""

    def __init__(self, disk: Path) -> None:
        super().__init__(daemon=True)
        self._file = (disk / "others").open("ab", buffering=0)
        self._leaving = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._leaving.wait(0.01):
            with suppress(OSError):
                while True:
                    self._file.write(bytes(4096))

    def close(self) -> None:
        self._leaving.set()
        self.join()
        self._file.truncate(0)
        self._file.close()


def _all_arrived(collector: DevCollector, load: Load) -> Callable[[], bool]:
    return lambda: len({e["rawEvent"]["parameters"]["eid"] for e in collector.good()}) >= load.lines


def _count(program: Running, event: str) -> int:
    return sum(f" {event} " in line or line.endswith(f" {event}\n") for line in program.log)


def _stands(program: Running) -> bool:
    """Whether reading has paused, and not gone on."""
    return _count(program, "pump.paused") > _count(program, "pump.resumed")


def _stands_at_the_floor(program: Running) -> bool:
    """Whether reading has paused for want of free disk, and not gone on."""
    pauses = [line for line in program.log if " pump.paused" in line]
    return _stands(program) and "nearly full" in pauses[-1]


def _has_resumed(program: Running, before: int) -> bool:
    return _count(program, "pump.resumed") > before


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _assert_calm(program: Running, seconds: float = 3.0) -> None:
    """Nothing turns in circles while the disk is full, though lines go on coming.

    What the program gives back, others take at once: it may go on for a moment each second. It
    has some looks to come to rest; what turns in circles is busy at each of them.
    """
    looks = [_busy(program, seconds)]
    while looks[-1] and len(looks) < 6:
        looks.append(_busy(program, seconds))
    assert not looks[-1], looks


def _busy(program: Running, seconds: float) -> str:
    """Return what the program did in so many seconds, or nothing if that is little."""
    before = _cpu_seconds(program.process.pid), len(program.log)
    time.sleep(seconds)
    used, said = _cpu_seconds(program.process.pid) - before[0], program.log[before[1] :]
    calm = used < 0.4 * seconds and len(said) <= 8
    return "" if calm else f"{used:.1f} s of processor time\n" + "".join(said)


def _assert_whole(collector: DevCollector, load: Load, config: Path | None) -> None:
    """Each line arrived, under one id; an event that came twice came with the same bytes."""
    paths: dict[str, str] = {}
    for event in collector.good():
        parameters = {k: v for k, v in event["rawEvent"]["parameters"].items() if k != "stm"}
        text = json.dumps(parameters, sort_keys=True)
        assert paths.setdefault(parameters["eid"], text) == text
    numbers = {int(n) for text in paths.values() for n in re.findall(r'\\"/(\d+)\?', text)}
    assert len(paths) == load.lines
    assert numbers == set(range(1, load.lines + 1)) or not numbers
    assert not list(collector.bad())
    if config is not None:
        done = shipper("audit", "-c", config)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("min_free", ["0", "256MB"], ids=["to the brim", "with a floor"])
def test_a_disk_that_others_fill_and_free(
    tmp_path: Path, collector: DevCollector, load: Load, min_free: str
) -> None:
    """ENOSPC on a file system of 4 MB, three times: a pause, few words, all delivered."""
    if not _can_mount():
        pytest.skip("needs root and mount namespaces, to mount a small file system")
    config = _config(tmp_path, collector.url, min_free)
    with _on_small_disk(tmp_path, config, "size=4m") as (program, disk):
        eventually(lambda: bool(collector.good()), 30)
        for _ in range(3):
            resumed = _count(program, "pump.resumed")
            with closing(Others(disk)):
                eventually(lambda: _stands(program), 30)
                _assert_calm(program)
                assert _stands(program)
            eventually(partial(_has_resumed, program, resumed), 30)
        load.stopping.set()
        load.join()
        eventually(_all_arrived(collector, load), 60)
        assert 3 <= _count(program, "pump.paused") <= 12
        assert program.stop() == 0
    _assert_whole(collector, load, None)


def test_a_backlog_that_fills_a_small_disk(tmp_path: Path, load: Load) -> None:
    """With the collector away the queue fills the disk to its floor; then all is delivered."""
    if not _can_mount():
        pytest.skip("needs root and mount namespaces, to mount a small file system")
    with DevCollector(known_schemas(Library()), max_events=5_000_000) as collector:
        away = "http://127.0.0.1:9"
        config = _config(tmp_path, away, "256MB")
        with _on_small_disk(tmp_path, config, "size=1m") as (program, _):
            # A large commit may meet the end of the disk first, as after a wait for the processor.
            eventually(lambda: _stands_at_the_floor(program), 60)
            _assert_calm(program)
            assert _stands_at_the_floor(program)
            load.stopping.set()
            load.join()
            config.write_text(config.read_text().replace(away, collector.url))
            eventually(_all_arrived(collector, load), 60)
            assert program.stop() == 0
        _assert_whole(collector, load, None)


def _can_loop(tmp_path: Path) -> bool:
    image = tmp_path / "probe.img"
    script = f"truncate -s 4m {image} && mkfs.ext4 -q -F {image} && mount -o loop {image} /mnt"
    return subprocess.run(["unshare", "-m", "sh", "-c", script], check=False).returncode == 0


def test_a_disk_that_turns_read_only(tmp_path: Path, collector: DevCollector, load: Load) -> None:
    """EROFS under load, as kernels do it to disks that err: a pause; once mended, all is sent."""
    if not _can_loop(tmp_path):
        pytest.skip("needs root, mkfs.ext4 and loop devices, to mount a disk that errs")
    config, state, image = _config(tmp_path, collector.url), tmp_path / "state", tmp_path / "img"
    state.mkdir()
    make = f"truncate -s 64m {image} && mkfs.ext4 -q -F {image}"
    mount = f"mount -o loop {image} {state}"
    script = f'{mount} && exec "$0" "$@"'
    subprocess.run(["sh", "-c", make], check=True)
    with running("run", "-c", config, under=["unshare", "-m", "sh", "-c", script]) as program:
        eventually(lambda: bool(collector.good()), 30)
        enter = ["nsenter", "-t", str(program.process.pid), "-m"]
        subprocess.run([*enter, "mount", "-o", "remount,abort", state], check=True)
        program.wait_for("pump.paused", 60)
        _assert_calm(program)
        assert _stands(program)
        load.stopping.set()
        load.join()
        assert program.stop() in {0, 75}
    done = shipper("run", "--once", "-c", config, under=["unshare", "-m", "sh", "-c", script])
    assert done.returncode == 0, done.stderr
    assert _all_arrived(collector, load)()
    _assert_whole(collector, load, None)


def test_no_inode_is_left_at_the_start(tmp_path: Path, collector: DevCollector, load: Load) -> None:
    """Without an inode for its files the program waits, says so once, and begins when it can."""
    if not _can_mount():
        pytest.skip("needs root and mount namespaces, to mount a small file system")
    config = _config(tmp_path, collector.url)
    state = tmp_path / "state"
    state.mkdir()
    others = " ".join(f"{state}/{n}" for n in range(9))
    mount = f"mount -t tmpfs -o size=4m,nr_inodes=10 none {state}"
    script = f'{mount} && touch {others} && exec "$0" "$@"'
    with running("run", "-c", config, under=["unshare", "-m", "sh", "-c", script]) as program:
        program.wait_for("state.unavailable")
        _assert_calm(program)
        for number in range(9):
            Path(f"/proc/{program.process.pid}/root{state}/{number}").unlink()
        program.wait_for("state.available")
        load.stopping.set()
        load.join()
        eventually(_all_arrived(collector, load), 60)
        assert _count(program, "state.unavailable") == 1
        assert program.stop() == 0
    _assert_whole(collector, load, None)


def test_a_write_that_the_system_refuses(
    tmp_path: Path, collector: DevCollector, load: Load
) -> None:
    """Writes that fail with an error of input and output (a limit on files, moved up and down)."""
    config = _config(tmp_path, collector.url)
    with running("run", "-c", config) as program:
        eventually(lambda: bool(collector.good()), 30)
        pid = program.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        for _ in range(3):
            resumed = _count(program, "pump.resumed")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
            eventually(lambda: _stands(program), 30)
            _assert_calm(program)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            eventually(partial(_has_resumed, program, resumed), 30)
        load.stopping.set()
        load.join()
        eventually(_all_arrived(collector, load), 60)
        assert program.stop() == 0
    _assert_whole(collector, load, config)
