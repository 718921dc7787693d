"""What many quiet files cost: CPU while nothing happens, memory, and what churn leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.sink import Sink

_SETTLE = 20.0  # seconds that a reading takes, after all was delivered
_LINE = (
    '192.0.2.7 - - [23/Nov/2026:10:00:00 +0000] "GET /idle?r={:07d} HTTP/1.1" 200 5 "-" "idle"\n'
)


class Idle(NamedTuple):
    """One reading: share of a core, memory in MB, open descriptors, watches."""

    core: float
    memory_mb: float
    descriptors: int
    watches: int


def idle_files(folder: Path, files: int, target: Sink, rounds: int) -> list[Idle]:
    """Ship *files* of one line each; read how it is then, and after each of *rounds* of churn.

    In a round a tenth of the files is deleted, another renamed away, and as many made anew.
    """
    logs = folder / "logs"
    logs.mkdir()
    serial = 0
    for serial in range(files):
        _write(logs, serial)
    config = folder / "idle.yaml"
    config.write_text(
        f"state: {folder / 'state'}\n"
        f'collector: {{url: "http://127.0.0.1:{target.port}"}}\n'
        "tail: {rotate_grace: 5s}\n"
        f"sources: [{{name: idle, paths: ['{logs}/*.log'], grammar: nginx_access}}]\n"
    )
    target.reset()
    process = subprocess.Popen(
        [sys.executable, "-m", "shipper", "run", "-c", config],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(target, files)
        readings = [_reading(process.pid)]
        for _ in range(rounds):
            for path in sorted(logs.glob("*.log"))[: files // 5]:
                path.unlink() if path.name < f"{serial // 2:07}" else path.rename(f"{path}.old")
            for _ in range(files // 5):
                serial += 1
                _write(logs, serial)
            _await(target, serial + 1)
            readings.append(_reading(process.pid))
    finally:
        process.terminate()
        process.wait()
    return readings


def _write(logs: Path, serial: int) -> None:
    (logs / f"{serial:07}.log").write_text(_LINE.format(serial))


def _await(target: Sink, lines: int) -> None:
    end = time.monotonic() + 300
    while target.counts().distinct < lines:
        if time.monotonic() > end:
            raise RuntimeError(f"{target.counts().distinct} of {lines} lines came within 300 s")
        time.sleep(0.2)
    time.sleep(8.0)  # until the grace time of what is gone is over


def _reading(pid: int) -> Idle:
    before, started = _cpu_seconds(pid), time.monotonic()
    time.sleep(_SETTLE)
    core = (_cpu_seconds(pid) - before) / (time.monotonic() - started)
    status = Path(f"/proc/{pid}/status").read_text()
    memory = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    links = list(Path(f"/proc/{pid}/fd").iterdir())
    infos = [Path(f"/proc/{pid}/fdinfo/{link.name}").read_text() for link in links]
    return Idle(core, memory, len(links), sum(info.count("inotify wd:") for info in infos))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
