"""Tests of the fleet that are no stories: limits, names, what a busy state does to a sweep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.errors import StateBusyError
from shipper.event.piece import Inline
from shipper.tail.checkpoint import Checkpoint, Sighting
from shipper.tail.chunk import Limits
from shipper.tail.fleet import Fleet
from shipper.tail.survey import Place
from tests.shipping import GRACE, Make, open_descriptors, shippers


@pytest.fixture
def ship(tmp_path: Path) -> Iterator[Make]:
    with shippers(tmp_path) as make:
        yield make


def test_names_what_a_source_reads(ship: Make) -> None:
    """A hint is for us if some source names the path and does not exclude it."""
    shipper = ship("nothing")
    shipper.restart(
        shipper.source("a", "*.log", exclude=["*.tmp.log"]), shipper.source("b", "b/**/*.txt")
    )
    path = shipper.logs.path
    assert shipper.fleet.names(str(path("app.log")))
    assert shipper.fleet.names(str(path("b/c/d/x.txt")))
    assert not shipper.fleet.names(str(path("app.tmp.log")))
    assert not shipper.fleet.names(str(path("c/x.txt")))


def test_excluded_files_are_not_read(ship: Make) -> None:
    """What one source excludes another may still name."""
    shipper = ship("nothing")
    shipper.restart(
        shipper.source("most", "*.log", exclude=["x*"]), shipper.source("rest", "x.log")
    )
    for name in ("a.log", "x.log", "xyz.log"):
        shipper.logs.append(name, name)
    assert sorted(shipper.new_lines()) == ["a.log", "x.log"]


def test_more_files_than_may_be_open(ship: Make) -> None:
    """Quiet files rest, closed, while others are read; each line comes once."""
    shipper = ship("*.log", limits=Limits(open_files=10))
    names = [f"{number}.log" for number in range(50)]
    for name in names:
        shipper.logs.append(name, f"first {name}")
    before = open_descriptors()
    assert sorted(shipper.new_lines()) == sorted(f"first {name}" for name in names)
    assert open_descriptors() - before <= 10
    assert len(shipper.fleet.tailers()) == 10
    for name in names[::3]:
        shipper.logs.append(name, f"second {name}")
    assert sorted(shipper.new_lines()) == sorted(f"second {name}" for name in names[::3])
    assert shipper.reports.names().count("files.crowded") == 1


def test_files_that_rest_are_renamed_and_deleted(ship: Make) -> None:
    """A resting file that is rotated out of sight with unread lines is found and read on."""
    shipper = ship("*.log", limits=Limits(open_files=4))
    for number in range(12):
        shipper.logs.append(f"{number}.log", f"first {number}")
    shipper.new_lines()
    for number in range(12):
        shipper.logs.append(f"{number}.log", f"second {number}")
        shipper.logs.rename(f"{number}.log", f"{number}.old")
    assert sorted(shipper.new_lines()) == sorted(f"second {n}" for n in range(12))
    assert not shipper.after_grace().fleet.tailers()


def test_a_resting_file_that_was_written_anew(ship: Make) -> None:
    """A resting file that was truncated, or written anew, is a new life."""
    shipper = ship("*.log", limits=Limits(open_files=2))
    for number in range(6):
        shipper.logs.append(f"{number}.log", f"first {number}", "and more")
    shipper.new_lines()
    for number in range(6):
        shipper.logs.truncate(f"{number}.log")
        shipper.logs.append(f"{number}.log", f"anew {number}")
    assert sorted(shipper.new_lines()) == [f"anew {n}" for n in range(6)]


def test_many_empty_files_leave_room(ship: Make) -> None:
    """Empty files rest as well: they do not keep others from being read."""
    shipper = ship("*.log", limits=Limits(open_files=5))
    for number in range(20):
        shipper.logs.write(f"empty-{number}.log", b"")
    shipper.turn(3)
    shipper.logs.append("full.log", "line")
    shipper.logs.append("empty-7.log", "no more")
    assert sorted(shipper.new_lines()) == ["line", "no more"]


def test_a_descriptor_that_fails_is_a_trouble(ship: Make) -> None:
    """A file that can't be read just now is reported once; the others are read."""
    shipper = ship("*.log")
    for name in ("bad.log", "good.log"):
        shipper.logs.append(name, name)
    shipper.catch_up()
    (bad,) = [t for t in shipper.fleet.tailers() if t.path.endswith("bad.log")]
    fd, directory = bad.face.fileno(), os.open("/", os.O_RDONLY)
    kept = os.dup(fd)
    os.dup2(directory, fd)  # reading from a directory is an error
    for name in ("bad.log", "good.log"):
        shipper.logs.append(name, f"more {name}")
    shipper.turn(5)
    assert shipper.lines()[2:] == ["more good.log"]
    assert len(shipper.reports.of("file.unreadable")) == 1
    os.dup2(kept, fd)
    os.close(kept)
    os.close(directory)
    assert shipper.catch_up().lines()[3:] == ["more bad.log"]


