"""The real program on a disk that fills, refuses and comes back, under load: nothing is lost."""

from __future__ import annotations

import resource
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.e2e.disks import (
    Load,
    Others,
    all_arrived,
    assert_calm,
    assert_whole,
    can_loop,
    can_mount,
    configure,
    count,
    has_resumed,
    on_small_disk,
    stands,
    stands_at_the_floor,
)
from tests.program import Running, eventually, running, shipper

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("min_free", ["0", "256MB"], ids=["to the brim", "with a floor"])
def test_a_disk_that_others_fill_and_free(
    tmp_path: Path, collector: DevCollector, load: Load, min_free: str
) -> None:
    """ENOSPC on a file system of 4 MB, three times: a pause, few words, all delivered.

    Where the state holds room enough for what is on its way, the program goes on meanwhile.
    """
    if not can_mount():
        pytest.skip("needs root and mount namespaces, to mount a small file system")
    config = configure(tmp_path, collector.url, min_free)
    with on_small_disk(tmp_path, config, "size=4m") as (program, disk):
        eventually(lambda: bool(collector.good()), 30)
        for _ in range(3):
            goal = collector.counts().good + 1_000
            with closing(Others(disk)):
                eventually(partial(_stands_or_sends, program, collector, goal), 30)
                assert_calm(program, unless=lambda: not stands(program))
            eventually(lambda: not stands(program), 30)
        load.stopping.set()
        load.join()
        eventually(all_arrived(collector, load), 60)
        assert count(program, "pump.paused") <= 12
        assert program.stop() == 0
    assert_whole(collector, load, None)


def _stands_or_sends(program: Running, collector: DevCollector, goal: int) -> bool:
    return stands(program) or collector.counts().good > goal


def test_a_backlog_that_fills_a_small_disk(tmp_path: Path, load: Load) -> None:
    """With the collector away the queue fills the disk to its floor; then all is delivered."""
    if not can_mount():
        pytest.skip("needs root and mount namespaces, to mount a small file system")
    with DevCollector(known_schemas(Library()), max_events=5_000_000) as collector:
        away = "http://127.0.0.1:9"
        config = configure(tmp_path, away, "256MB")
        with on_small_disk(tmp_path, config, "size=4m") as (program, _):
            # A large commit may meet the end of the disk first, as after a wait for the processor.
            eventually(lambda: stands_at_the_floor(program), 60)
            assert_calm(program)
            assert stands_at_the_floor(program)
            load.stopping.set()
            load.join()
            config.write_text(config.read_text().replace(away, collector.url))
            eventually(all_arrived(collector, load), 60)
            assert program.stop() == 0
        assert_whole(collector, load, None)


def test_a_disk_that_turns_read_only(tmp_path: Path, collector: DevCollector, load: Load) -> None:
    """EROFS under load, as kernels do it to disks that err: a pause; once mended, all is sent."""
    if not can_loop(tmp_path):
        pytest.skip("needs root, mkfs.ext4 and loop devices, to mount a disk that errs")
    config, state, image = configure(tmp_path, collector.url), tmp_path / "state", tmp_path / "img"
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
        assert_calm(program)
        assert stands(program)
        load.stopping.set()
        load.join()
        assert program.stop() in {0, 75}
    done = shipper("run", "--once", "-c", config, under=["unshare", "-m", "sh", "-c", script])
    assert done.returncode == 0, done.stderr
    assert all_arrived(collector, load)()
    assert_whole(collector, load, None)


def test_no_inode_is_left_at_the_start(tmp_path: Path, collector: DevCollector, load: Load) -> None:
    """Without an inode for its files the program waits, says so once, and begins when it can."""
    if not can_mount():
        pytest.skip("needs root and mount namespaces, to mount a small file system")
    config = configure(tmp_path, collector.url)
    state = tmp_path / "state"
    state.mkdir()
    others = " ".join(f"{state}/{n}" for n in range(9))
    mount = f"mount -t tmpfs -o size=4m,nr_inodes=10 none {state}"
    script = f'{mount} && touch {others} && exec "$0" "$@"'
    with running("run", "-c", config, under=["unshare", "-m", "sh", "-c", script]) as program:
        program.wait_for("state.unavailable")
        assert_calm(program)
        for number in range(9):
            Path(f"/proc/{program.process.pid}/root{state}/{number}").unlink()
        program.wait_for("state.available")
        load.stopping.set()
        load.join()
        eventually(all_arrived(collector, load), 60)
        assert count(program, "state.unavailable") == 1
        assert program.stop() == 0
    assert_whole(collector, load, None)


def test_a_write_that_the_system_refuses(
    tmp_path: Path, collector: DevCollector, load: Load
) -> None:
    """Writes that fail with an error of input and output (a limit on files, moved up and down)."""
    config = configure(tmp_path, collector.url)
    with running("run", "-c", config) as program:
        eventually(lambda: bool(collector.good()), 30)
        pid = program.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        for _ in range(3):
            resumed = count(program, "pump.resumed")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
            eventually(lambda: stands(program), 30)
            assert_calm(program)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            eventually(partial(has_resumed, program, resumed), 30)
        load.stopping.set()
        load.join()
        eventually(all_arrived(collector, load), 60)
        assert program.stop() == 0
    assert_whole(collector, load, config)
