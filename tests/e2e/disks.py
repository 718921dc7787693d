"""The real program on a disk of its own, under load: what the tests of disk faults share."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shipper.devcollector.server import DevCollector
from tests.program import Running, running, shipper

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


def configure(tmp_path: Path, url: str, min_free: str = "0") -> Path:
    file = tmp_path / "shipper.yaml"
    log, state = tmp_path / "access.log", tmp_path / "state"
    file.write_text(_CONFIG.format(state=state, url=url, log=log, min_free=min_free))
    return file


def can_mount() -> bool:
    mount = "mount -t tmpfs -o size=1m none /mnt"
    return subprocess.run(["unshare", "-m", "sh", "-c", mount], check=False).returncode == 0


@contextmanager
def on_small_disk(tmp_path: Path, config: Path, options: str) -> Iterator[tuple[Running, Path]]:
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


def all_arrived(collector: DevCollector, load: Load) -> Callable[[], bool]:
    return lambda: len({e["rawEvent"]["parameters"]["eid"] for e in collector.good()}) >= load.lines


def count(program: Running, event: str) -> int:
    return sum(f" {event} " in line or line.endswith(f" {event}\n") for line in program.log)


def stands(program: Running) -> bool:
    """Whether reading has paused, and not gone on."""
    return count(program, "pump.paused") > count(program, "pump.resumed")


def stands_at_the_floor(program: Running) -> bool:
    """Whether reading has paused for want of free disk, and not gone on."""
    pauses = [line for line in program.log if " pump.paused" in line]
    return stands(program) and "nearly full" in pauses[-1]


def has_resumed(program: Running, before: int) -> bool:
    return count(program, "pump.resumed") > before


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def assert_calm(
    program: Running, seconds: float = 3.0, unless: Callable[[], bool] = lambda: False
) -> None:
    """Nothing turns in circles while the disk is full, though lines go on coming.

    What the program gives back, others take at once: it may go on for a moment each second. It
    has some looks to come to rest; what turns in circles is busy at each of them. *unless* says
    that it works on, and may be busy.
    """
    looks = [_busy(program, seconds)]
    while looks[-1] and len(looks) < 6 and not unless():
        looks.append(_busy(program, seconds))
    assert not looks[-1] or unless(), looks


def _busy(program: Running, seconds: float) -> str:
    """Return what the program did in so many seconds, or nothing if that is little."""
    before = _cpu_seconds(program.process.pid), len(program.log)
    time.sleep(seconds)
    used, said = _cpu_seconds(program.process.pid) - before[0], program.log[before[1] :]
    calm = used < 0.4 * seconds and len(said) <= 8
    return "" if calm else f"{used:.1f} s of processor time\n" + "".join(said)


def assert_whole(collector: DevCollector, load: Load, config: Path | None) -> None:
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


def can_loop(tmp_path: Path) -> bool:
    image = tmp_path / "probe.img"
    script = f"truncate -s 4m {image} && mkfs.ext4 -q -F {image} && mount -o loop {image} /mnt"
    return subprocess.run(["unshare", "-m", "sh", "-c", script], check=False).returncode == 0
