"""Where the kernel gives no notice of what is written: all the same, it is read.

The kernel's own limits are used, lowered in a user namespace of the program's own, and a real
mount, in a mount namespace of its own. Nothing else of the machine is changed.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipper.devcollector.server import DevCollector
from tests.arrivals import Arrivals, collector, numbered
from tests.program import eventually, running, shipper

pytestmark = pytest.mark.e2e

SWEEP = 0.5
_IN_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
_SUCH_EVENTS = 0x2 | 0x100  # IN_MODIFY, IN_CREATE
_NEITHER_BLOCKS_NOR_LEAKS = os.O_NONBLOCK | os.O_CLOEXEC


def within(script: str) -> tuple[str, ...]:
    """Return the command that runs another behind *script*, in namespaces of its own."""
    return (*_IN_NAMESPACE, "sh", "-ec", f'{script}; exec "$@"', "sh")


def possible(under: tuple[str, ...]) -> bool:
    """Tell whether this kernel and user may run something *under* that command."""
    try:
        return subprocess.run([*under, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def limited(**limits: int) -> tuple[str, ...]:
    """Return the command that runs another with few watches or instances; skip if it can't be."""
    to = [f"echo {n} > /proc/sys/user/max_inotify_{name}" for name, n in limits.items()]
    under = within("; ".join(to))
    if not possible(under):
        pytest.skip("needs user namespaces (unshare --user) with inotify limits of their own")
    return under


class Site:
    """Logs in directories, a configuration that names them all, and a collector."""

    def __init__(self, directory: Path, logs: Path, to: DevCollector) -> None:
        self.config = directory / "shipper.yaml"
        self.logs = logs
        self._to = to
        self._written = 0
        self.config.write_text(
            f"state: {directory}/state\n"
            f'collector: {{url: "{to.url}", retry: {{first: 0.05, cap: 0.2}}}}\n'
            f"tail: {{sweep: {SWEEP:g}s}}\n"
            f"sources: [{{name: web, paths: ['{logs}/**/*.log'], grammar: nginx_access}}]\n"
        )

    def write(self, name: str) -> None:
        """Write one line more."""
        path = self.logs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written += 1
        with path.open("ab") as log:
            log.write(numbered(self._written))

    def all_arrive(self, seconds: float) -> None:
        """Wait until what was written is there."""
        eventually(lambda: self._to.counts().total >= self._written, seconds)
        assert Arrivals(self._to).lost(range(1, self._written + 1)) == set()


@pytest.fixture
def to() -> Iterator[DevCollector]:
    with collector() as it:
        yield it


@pytest.mark.parametrize(
    ("limits", "sysctl"),
    [
        pytest.param({"instances": 0}, "max_user_instances", id="no instance"),
        pytest.param({"watches": 0}, "max_user_watches", id="no watch"),
        pytest.param({"watches": 5}, "max_user_watches", id="too few watches"),
    ],
)
def test_no_watches_left(
    tmp_path: Path, to: DevCollector, limits: dict[str, int], sysctl: str
) -> None:
    """46: Past the kernel's limit it sweeps, warns once, and `check` names limit and remedy."""
    under = limited(**limits)
    site = Site(tmp_path, tmp_path / "logs", to)
    names = [f"{number}/app.log" for number in range(12)]
    for name in names:
        site.write(name)
    with running("run", "-c", site.config, under=under) as program:
        program.wait_for("service.started")
        site.all_arrive(10)
        for name in [*names, "new/app.log"]:
            site.write(name)
        site.all_arrive(10)
        assert program.stop() == 0
    warned = [line.split()[2] for line in program.log if line.split()[1] == "warning"]
    assert warned, program.log
    assert len(warned) == len(set(warned)), program.log

    checked = shipper("check", "-c", site.config, under=under)
    assert checked.returncode == 0, checked.stderr
    assert re.search(rf"remedy: .*sysctl fs\.inotify\.{sysctl}=\d+\n", checked.stdout)


def test_watches_run_out_later(tmp_path: Path, to: DevCollector) -> None:
    """46: Directories that are made when no watch is left are swept like all others."""
    under = limited(watches=5)
    site = Site(tmp_path, tmp_path / "logs", to)
    site.write("0/app.log")
    with running("run", "-c", site.config, under=under) as program:
        program.wait_for("service.started")
        site.all_arrive(10)
        for _ in range(2):
            for number in range(20):
                site.write(f"{number}/deep/app.log")
            site.all_arrive(10)
        assert program.stop() == 0, "".join(program.log)


class Ear:
    """An inotify instance of the test's own, that hears of writes and new files below *folder*."""

    def __init__(self, folder: Path) -> None:
        kernel = ctypes.CDLL(None, use_errno=True)
        self._fd = kernel.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        watches = [
            kernel.inotify_add_watch(self._fd, os.fsencode(p), _SUCH_EVENTS)
            for p in (folder, *folder.rglob("*"))
        ]
        assert min(self._fd, *watches) >= 0, os.strerror(ctypes.get_errno())

    def heard(self) -> bytes:
        """Return the events that came since the last time."""
        try:
            return os.read(self._fd, 65_536)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        os.close(self._fd)


@contextmanager
def listening(folder: Path) -> Iterator[Ear]:
    ear = Ear(folder)
    try:
        yield ear
    finally:
        ear.close()


def test_a_mount_without_events(tmp_path: Path, to: DevCollector) -> None:
    """47: Written below an overlay, whose kernel tells nobody: there within the sweep interval."""
    for name in ("below", "nothing", "logs"):
        (tmp_path / name).mkdir()
    layers = f"lowerdir={tmp_path}/below:{tmp_path}/nothing"
    under = within(f"mount -t overlay overlay -o {layers} {tmp_path}/logs")
    if not possible(under):
        pytest.skip("needs an overlay in a mount namespace (unshare --user --mount)")
    site = Site(tmp_path, tmp_path / "logs", to)
    site.logs = tmp_path / "below"  # written here, read there
    site.write("app.log")
    site.write("old.log")
    with running("run", "-c", site.config, under=under) as program:
        program.wait_for("service.started")
        site.all_arrive(10)
        inside = Path(f"/proc/{program.process.pid}/root{tmp_path}/logs")
        with listening(inside) as ear, listening(site.logs) as control:
            for name in ["app.log", "app.log", "new.log", "old.log", "new.log"]:
                site.write(name)
                began = time.monotonic()
                site.all_arrive(SWEEP + 2)
                print(f"{name} after {time.monotonic() - began:.2f} s")  # noqa: T201
                assert control.heard()
            assert not ear.heard()
        assert program.stop() == 0
