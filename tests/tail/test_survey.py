"""Tests of the survey: which file belongs to which source."""

from __future__ import annotations

import os
from pathlib import Path

from shipper.tail.glob import Exclude, Found, Glob
from shipper.tail.survey import Look, Source, look_of, recordable, survey


def _source(name: str, *patterns: str) -> Source:
    return Source(name, tuple(Glob(pattern) for pattern in patterns), Exclude([]))


def test_a_file_has_one_node_and_many_names(tmp_path: Path) -> None:
    """All names of a file are gathered under its node, each under the first source with it."""
    (tmp_path / "a.log").touch()
    os.link(tmp_path / "a.log", tmp_path / "b.log")
    (tmp_path / "c.log").symlink_to("a.log")
    sources = [_source("one", f"{tmp_path}/b.*"), _source("two", f"{tmp_path}/*.log")]
    (places,) = survey(sources, Found(), lambda _: None).values()
    assert (places[0].source, Path(places[0].path).name) == ("one", "b.log")
    assert sorted(Path(place.path).name for place in places) == ["a.log", "b.log", "c.log"]


def test_names_that_are_no_text_are_told(tmp_path: Path) -> None:
    """A name that is not UTF-8 is told and left out."""
    with open(os.fsencode(tmp_path) + b"/\xff.log", "wb"):  # noqa: PTH123  # a name in bytes
        pass
    told: list[str] = []
    assert survey([_source("one", f"{tmp_path}/*")], Found(), told.append) == {}
    assert told == [f"{tmp_path}/\udcff.log"]


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
