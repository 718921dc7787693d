"""Tests of hints: they wake for what a source names, and nothing depends on them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from shipper.tail.glob import Glob
from shipper.tail.watch import Watch, _roots, watching
from tests.shipping import Reports


class Hints:
    """What hints told, and an event for each of the two kinds."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.written = threading.Event()
        self.moved = threading.Event()

    def __call__(self, path: str | None) -> None:
        if path is None:
            self.moved.set()
        else:
            self.paths.append(path)
            self.written.set()


def _watch(pattern: str, hints: Hints, reports: Reports | None = None) -> Watch:
    glob = Glob(pattern)
    return Watch([glob], glob.matches, hints, reports or Reports())


def test_a_named_file_gives_hints(tmp_path: Path) -> None:
    """A file that the glob names gives a hint when it appears, grows, or goes; writes name it."""
    hints, woken = Hints(), threading.Event()
    log = tmp_path / "a" / "app.log"
    log.parent.mkdir()
    watch = _watch(f"{tmp_path}/**/*.log", hints)
    watch.on_hint(woken.set)
    with watching(watch, 0.0):
        assert watch.hears_all
        log.write_text("line\n")
        assert hints.moved.wait(10)
        assert hints.written.wait(10)
        assert set(hints.paths) == {str(log)}
        hints.moved.clear()
        log.rename(tmp_path / "a" / "app.old")
        assert hints.moved.wait(10)
    assert woken.is_set()


def test_other_files_give_none(tmp_path: Path) -> None:
    """A file that no glob names gives no hint; the next one that is named does."""
    hints = Hints()
    asked: list[str] = []
    glob = Glob(f"{tmp_path}/*.log")
    watch = Watch([glob], lambda path: asked.append(path) or glob.matches(path), hints, Reports())  # type: ignore[func-returns-value]
    with watching(watch, 0.0):
        (tmp_path / "other.txt").write_text("x")
        (tmp_path / "app.log").write_text("x")
        assert hints.written.wait(10)
    assert any(path.endswith("other.txt") for path in asked)
    assert set(hints.paths) == {f"{tmp_path}/app.log"}


def test_a_root_that_appears_later_is_watched_then(tmp_path: Path) -> None:
    """A directory that is not there at the start is watched from the next tuning on."""
    hints = Hints()
    with watching(_watch(f"{tmp_path}/later/*.log", hints), 0.0) as watch:
        assert not watch.hears_all
        (tmp_path / "later").mkdir()
        watch.tune(1.0, hot=False)
        assert watch.hears_all
        (tmp_path / "later" / "app.log").write_text("line\n")
        assert hints.moved.wait(10)


@pytest.mark.parametrize("so_soon", [0.1, 1.0])
def test_nobody_listens_to_many_writes(tmp_path: Path, so_soon: float) -> None:
    """While a file is written to very often only coming and going is told; then writes again.

    What is too much for a second is so before the second is over.
    """
    hints = Hints()
    log = tmp_path / "app.log"
    with watching(_watch(f"{tmp_path}/*.log", hints), 0.0) as watch:
        with log.open("ab", buffering=0) as file:
            while len(hints.paths) <= 1_100:
                file.write(b"line\n")
        watch.tune(so_soon, hot=True)
        assert not watch.hears_all
        watch.tune(2.0, hot=True)
        assert not watch.hears_all
        heard = len(hints.paths)
        hints.moved.clear()
        with log.open("ab", buffering=0) as file:
            for _ in range(100):
                file.write(b"line\n")
        log.rename(tmp_path / "b.log")
        assert hints.moved.wait(10)
        assert len(hints.paths) == heard
        watch.tune(3.0, hot=False)
        assert watch.hears_all
        hints.written.clear()
        with (tmp_path / "b.log").open("ab") as file:
            file.write(b"line\n")
        assert hints.written.wait(10)


def test_a_root_that_stays_silent_is_told(tmp_path: Path) -> None:
    """Where sweeps find writes again and again that no hint told of, that is said, once."""
    reports, hints = Reports(), Hints()
    log = tmp_path / "app.log"
    with watching(_watch(f"{tmp_path}/*.log", hints, reports), 0.0) as watch:
        for second in range(20):
            watch.missed(str(log), float(second))
            watch.tune(float(second), hot=False)
        assert reports.of("watch.silent") == [{"path": str(tmp_path)}]
        assert not watch.hears_all
        log.write_text("line\n")
        assert hints.written.wait(10)
        watch.tune(21.0, hot=False)
        assert watch.hears_all


def test_a_directory_that_stays_silent_is_told(tmp_path: Path) -> None:
    """Where only some directories of a tree are watched, the others are told by their names."""
    reports, hints = Reports(), Hints()
    for name in ("heard", "silent"):
        (tmp_path / name).mkdir()
    with watching(_watch(f"{tmp_path}/*/*.log", hints, reports), 0.0) as watch:
        for second in range(5, 30):
            for name in ("heard", "silent"):
                watch.missed(f"{tmp_path}/{name}/app.log", float(second))
            hints.written.clear()
            (tmp_path / "heard" / "app.log").write_text(f"line {second}\n")
            assert hints.written.wait(10)
            watch.tune(float(second), hot=False)
    assert reports.of("watch.silent") == [{"path": f"{tmp_path}/silent"}]


def test_hints_that_come_late_are_no_silence(tmp_path: Path) -> None:
    """A hint that follows what a sweep found shows that all is well."""
    reports, hints = Reports(), Hints()
    log = tmp_path / "app.log"
    with watching(_watch(f"{tmp_path}/*.log", hints, reports), 0.0) as watch:
        for second in range(5, 25):
            watch.missed(str(log), float(second))
            hints.written.clear()
            with log.open("ab") as file:
                file.write(b"line\n")
            assert hints.written.wait(10)
            watch.tune(float(second), hot=False)
        assert watch.hears_all
    assert reports.all == []


def test_one_watch_for_what_lies_within_another() -> None:
    """A root below a recursive one needs no watch of its own; beside a flat one it does."""
    globs = [Glob(p) for p in ("/a/**/*.log", "/a/b/*.log", "/ab/*.log", "/c/*.log", "/c/d/*.log")]
    assert _roots(globs) == {"/a": True, "/ab": False, "/c": False, "/c/d": False}
    assert _roots([Glob("/**/*.log"), Glob("/a/*.log")]) == {"/": True}
    assert _roots([Glob("/a/*.log"), Glob("/a/**/*.log")]) == {"/a": True}
