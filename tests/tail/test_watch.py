"""Tests of hints: they wake for what a source names, and nothing depends on them."""

from __future__ import annotations

import threading
from pathlib import Path

from shipper.tail.glob import Glob
from shipper.tail.watch import Watch, _roots, watching
from tests.shipping import Reports


def _watch(pattern: str, woken: threading.Event) -> Watch:
    glob = Glob(pattern)
    watch = Watch([glob], glob.matches, lambda: None, Reports())
    watch.on_hint(woken.set)
    return watch


def test_a_named_file_wakes(tmp_path: Path) -> None:
    """A file that the glob names wakes when it appears, grows, or goes."""
    woken = threading.Event()
    log = tmp_path / "a" / "app.log"
    log.parent.mkdir()
    with watching(_watch(f"{tmp_path}/**/*.log", woken)):
        log.write_text("line\n")
        assert woken.wait(10)
        woken.clear()
        log.rename(tmp_path / "a" / "app.old")
        assert woken.wait(10)


def test_other_files_do_not_wake(tmp_path: Path) -> None:
    """A file that no glob names wakes nobody; the next one that is named does."""
    woken = threading.Event()
    with watching(_watch(f"{tmp_path}/*.log", woken)) as watch:
        hints: list[list[str]] = []
        watch._names = lambda path: hints.append([path]) or path.endswith(".log")  # type: ignore[func-returns-value]
        (tmp_path / "other.txt").write_text("x")
        (tmp_path / "app.log").write_text("x")
        assert woken.wait(10)
    assert any(path.endswith("other.txt") for (path,) in hints)


def test_a_root_that_appears_later_is_watched_then(tmp_path: Path) -> None:
    """A directory that is not there at the start is watched from the next refresh on."""
    woken = threading.Event()
    with watching(_watch(f"{tmp_path}/later/*.log", woken)) as watch:
        (tmp_path / "later").mkdir()
        watch.refresh()
        (tmp_path / "later" / "app.log").write_text("line\n")
        assert woken.wait(10)


def test_one_watch_for_what_lies_within_another() -> None:
    """A root below a recursive one needs no watch of its own; beside a flat one it does."""
    globs = [Glob(p) for p in ("/a/**/*.log", "/a/b/*.log", "/ab/*.log", "/c/*.log", "/c/d/*.log")]
    assert _roots(globs) == {"/a": True, "/ab": False, "/c": False, "/c/d": False}
    assert _roots([Glob("/**/*.log"), Glob("/a/*.log")]) == {"/": True}
    assert _roots([Glob("/a/*.log"), Glob("/a/**/*.log")]) == {"/a": True}
