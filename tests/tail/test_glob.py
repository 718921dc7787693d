"""Tests of globs and excludes, against Python's own `glob` on real trees."""

from __future__ import annotations

import errno
import glob as reference
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.tail.glob import Exclude, Found, Glob

TREE = [
    "app.log",
    "app.log.1",
    "app[1].log",
    ".hidden.log",
    "a/app.log",
    "a/b/app.log",
    "a/b/c/deep.log",
    "a/.git/app.log",
    "a/b/.x.log",
    "b/error.log",
    "b/Error.LOG",
    "b/new\nline.log",
    "b/umlaut-ä.log",
    "c/x-1.log",
    "c/x-2.log",
    "c/x-!.log",
    "c/x-^.log",
    "c/x-].log",
    "c/back\\slash.log",
]
PATTERNS = [
    "app.log",
    "*.log",
    "*",
    ".*",
    "?pp.log",
    "*/app.log",
    "*/*/app.log",
    "**/app.log",
    "**/*.log",
    "**",
    "**/**/*.log",
    "a/**",
    "a/**/b/**/*.log",
    "a/**/app.log",
    "**/b/*",
    "a/.git/*.log",
    "c/x-[12].log",
    "c/x-[!1].log",
    "c/x-[]].log",
    "c/x-[]^]*",
    "c/x-[^1].log",
    "c/x-[0-9].log",
    "app[[]1].log",
    "app[.log*",
    "c/back\\slash.log",
    "[ab]/*.log",
    "*/[!.]*.log",
    "no/such/*.log",
    "*.log/*",
    "app.log/*",
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def _find(pattern: str) -> Found:
    found = Found()
    Glob(pattern).find(found)
    return found


@pytest.mark.parametrize("pattern", PATTERNS)
def test_finds_what_a_shell_finds(tree: Path, pattern: str) -> None:
    """A pattern names the files that Python's glob names, and reports nothing as unreadable."""
    found = _find(f"{tree}/{pattern}")
    expected = reference.glob(f"{tree}/{pattern}", recursive=True)  # noqa: PTH207  # the reference
    assert sorted(found.files) == sorted({path for path in expected if Path(path).is_file()})
    assert found.blind == {}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_matches_what_it_finds(tree: Path, pattern: str) -> None:
    """`matches` says of each path what `find` says, without looking."""
    glob = Glob(f"{tree}/{pattern}")
    every = [str(tree / name) for name in TREE]
    assert [path for path in every if glob.matches(path)] == [
        path for path in every if path in _find(glob.pattern).files
    ]


@settings(max_examples=150)
@given(
    pattern=st.text(alphabet="ab.*?[]!^-\\", min_size=1, max_size=8),
    names=st.lists(
        st.text(alphabet="ab.[]!^-\\", min_size=1, max_size=4), min_size=1, max_size=8, unique=True
    ),
)
def test_any_pattern_on_any_names(pattern: str, names: list[str]) -> None:
    """Whatever a person writes as a pattern, it names what Python's glob names, and is no error."""
    with tempfile.TemporaryDirectory() as folder:
        for name in set(names) - {".", ".."}:
            Path(folder, name).touch()
        found = _find(f"{folder}/{pattern}") if pattern not in (".", "..") else Found()
        assert all(Glob(f"{folder}/{pattern}").matches(path) for path in found.files)
        if pattern.strip("*") and pattern not in (".", ".."):
            expected = reference.glob(f"{folder}/{pattern}")  # noqa: PTH207  # the reference
            assert sorted(found.files) == sorted(expected)


def test_links_are_followed_where_named_and_not_by_globstar(tree: Path) -> None:
    """A linked directory is entered where the pattern names it, so a loop can't trap the walk."""
    (tree / "loop").mkdir()
    (tree / "loop" / "app.log").touch()
    (tree / "loop" / "again").symlink_to(tree / "loop")
    named = _find(f"{tree}/loop/again/*.log")
    assert list(named.files) == [f"{tree}/loop/again/app.log"]
    assert list(_find(f"{tree}/loop/**/*.log").files) == [f"{tree}/loop/app.log"]
    assert len(_find(f"{tree}/loop/*/*.log").files) == 1


def test_a_link_to_a_file_is_the_file(tmp_path: Path) -> None:
    """A link to a file counts with its target's status; one that dangles is nothing."""
    (tmp_path / "data").write_bytes(b"12345")
    (tmp_path / "a.log").symlink_to("data")
    (tmp_path / "b.log").symlink_to("nowhere")
    found = _find(f"{tmp_path}/*.log")
    assert {path: status.st_size for path, status in found.files.items()} == {
        f"{tmp_path}/a.log": 5
    }
    assert not found.blind


def test_what_cannot_be_looked_at_is_reported(tmp_path: Path) -> None:
    """A loop of links and a name too long are blind spots, not absent files."""
    (tmp_path / "loop").symlink_to("loop")
    assert _find(f"{tmp_path}/loop").blind[f"{tmp_path}/loop"].errno == errno.ELOOP
    assert _find(f"{tmp_path}/loop/*.log").blind[f"{tmp_path}/loop"].errno == errno.ELOOP
    name = "x" * 300
    assert _find(f"{tmp_path}/{name}/*.log").blind[f"{tmp_path}/{name}"].errno == errno.ENAMETOOLONG


def test_a_file_in_the_place_of_a_directory_is_an_absence(tmp_path: Path) -> None:
    """Where a file stands in the place of a directory, there is nothing below it."""
    (tmp_path / "file").touch()
    found = _find(f"{tmp_path}/file/*.log")
    assert (found.files, found.blind) == ({}, {})


def test_a_directory_that_may_not_be_listed_is_blind(tmp_path: Path) -> None:
    """An unreadable directory is reported; what stands beside it is found."""
    (tmp_path / "shut").mkdir(mode=0)
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open" / "a.log").touch()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65_534)
    try:
        found = _find(f"{tmp_path}/**/*.log")
    finally:
        if was_root:
            os.seteuid(0)
        (tmp_path / "shut").chmod(0o700)
    assert list(found.files) == [f"{tmp_path}/open/a.log"]
    assert list(found.blind) == [f"{tmp_path}/shut"]


def test_the_root_is_the_directory_to_watch(tmp_path: Path) -> None:
    """The root is the part before the first magic segment."""
    assert Glob("/var/log/*.log").root == "/var/log"
    assert Glob("/var/log/app.log").root == "/var/log"
    assert Glob("/var/*/app.log").root == "/var"
    assert Glob("/*.log").root == "/"
    assert not Glob("/var/log/*.log").recursive
    assert Glob("/var/log/**/*.log").recursive
    assert Glob("/var/log/../log//*.log").pattern == "/var/log/*.log"


def test_repeated_globstars_are_one() -> None:
    """A pattern of many globstars costs no more than one."""
    glob = Glob("/a" + "/**" * 12 + "/*.log")
    assert glob.matches("/a/b/c/d.log")
    assert not glob.matches("/a/" + "b/" * 40 + "c")


@pytest.mark.parametrize(
    ("pattern", "path", "left_alone"),
    [
        ("*.tmp", "/logs/a/b.tmp", True),
        ("*.tmp", "/logs/a.tmp/b.log", False),
        ("*.tmp", "/logs/.hidden.tmp", True),
        ("app.log", "/logs/app.log", True),
        ("app.log", "/logs/my-app.log", False),
        ("/logs/*.log", "/logs/a.log", True),
        ("/logs/*.log", "/logs/a/b.log", False),
        ("/logs/archive/**", "/logs/archive/a/b.log", True),
        ("/**/archive/*.log", "/logs/x/archive/b.log", True),
        ("/**/archive/*.log", "/archive/b.log", True),
        ("/**/archive/*.log", "/logs/archive/x/b.log", False),
        ("/**/b.log", "/b.log", True),
        ("[ab].log", "/logs/b.log", True),
    ],
)
def test_excludes(pattern: str, path: str, left_alone: bool) -> None:
    """A pattern without a slash speaks of the file's name, one with a slash of the whole path."""
    assert Exclude([pattern]).matches(path) is left_alone


def test_no_exclude_leaves_nothing_alone() -> None:
    """Without patterns nothing is excluded."""
    assert not Exclude([]).matches("/logs/app.log")
