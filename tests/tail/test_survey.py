"""Tests of the survey: which file belongs to which source, and what changed since the last look."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from shipper.tail.checkpoint import Node
from shipper.tail.glob import Exclude, Glob
from shipper.tail.listing import Listings
from shipper.tail.survey import Look, News, Source, Survey, look_of, recordable
from tests.nobody import as_nobody


def _source(name: str, *patterns: str, exclude: tuple[str, ...] = ()) -> Source:
    return Source(name, tuple(Glob(pattern) for pattern in patterns), Exclude(exclude))


def _survey(*sources: Source) -> Survey:
    return Survey(sources, lambda _: None)


def _node(path: Path) -> Node:
    status = path.stat()
    return Node.of(status.st_dev, status.st_ino)


_NOTHING = News(set(), set())


def test_a_file_has_one_node_and_many_names(tmp_path: Path) -> None:
    """All names of a file are gathered under its node, each under the first source with it."""
    (tmp_path / "a.log").touch()
    os.link(tmp_path / "a.log", tmp_path / "b.log")
    (tmp_path / "c.log").symlink_to("a.log")
    survey = _survey(_source("one", f"{tmp_path}/b.*"), _source("two", f"{tmp_path}/*.log"))
    assert survey.look() == ({_node(tmp_path / "a.log")}, set())
    (places,) = survey.places.values()
    assert (places[0].source, Path(places[0].path).name) == ("one", "b.log")
    assert [Path(place.path).name for place in places] == ["b.log", "a.log", "c.log"]


def test_names_that_are_no_text_are_told(tmp_path: Path) -> None:
    """A name that is not UTF-8 is told and left out."""
    with open(os.fsencode(tmp_path) + b"/\xff.log", "wb"):  # noqa: PTH123  # a name in bytes
        pass
    told: list[str] = []
    survey = Survey([_source("one", f"{tmp_path}/*")], told.append)
    assert survey.look() == _NOTHING
    assert survey.places == {}
    assert told == [f"{tmp_path}/\udcff.log"]


def test_only_what_changed_is_news(tmp_path: Path) -> None:
    """A second look tells of the file that grew, the one that came, and the one that went."""
    for name in ("quiet.log", "grows.log", "goes.log"):
        (tmp_path / name).write_text("1\n")
    survey = _survey(_source("one", f"{tmp_path}/*.log"))
    assert len(survey.look().changed) == 3
    assert survey.look() == _NOTHING
    gone = _node(tmp_path / "goes.log")
    with (tmp_path / "grows.log").open("a") as file:
        file.write("2\n")
    (tmp_path / "goes.log").rename(tmp_path / "goes.txt")
    (tmp_path / "new.log").touch()
    nodes = {_node(tmp_path / name) for name in ("grows.log", "new.log")}
    assert survey.look() == (nodes, {gone})
    assert gone not in survey.places
    assert survey.look() == _NOTHING


def test_a_rename_is_a_change_of_names(tmp_path: Path) -> None:
    """A file that was renamed within the glob is not gone; its place has the new name."""
    (tmp_path / "a.log").write_text("1\n")
    survey = _survey(_source("one", f"{tmp_path}/*.log*"))
    survey.look()
    node = _node(tmp_path / "a.log")
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    (tmp_path / "a.log").write_text("other\n")
    assert survey.look() == ({node, _node(tmp_path / "a.log")}, set())
    assert [place.path for place in survey.places[node]] == [f"{tmp_path}/a.log.1"]
    assert survey.node(f"{tmp_path}/a.log.1") == node
    assert survey.node(f"{tmp_path}/b.log") is None


def test_a_file_put_in_the_place_of_another(tmp_path: Path) -> None:
    """A name that leads to another file by now: the old one is gone, the new one is news."""
    (tmp_path / "a.log").write_text("1\n")
    survey = _survey(_source("one", f"{tmp_path}/a.log"))
    survey.look()
    old = _node(tmp_path / "a.log")
    (tmp_path / "b").write_text("2\n")
    (tmp_path / "b").rename(tmp_path / "a.log")
    assert survey.look() == ({_node(tmp_path / "a.log")}, {old})


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    """What is no regular file has no place."""
    (tmp_path / "a.log").write_text("1\n")
    survey = _survey(_source("one", f"{tmp_path}/*.log"))
    survey.look()
    (tmp_path / "a.log").unlink()
    (tmp_path / "a.log").mkdir()
    assert len(survey.look().gone) == 1
    assert survey.places == {}
    assert survey.look() == _NOTHING


def test_what_is_excluded_has_no_place(tmp_path: Path) -> None:
    """What one source excludes another may have."""
    for name in ("a.log", "b.log"):
        (tmp_path / name).touch()
    survey = _survey(
        _source("one", f"{tmp_path}/*.log", exclude=("a*",)), _source("two", f"{tmp_path}/*.log")
    )
    survey.look()
    owners = {Path(p.path).name: p.source for places in survey.places.values() for p in places}
    assert owners == {"a.log": "two", "b.log": "one"}


def test_a_place_that_is_blind_stays_as_it_was(tmp_path: Path) -> None:
    """Files of a directory that can't be listed are not gone, until it shows that they are."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_text("1\n")
    survey = _survey(_source("one", f"{logs}/*.log"))
    survey.look()
    logs.chmod(0)
    with as_nobody():
        assert survey.look() == _NOTHING
    assert list(survey.blind) == [str(logs)]
    assert len(survey.places) == 1
    logs.chmod(0o755)
    shutil.rmtree(logs)
    logs.mkdir()
    assert len(survey.look().gone) == 1


@pytest.mark.parametrize("pattern", ["*.log", "**/*.log", "*/*.log", "**"])
def test_an_unchanged_directory_keeps_its_listing(tmp_path: Path, pattern: str) -> None:
    """What is listed twice the same is the same object; what changed is not, and is seen."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.log").touch()
    disk = Listings()
    glob = Glob(f"{tmp_path}/{pattern}")
    first, listing = glob.paths(disk), disk.of(str(tmp_path))
    disk.look()
    assert glob.paths(disk) == first
    assert disk.of(str(tmp_path)) is listing
    (tmp_path / "b.log").touch()
    disk.look()
    assert (f"{tmp_path}/b.log" in glob.paths(disk)) == (pattern != "*/*.log")
    assert disk.of(str(tmp_path)) is not listing


def test_what_is_text() -> None:
    """Any Unicode name is text; a lone surrogate is none."""
    assert recordable("/logs/ä-日本-😀?.log")
    assert not recordable("/logs/\udce9.log")


def test_a_look_shows_size_and_time(tmp_path: Path) -> None:
    """A look changes when the size or the modification time does."""
    file = tmp_path / "a"
    file.write_bytes(b"123")
    os.utime(file, ns=(5, 7))
    assert look_of(file.stat()) == Look(3, 7)
