"""Tutorial and how-tos tell the truth: their files load, their commands print what they show."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from shipper.config.load import load_config
from shipper.grammar.library import Library
from tests.docs.book import ROOT, Desk, blocks, page

PAGES = sorted(
    file.name
    for file in (ROOT / "docs").glob("*.md")
    if file.name.startswith(("how-to-", "from-", "first-"))
)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """What the pages call by names of a whole machine, here."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        "127.0.0.1:9090": f"127.0.0.1:{port}",
        "/var/log/": f"{tmp_path}/log/",
        "/var/lib/": f"{tmp_path}/lib/",
    }


@pytest.mark.e2e
@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_what_it_says(
    name: str,
    places: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Its files are written, its commands are run, in their order."""
    desk = tmp_path / "desk"
    (desk / "grammars").mkdir(parents=True)
    monkeypatch.chdir(desk)
    assert Desk(places, capfd).work_through(page(name)) > 0


def test_the_readme_shows_what_a_line_becomes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same for the part of the README that every newcomer reads; and it counts right."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## What it makes of a line\n")[1].split("\n## ")[0]
    monkeypatch.chdir(tmp_path)
    assert Desk({}, capfd).work_through(section) == 2
    told = re.search(r"More than (\d+) grammars are shipped", section)
    assert told
    assert int(told[1]) < len(Library().names())


@pytest.mark.parametrize("name", PAGES)
def test_every_configuration_of_a_page_loads(name: str, tmp_path: Path) -> None:
    """What a page calls shipper.yaml is a configuration."""
    for block in blocks(page(name)):
        if block.title == "shipper.yaml":
            file = tmp_path / "shipper.yaml"
            file.write_text(block.text, encoding="utf-8")
            assert load_config(file, {}).sources


def test_the_pages_are_there() -> None:
    """A tutorial, and a how-to for each kind of log and each shipper that people come from."""
    assert {
        *("first-five-minutes.md", "how-to-nginx.md", "how-to-apache.md", "how-to-docker.md"),
        *("from-logstash.md", "from-filebeat.md", "from-fluent-bit.md"),
    } <= set(PAGES)
