"""The real program when its disk says no while it runs: a quota, read-only, no inodes left."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.e2e.disks import (
    Load,
    all_arrived,
    assert_calm,
    assert_whole,
    can_mount,
    configure,
    count,
    has_resumed,
    on_small_disk,
    stands,
)
from tests.program import Running, eventually, running, shipper

pytestmark = pytest.mark.e2e

_VOLUME = "0/256"  # the first subvolume's


def _can_limit(image: Path) -> bool:
    """Make a file system that keeps quotas, with the subvolume `state`; tell whether it can be."""
    if not shutil.which("mkfs.btrfs"):
        return False
    subprocess.run(["truncate", "-s", "128m", image], check=True)
    subprocess.run(["mkfs.btrfs", "-q", image], check=True, capture_output=True)
    script = (
        f"mount -o loop {image} /mnt && btrfs quota enable /mnt "
        "&& btrfs -q subvolume create /mnt/state"
    )
    return subprocess.run(["unshare", "-m", "sh", "-c", script], check=False).returncode == 0


def test_a_quota_that_is_used_up(tmp_path: Path, collector: DevCollector, load: Load) -> None:
    """EDQUOT of a real quota under load: whatever it does to the program, nothing is lost.

    The file system copies on write, so the kernel can't give a page of SQLite's shared memory and
    ends the process with SIGBUS; others let it pause.
    """
    image, state = tmp_path / "img", tmp_path / "state"
    if not _can_limit(image):
        pytest.skip("needs root, mkfs.btrfs and loop devices, to mount a disk with quotas")
    config = configure(tmp_path, collector.url)
    state.mkdir()
    mount = f"mount -o loop {image} /mnt && mount --bind /mnt/state {state}"
    limit = ["btrfs", "qgroup", "limit"]
    under = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$0" "$@"']
    with running("run", "-c", config, under=under) as program:
        eventually(lambda: bool(collector.good()), 30)
        enter = ["nsenter", "-t", str(program.process.pid), "-m"]
        subprocess.run([*enter, *limit, "16k", _VOLUME, "/mnt"], check=True)
        eventually(lambda: stands(program) or program.process.poll() is not None, 30)
        load.stopping.set()
        load.join()
    assert program.process.returncode in {-signal.SIGBUS, -signal.SIGKILL}
    under[-1] = f'{mount} && {" ".join(limit)} none {_VOLUME} /mnt && exec "$0" "$@"'
    done = shipper("run", "--once", "-c", config, under=under)
    assert done.returncode == 0, done.stderr
    assert all_arrived(collector, load)()
    assert_whole(collector, load, None)


@contextmanager
def _failing(program: Running, error: str) -> Iterator[None]:
    """Let each write to a file of the state fail with *error*, as the kernel would say it."""
    calls = "pwrite64,pwritev,ftruncate,fallocate"
    what = ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]
    pid = str(program.process.pid)
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", *what, "-p", pid])
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)  # then it lets go, and the program goes on
        tracer.wait(30)


@pytest.mark.parametrize("error", ["EROFS", "EDQUOT"])
def test_writes_that_the_kernel_refuses_for_a_while(
    tmp_path: Path, collector: DevCollector, load: Load, error: str
) -> None:
    """Read-only or over a quota, under load: a pause, few words; with the end of it all goes on.

    No disk that holds open files can be made read-only and writable again while they are open: so
    the answers of the kernel are put in place of its own.
    """
    if not shutil.which("strace") or os.geteuid():
        pytest.skip("needs strace and root, to let system calls of a program fail")
    config = configure(tmp_path, collector.url)
    with running("run", "-c", config) as program:
        eventually(lambda: bool(collector.good()), 30)
        with _failing(program, error):
            eventually(partial(stands, program), 30)
            assert_calm(program, 2.0)
            assert stands(program)
        eventually(partial(has_resumed, program, 0), 30)
        _assert_all(program, collector, load)
    assert_whole(collector, load, config)


def test_no_inode_is_left_while_it_runs(
    tmp_path: Path, collector: DevCollector, load: Load
) -> None:
    """What runs needs no new file: lines go on to arrive, through a reload as well."""
    if not can_mount():
        pytest.skip("needs root and mount namespaces, to mount a small file system")
    config = configure(tmp_path, collector.url)
    with on_small_disk(tmp_path, config, "size=8m,nr_inodes=12") as (program, disk):
        eventually(lambda: bool(collector.good()), 30)
        with pytest.raises(OSError, match="No space left"):
            _touch_many(disk)
        config.write_text(config.read_text().replace("cap: 0.2", "cap: 0.3"))
        program.wait_for("config.reloaded")
        before = load.lines
        eventually(lambda: load.lines > before + 200, 30)
        _assert_all(program, collector, load)
        assert not count(program, "pump.paused")
    assert_whole(collector, load, None)


@pytest.mark.parametrize("end", ["stop", "reload"])
def test_what_was_delivered_is_not_sent_again(tmp_path: Path, end: str) -> None:
    """A disk that errs when the answer comes, and not at the end: that is put on record then."""
    programs: list[Running] = []

    def refuse_writes(_method: str, _target: str, _body: bytes) -> None:
        pid = programs[0].process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))

    with DevCollector(known_schemas(Library()), intercept=refuse_writes) as collector:
        config = configure(tmp_path, collector.url)
        config.write_text(
            config.read_text().replace("first: 0.05, cap: 0.2", "first: 600, cap: 600")
        )
        with running("run", "-c", config) as program:
            programs.append(program)
            program.wait_for("service.started")
            line = '192.0.2.9 - - [23/Nov/2026:10:00:00 +0000] "GET /1 HTTP/1.1" 200 5 "-" "x"\n'
            (tmp_path / "access.log").write_text(line)
            program.wait_for("queue.unsettled")
            _, hard = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            if end == "reload":
                config.write_text(config.read_text().replace("cap: 600", "cap: 601"))
                program.wait_for("queue.settled")
            assert program.stop() == 0
        done = shipper("audit", "-c", config)
        assert done.returncode == 0, done.stdout
        assert shipper("run", "--once", "-c", config).returncode == 0
        assert len(list(collector.good())) == 1


def _touch_many(disk: Path) -> None:
    for number in range(1_000):
        (disk / f"other-{number}").touch()


def _assert_all(program: Running, collector: DevCollector, load: Load) -> None:
    load.stopping.set()
    load.join()
    eventually(all_arrived(collector, load), 60)
    assert program.stop() == 0
