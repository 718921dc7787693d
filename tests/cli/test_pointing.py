"""What `explain` and `coverage` draw: the mark under its character, and patterns to paste."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
import yaml

from shipper.cli import run_cli
from shipper.cli.pointing import pointed

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("text", "column", "shown", "cells"),
    [
        ("abc", 1, "abc", 0),
        ("abc", 4, "abc", 3),
        ("", 1, "", 0),
        ("jürgen x", 8, "jürgen x", 7),
        ("日本 x", 4, "日本 x", 5),
        ("e\u0301 x", 4, "e\u0301 x", 2),
        ("\U0001f600x", 2, "\U0001f600x", 2),
        ("a\tb\x1b[31mc\n", 9, "a\ufffdb\ufffd[31mc\ufffd", 8),
    ],
)
def test_the_mark_stands_under_its_character(
    text: str, column: int, shown: str, cells: int
) -> None:
    """In cells of a terminal: wide characters take two, combining ones none, others one."""
    assert pointed(text, column) == (shown, " " * cells)


@pytest.mark.parametrize("column", [1, 500, 999, 1000, 1001])
def test_a_long_line_is_cut_around_the_mark(column: int) -> None:
    """What stands at the column stays in sight, on one line of 160; … says where it was cut."""
    text = "x" * (column - 1) + "!" + "y" * (1000 - column)
    shown, blanks = pointed(text, column)
    assert len(shown) <= 162
    assert shown[len(blanks) :][:1] in ("!", "")
    assert shown.startswith("…") == (column > 81)
    assert shown.endswith("…") == (column < 920)


def test_explain_draws_for_a_terminal(capsys: Capture) -> None:
    """Behind two wide characters the mark is two cells further right than the column."""
    line = '192.0.2.1 - 日本 [23/Nov/2026:06:55:44 +0000] "GET / HTTP/1.1" 2x0 5 "-" "-"'
    assert run_cli(["explain", "-g", "nginx_access", line]) == 0
    said, shown, mark = capsys.readouterr().out.splitlines()
    column = line.index("2x0") + 1
    assert said.startswith(f"nginx_access: column {column}: ")
    assert shown == "  " + line
    wide = sum(unicodedata.east_asian_width(c) == "W" for c in line)
    assert mark == " " * (2 + column - 1 + wide) + "^"


LINES = """\
it's 'quoted': {0} # no comment
%done {0}
key: {0}
- {0}
\ttab\t{0}
"a \\ b" {0}
"""


def test_a_suggested_pattern_can_be_pasted(tmp_path: Path, capsys: Capture) -> None:
    """Whatever signs the lines have: put behind `- ` under `match`, the patterns take them all."""
    log = tmp_path / "a.log"
    log.write_text(LINES.format(1) + LINES.format(2))
    assert run_cli(["coverage", "-g", "nginx_access", str(log)]) == 0
    out = capsys.readouterr().out.splitlines()
    pasted = [line.split("pattern: ", 1)[1] for line in out if "  pattern: " in line]
    assert len(pasted) >= 5
    for number, text in enumerate(pasted):
        name = f"own{number}"
        head = f"name: {name}\ntitle: t\nschema: iglu:org.example/{name}/jsonschema/1-0-0\n"
        samples = "samples:\n  - {line: '', expect: null}\n"
        pattern = yaml.safe_load(f"[{text}]")[0]
        assert isinstance(pattern, str)
        body = f"{head}match:\n  - {text}\nfields: {_fields(pattern)}\n{samples}"
        (tmp_path / f"{name}.yaml").write_text(body)
    names = ",".join(f"own{number}" for number in range(len(pasted)))
    assert run_cli(["coverage", "-d", str(tmp_path), "-g", names, str(log)]) == 0
    assert "100.0 % of them matched" in capsys.readouterr().out


def _fields(pattern: str) -> str:
    names = re.findall(r"%\{\w+:(\w+)|\(\?<(\w+)>", pattern)
    return "{" + ", ".join(f"{a or b}: {{}}" for a, b in names) + "}"
