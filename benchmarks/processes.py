"""What processes cost, as Linux counts it: memory and processor time of one and its children."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return *pid* and the processes below it that there are now."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(each for child in children for each in family(child))]


def memory_mb(pid: int, what: str = "VmHWM") -> float:
    """Return the peak memory of a process and its children, added up; *what* VmRSS: that of now."""
    return sum(_memory_kb(each, what) for each in family(pid)) / 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process that runs, and of its children."""
    return sum(_ticks(each) for each in family(pid)) / _TICKS


def busy_seconds() -> float:
    """Return the processor time that this machine has spent on anything since it started."""
    user, nice, system, _, _, irq, softirq, *_ = _machine()
    return (user + nice + system + irq + softirq) / _TICKS


def _machine() -> list[int]:
    first = Path("/proc/stat").read_text().partition("\n")[0]
    return [int(figure) for figure in first.split()[1:]]


def _memory_kb(pid: int, what: str) -> int:
    try:
        found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
