"""Where log files are found: real directories, links, archives, names."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from shipper.errors import DataError
from shipper.service.setup import places
from shipper.service.setup.places import PLACES, Places
from tests.nobody import as_nobody

POD = "default_web-0_0e0b5a7c-5a0f-4b57-9c1f-000000000000/web"


def write(file: Path, text: str = "a line\n", *, at: int = 1_000) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (at, at))
    return file


def test_the_well_known_places_of_a_machine(tmp_path: Path) -> None:
    """One candidate a kind of log, under its name, with what wraps its lines."""
    for name in ("nginx/access.log", "nginx/shop.access.log", "nginx/error.log", "syslog"):
        write(tmp_path / "var/log" / name)
    write(tmp_path / "var/log/pods" / POD / "0.log")

    found = {each.name: each for each in Places().known(str(tmp_path))}

    assert list(found) == ["kubernetes", "nginx_access", "nginx_error", "syslog"]
    assert found["nginx_access"].globs == (f"{tmp_path}/var/log/nginx/*access*.log*",)
    assert len(found["nginx_access"].files) == 2
    assert [each.container for each in found.values()] == ["auto", "none", "none", "none"]


def test_every_place_has_a_name_of_its_own() -> None:
    """Sources can be told apart, and their names are right in a configuration."""
    names = [place.name for place in PLACES]
    assert len(set(names)) == len(names)
    assert all(each.startswith("/var/") for place in PLACES for each in place.globs)


def test_only_globs_with_files_are_named(tmp_path: Path) -> None:
    """Of a kind of log with several places, the one that this machine has."""
    write(tmp_path / "var/log/httpd/access_log")
    (found,) = Places().known(str(tmp_path))
    assert found.globs == (f"{tmp_path}/var/log/httpd/*access_log*",)


def test_a_file_behind_two_names_is_one(tmp_path: Path) -> None:
    """Where Docker runs the pods, its files are not offered a second time."""
    identity = "ab" * 32
    real = write(tmp_path / f"var/lib/docker/containers/{identity}/{identity}-json.log")
    link = tmp_path / "var/log/pods" / POD / "0.log"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    assert [each.name for each in Places().known(str(tmp_path))] == ["kubernetes"]


def test_empty_files_are_passed_over(tmp_path: Path) -> None:
    """Nothing can be said of their lines."""
    write(tmp_path / "var/log/syslog", "")
    assert list(Places().known(str(tmp_path))) == []


def test_the_newest_plain_file_comes_first(tmp_path: Path) -> None:
    """What is written now says more than an archive does."""
    write(tmp_path / "var/log/syslog.1", at=2_000)
    write(tmp_path / "var/log/syslog", at=3_000)
    archive = write(tmp_path / "var/log/syslog.2.gz", at=4_000)
    archive.write_bytes(gzip.compress(b"x\n"))
    (found,) = Places().known(str(tmp_path))
    assert [Path(file).name for file in found.files] == ["syslog", "syslog.1", "syslog.2.gz"]


def test_a_directory_gives_a_candidate_a_log(tmp_path: Path) -> None:
    """Rotated files go with their log; files in directories below are found too."""
    for name in ("app.log", "app.log.1", "deep/er/jobs.log", "[odd] name.log"):
        write(tmp_path / name)
    found = {each.name: each for each in Places().named([str(tmp_path)])}
    assert list(found) == ["odd_name", "app", "jobs"]
    assert len(found["app"].files) == 2
    for each in found.values():
        names = Places().named(list(each.globs))
        assert [again.files for again in names] == [each.files]


def test_files_and_globs_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is itself, whatever signs are in its name; a glob is what it names."""
    write(tmp_path / "a[1].log")
    write(tmp_path / "b.txt")
    monkeypatch.chdir(tmp_path)
    one, two = Places().named(["a[1].log", "*.txt"])
    assert (one.globs, one.name) == ((f"{tmp_path}/a[[]1].log",), "a_1")
    assert two.files == (f"{tmp_path}/b.txt",)


def test_names_are_unique(tmp_path: Path) -> None:
    """Two logs of one name give sources of two."""
    write(tmp_path / "a/app.log")
    write(tmp_path / "b/app.log")
    assert [each.name for each in Places().named([str(tmp_path)])] == ["app", "app_2"]


def test_a_path_that_names_nothing(tmp_path: Path) -> None:
    """An error, with the path."""
    with pytest.raises(DataError, match=r"nothing\.log names no file"):
        list(Places().named([str(tmp_path / "nothing.log")]))


def test_a_directory_of_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants a source for each of a million files."""
    monkeypatch.setattr(places, "MOST_FILES", 1)
    write(tmp_path / "a.log")
    write(tmp_path / "b.log")
    with pytest.raises(DataError, match="2 files are below"):
        list(Places().named([str(tmp_path)]))


def test_what_may_not_be_looked_at_is_told(tmp_path: Path) -> None:
    """A closed directory is no empty one."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    closed = tmp_path / "var/log/nginx"
    write(closed / "access.log")
    closed.chmod(0)
    looked = Places()
    try:
        with as_nobody():
            assert list(looked.known(str(tmp_path))) == []
    finally:
        closed.chmod(0o700)
    assert list(looked.blind) == [str(closed)]
