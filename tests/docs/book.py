"""Pages of the documentation as they are meant: files to write, commands to run, what they print.

A fence with `title="FILE"` is a file. In a fence of the language ``console`` a line that begins
with ``$`` is a command, and the lines behind it are what it prints: … stands for anything, and
alone on a line for any lines. A command that ends with & goes on in the background.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from shipper.cli import run_cli

ROOT = Path(__file__).parents[2]
ANYTHING = "…"

_FENCE = re.compile(r"^(`{3,})(\w+)([^\n]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_SHELL = re.compile(r"[|&<>]")


class Block(NamedTuple):
    """A fence of a page: its language, the file that it is (or empty), its text."""

    language: str
    title: str
    text: str


class Command(NamedTuple):
    """A command, and the lines that it prints."""

    line: str
    shown: list[str]


def page(name: str) -> str:
    """The text of a page below docs."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(text: str) -> Iterator[Block]:
    """Every fence, in order."""
    for found in _FENCE.finditer(text):
        title = _TITLE.search(found[3])
        yield Block(found[2], title[1] if title else "", found[4])


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, *shown = part.rstrip("\n").split("\n")
        yield Command(line, shown)


def as_pattern(shown: list[str]) -> str:
    """The expression of what is shown."""
    return "".join(
        "(?:.*\n)*?"
        if line == ANYTHING
        else re.escape(line).replace(re.escape(ANYTHING), ".*") + "\n"
        for line in shown
    )


class Desk:
    """Where a page is worked through: *places* here stand for those of a whole machine."""

    def __init__(self, places: Mapping[str, str], capture: pytest.CaptureFixture[str]) -> None:
        self._places = places
        self._capture = capture
        self._background = ExitStack()

    def work_through(self, text: str) -> int:
        """Write the files and run the commands of a page; return how many were run."""
        done = 0
        with self._background:
            for block in blocks(self._here(text)):
                if block.title:
                    Path(block.title).parent.mkdir(parents=True, exist_ok=True)
                    Path(block.title).write_text(block.text, encoding="utf-8")
                for command in commands(block) if block.language == "console" else ():
                    self._run(command)
                    done += 1
        return done

    def _here(self, text: str) -> str:
        for place, here in self._places.items():
            text = text.replace(place, here)
        return text

    def _run(self, command: Command) -> None:
        words = shlex.split(command.line)
        if words[-1] == "&":
            self._start(words[:-1])
            return
        if words[0] == "shipper" and not _SHELL.search(re.sub(r"'[^']*'", "", command.line)):
            run_cli(words[1:])
        else:
            subprocess.run(["bash", "-c", command.line], check=True, env=_environment())
        out, err = self._capture.readouterr()
        # A terminal shows both in the order in which they were written, which is lost here.
        orders = (_plain(out + err), _plain(err + out))
        pattern = as_pattern(command.shown)
        assert any(re.fullmatch(pattern, each) for each in orders), (command.line, orders[0])

    def _start(self, words: list[str]) -> None:
        """Start a server, and wait until it answers on the port that the command names."""
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(words, env=_environment(), stdout=quiet, stderr=quiet)
        self._background.callback(process.wait)
        self._background.callback(process.terminate)
        host, _, port = words[-1].rpartition(":")
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=5).close()
            except OSError:
                assert process.poll() is None, f"{words} has ended"
                assert time.monotonic() < end, f"{words} does not answer"
                time.sleep(0.05)
            else:
                return


def _plain(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
