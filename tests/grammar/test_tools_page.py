"""The page about the tools tells the truth: its commands are run, and print what it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from shipper.cli import run_cli
from shipper.cli.grammar import grammar

PAGE = Path(__file__).parents[2] / "docs" / "grammar-tools.md"
TEXT = PAGE.read_text(encoding="utf-8")
ANYTHING = "…"
OWN_OPTIONS = ("lint", "schema", "diff", "from-nginx", "from-logstash", "from-filebeat")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command of the page, in order, with the lines that it shows."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            yield command, shown


def as_pattern(shown: list[str]) -> str:
    """Return the expression of what is shown: … stands for anything, alone for several lines."""
    lines = [
        "(?:.*\n)*?"
        if line == ANYTHING
        else re.escape(line).replace(re.escape(ANYTHING), ".*") + "\n"
        for line in shown
    ]
    return "".join(lines)


def test_the_commands_print_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One after the other, in a directory with the grammar and the log of the page."""
    monkeypatch.chdir(tmp_path)
    Path("grammars").mkdir()
    Path("converted").mkdir()
    Path("parsers.conf").write_text(blocks('ini title="parsers.conf"')[0])
    Path("grammars/door.yaml").write_text(blocks("yaml")[0])
    Path("doors.log").write_text(blocks("text")[0])
    for command, shown in commands():
        words = shlex.split(command)
        if words[0] == "shipper":
            run_cli(words[1:])
        else:
            subprocess.run(words, check=True)
        out, err = capfd.readouterr()
        assert re.fullmatch(as_pattern(shown), out + err), (command, out + err)


def test_every_tool_and_rule_is_on_the_page() -> None:
    """Each command of `shipper grammar`, with its own options."""
    for name, command in grammar.commands.items():
        if name != "test":
            assert re.search(rf"`(?:shipper grammar )?{name}\b", TEXT), name
        own = [option for option in command.params if isinstance(option, click.Option)]
        for option in own if name in OWN_OPTIONS else ():
            if option.name not in ("directories", "pattern_directories"):
                assert f"{option.opts[-1]}" in TEXT, (name, option.opts)
