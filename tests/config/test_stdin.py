"""Standard input as a path of the configuration."""

from __future__ import annotations

import pytest

from tests.config.conftest import COLLECTOR, Desk


def sources(*paths: str) -> str:
    """Return a configuration of sources with these *paths*, one on each line from the third on."""
    lines = [f"  - {{name: s{n}, grammar: logfmt, paths: {p}}}" for n, p in enumerate(paths)]
    return "\n".join([f"collector: {COLLECTOR}", "sources:", *lines, ""])


@pytest.mark.parametrize("written", ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_all_names_of_standard_input_mean_the_same(desk: Desk, written: str) -> None:
    """A dash and the system's own names become one name; the patterns are what is left."""
    (source,) = desk.load(sources(f"['{written}', /logs/a.log]")).sources
    assert source.paths == ("-", "/logs/a.log")
    assert source.stdin
    assert source.globs == ("/logs/a.log",)


def test_a_file_whose_name_is_a_dash_can_be_named(desk: Desk) -> None:
    """With a directory before it, a dash is the name of a file."""
    (source,) = desk.load(sources("/logs/-")).sources
    assert not source.stdin
    assert source.globs == ("/logs/-",)


def test_standard_input_is_read_by_one_source(desk: Desk) -> None:
    """Whoever names it second is told where it is named first, and what to do."""
    problem = desk.only(sources("'-'", "[/logs/a.log, /dev/stdin]"))
    assert problem.where == f"{desk.file}:4"
    assert problem.key == "sources[1].paths[1]"
    assert problem.what == (
        f"'/dev/stdin' is standard input, which is read already at {desk.file}:3"
    )
    assert problem.remedy == "name it in one source, once"


def test_standard_input_is_named_once_in_a_source(desk: Desk) -> None:
    """Two names of it in one source are one too many."""
    assert desk.only(sources("['-', '-']")).key == "sources[0].paths[1]"