class _Books:
    """Books that can't be written while `busy`."""

    def __init__(self, books: object) -> None:
        self._books = books
        self.busy = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._books, name)

    def begin(self, sighting: Sighting) -> Checkpoint:
        self._check()
        return self._books.begin(sighting)  # type: ignore[attr-defined, no-any-return]

    def finish(self, checkpoint: Checkpoint, lost_bytes: int, *, why: str = "") -> None:
        self._check()
        self._books.finish(checkpoint, lost_bytes, why=why)  # type: ignore[attr-defined]

    def _check(self) -> None:
        if self.busy:
            raise StateBusyError("busy")


def test_books_that_cannot_be_written_just_now(ship: Make) -> None:
    """A sweep that is cut short by a busy state is taken up again, and forgets nothing."""
    shipper = ship("nothing")
    books = _Books(shipper.fleet._roster.books)
    sources = [shipper.source("logs", "*.log")]
    shipper.fleet = Fleet(sources, books, shipper.reports, limits=Limits(), grace=GRACE)  # type: ignore[arg-type]
    shipper.pump._fleet = shipper.fleet
    shipper.pump._parser = Inline({"logs": shipper.pump._parser.recipes["logs"]})
    shipper.logs.append("kept.log", "1")
    shipper.logs.append("truncated.log", "2", "3")
    shipper.catch_up()
    shipper.logs.append("new.log", "4")
    shipper.logs.truncate("truncated.log")
    shipper.logs.append("truncated.log", "5")
    shipper.logs.rename("kept.log", "kept.old")
    shipper.logs.append("kept.old", "6")
    books.busy = True
    shipper.turn(3)
    assert shipper.pump.paused == "busy"
    books.busy = False
    assert sorted(shipper.new_lines()) == ["1", "2", "3", "4", "5", "6"]


def test_a_name_that_changes_hands_during_the_sweep(ship: Make) -> None:
    """A name that by now leads to a file that is held already does not open it twice."""
    shipper = ship("*.log")
    shipper.logs.append("a.log", "line")
    shipper.catch_up()
    path = shipper.logs.path("b.log")
    path.touch()
    place = Place("logs", str(path), path.stat())
    path.unlink()
    os.link(shipper.logs.path("a.log"), path)
    before = open_descriptors()
    assert shipper.fleet._reception.open(place, shipper.clock.monotonic)
    assert open_descriptors() == before
    shipper.logs.append("a.log", "more")
    assert shipper.new_lines() == ["line", "more"]


def test_nothing_is_left_open(ship: Make) -> None:
    """Closing the fleet closes all descriptors, those of newcomers included."""
    before = open_descriptors()
    shipper = ship("*.log")
    for number in range(5):
        shipper.logs.append(f"{number}.log", "line")
        shipper.logs.write(f"half-{number}.log", b"no end")
    shipper.catch_up()
    shipper.stop()
    assert open_descriptors() == before
    shipper.start()
