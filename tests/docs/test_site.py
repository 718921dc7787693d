"""The documentation site: its navigation, and the pages that are made for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click
import pytest
import yaml

from docsite.commands import commands_page
from docsite.grammars import grammar_pages
from shipper.cli import cli
from shipper.grammar.library import Library
from tests.docs.book import ROOT

GENERATED = {"commands.md", "changelog.md"}


@pytest.fixture(scope="module")
def site() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return loaded


def _pages(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, list):
        for each in nav:
            yield from _pages(each)
    else:
        for each in nav.values():
            yield from _pages(each)


def test_every_page_is_in_the_navigation(site: dict[str, Any]) -> None:
    """Once, and nothing else is."""
    named = [each for each in _pages(site["nav"]) if each.endswith(".md")]
    files = {file.name for file in (ROOT / "docs").glob("*.md")}
    assert len(set(named)) == len(named)
    assert set(named) == files | GENERATED


def test_nothing_is_loaded_from_elsewhere(site: dict[str, Any]) -> None:
    """No fonts, scripts, or analytics of others; and no plugin that would bring some."""
    assert site["theme"]["font"] is False
    assert site["plugins"] == ["search"]
    assert not {"extra_javascript", "extra_css"} & site.keys()
    assert site["extra"] == {"generator": False}


def test_every_command_is_on_its_page() -> None:
    """With the help that it prints, options and all."""
    page = commands_page()

    def walk(command: click.Command, path: str) -> Iterator[str]:
        yield path
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                assert below is not None
                yield from walk(below, f"{path} {name}")

    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings == list(walk(cli, "shipper"))
    assert "Usage: shipper grammar from-fluent-bit [OPTIONS] FILE" in page
    assert "--strict" in page


def test_every_grammar_is_on_a_page() -> None:
    """With each of its fields, and an example where it makes events of lines."""
    pages = grammar_pages()
    found = [
        name for _, text in pages.values() for name in re.findall(r"^## (\w+)$", text, re.MULTILINE)
    ]
    assert sorted(found) == Library().names()
    text = pages["grammars/web-access.md"][1]
    section = text[text.index("## nginx_access\n") :].split("\n## ")[0]
    assert "| `status` | integer, 0 to 999 | response status" in section
    assert "also the column `ip`" in section
    assert '"client_ip": "203.0.113.9"' in section
