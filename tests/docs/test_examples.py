"""What any page shows of configurations and command lines is right, whoever wrote the page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from shipper.cli import cli
from shipper.config.load import load_config
from tests.docs.book import ROOT, blocks

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
SECRET = "/run/secrets/collector-token"
_KEYS = re.compile(r"^(?:collector|sources|receiver|status|queue|tracker|grammars):", re.MULTILINE)
_SOURCES = re.compile(r"^(?:sources|receiver):", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|\| |\$\(|&& )\$? ?(shipper (?:[^|&;<>#\n]|\\\n)*)", re.MULTILINE)


def configurations() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for found in re.finditer(r"^```yaml([^\n]*)\n(.*?)^```$", page.read_text(), re.M | re.S):
            if _KEYS.search(found[2]) and "wrong" not in found[1]:
                yield page.name, found[2]


@pytest.mark.parametrize(("page", "text"), list(configurations()))
def test_a_configuration_loads(page: str, text: str, tmp_path: Path) -> None:
    """As it stands, or with the keys that it leaves out because they are not what it is about."""
    (tmp_path / "token").write_text("t0ken\n")
    text = text.replace(SECRET, str(tmp_path / "token"))
    if not re.search(r"^collector:", text, re.MULTILINE):
        text += "\ncollector: {url: 'https://collector.example.com'}\n"
    if not _SOURCES.search(text):
        text += "\nsources: [{name: a, paths: /a.log, grammar: logfmt}]\n"
    file = tmp_path / "shipper.yaml"
    file.write_text(text, encoding="utf-8")
    assert load_config(file, {"COLLECTOR_URL": "https://collector.example.com"}), page


def command_lines() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.language in ("sh", "console"):
                bare = re.sub(r"'[^'\n]*'", "QUOTED", block.text)
                for line in _COMMAND.findall(bare):
                    yield page.name, " ".join(line.replace("\\\n", " ").split())


def test_command_lines_are_seen() -> None:
    """The test below looks at something."""
    assert len(list(command_lines())) > 60


@pytest.mark.parametrize(("page", "line"), sorted(set(command_lines())))
def test_a_command_line_is_one(page: str, line: str) -> None:
    """The command is there, and has the options that it is given."""
    words = shlex.split(line)[1:]
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(click.Context(command), words.pop(0))
        assert below is not None, (page, line)
        command = below
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    known |= {"--help", "-h"}
    for word in words:
        if re.fullmatch(r"--?[a-z][a-z-]*(?:=.*)?", word):
            assert word.split("=")[0] in known, (page, line, word)
