"""docs/scale.md: its figures are what the commands print, its configurations are whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.sizing import Sizes, measure, requests, told
from shipper.config.load import load_config
from shipper.config.models import SourceConfig
from shipper.tail.glob import Exclude, Glob

PAGE = (Path(__file__).parents[1] / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sizes() -> Sizes:
    return measure()


def test_the_tables_are_what_the_command_prints(sizes: Sizes) -> None:
    """`python -m benchmarks.sizing` prints both tables as they stand on the page."""
    lines = PAGE.splitlines()
    assert [line for line in told(sizes, 100, 180_000) if line not in lines] == []


def test_requests_are_those_that_were_measured() -> None:
    """The arithmetic gives the events a request that docs/delivery.md has measured."""
    measured = {(0.02, 50): 2, (0.02, 300): 7, (0.05, 300): 16}
    for (linger, rate), events in measured.items():
        assert rate / requests(rate, linger, full=272) == pytest.approx(events, abs=0.5)


def test_a_full_request_does_not_wait() -> None:
    """A busy node sends full requests, however long it may linger."""
    assert requests(100_000, 60, full=272) == pytest.approx(100_000 / 272)


def _sources(tmp_path: Path, mark: str) -> list[SourceConfig]:
    found: list[SourceConfig] = []
    for number, text in enumerate(re.findall(rf"^```yaml{mark}\n(.*?)^```$", PAGE, re.S | re.M)):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text, encoding="utf-8")
        found += load_config(file, {}).sources
    return found


def test_every_configuration_loads(tmp_path: Path) -> None:
    """Each configuration on the page is valid."""
    assert len(_sources(tmp_path, "(?: partition)?")) == PAGE.count("```yaml") == 4


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("/logs/0/a.log", "low"),
        ("/logs/7f/b/c.log", "low"),
        ("/logs/8/a.log", "high"),
        ("/logs/fe/deep/er/a.log", "high"),
        ("/logs/other/a.log", "rest"),
        ("/logs/Zebra/a.log", "rest"),
        ("/logs/loose.log", "rest"),
    ],
)
def test_every_file_has_one_reader(path: str, reader: str, tmp_path: Path) -> None:
    """The partitions leave no file out, and none has two."""
    takers = [
        source.name
        for source in _sources(tmp_path, " partition")
        if any(Glob(str(glob)).matches(path) for glob in source.paths)
        and not Exclude(map(str, source.exclude)).matches(path)
    ]
    assert takers == [reader]
