"""``shipper coverage``: what it prints, and the code it returns."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from shipper.cli import run_cli

Capture = pytest.CaptureFixture[str]
GOOD = '192.0.2.1 - - [23/Nov/2026:06:55:44 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8.10.1"\n'
DOORS = "".join(f"door {number} opened by ada\n" for number in range(1, 4))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "a.log"
    file.write_text(GOOD * 7 + "\n" + DOORS)
    return file


def run(*arguments: str | Path) -> int:
    return run_cli(["coverage", *map(str, arguments)])


def test_what_a_person_sees(log: Path, capsys: Capture) -> None:
    """Shares by grammar; each shape with count, place, caret, reason and pattern."""
    assert run("-g", "nginx_access,nginx_error", log) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "10 lines and 1 blank; 70.0 % of them matched",
        "           7   70.0 %  nginx_access",
        "           3   30.0 %  no grammar",
        "",
        f"3 lines, such as {log}:9",
        "  door 1 opened by ada",
        "                      ^ column 21: nginx_access expected ' '",
        "  pattern: 'door %{INT:number:int} opened by ada'",
    ]


def test_what_a_program_sees(log: Path, capsys: Capture) -> None:
    """One JSON object with the same facts."""
    assert run("-g", "nginx_access", "--json", log) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        **{"lines": 10, "blank": 1, "matched": 7, "percent": 70.0, "others": 0},
        "grammars": {"nginx_access": 7},
        "shapes": [
            {
                **{"count": 3, "file": str(log), "line": 9, "example": "door 1 opened by ada"},
                **{"grammar": "nginx_access", "column": 21, "expected": "' '"},
                "pattern": "door %{INT:number:int} opened by ada",
            }
        ],
    }


def test_shapes_beyond_the_top_are_summed_up(log: Path, capsys: Capture) -> None:
    """--top shows the largest; the others are a number."""
    log.write_text(DOORS + "[a] 1\n[b] 2\n<x> y\n")
    assert run("-g", "nginx_access", "--top", "1", log) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 lines of other shapes"
    assert run("-g", "nginx_access", "--top", "1", "--json", log) == 0
    assert json.loads(capsys.readouterr().out)["others"] == 3


def test_fail_under(log: Path, capsys: Capture) -> None:
    """Exit 65 below the share, 0 at it; the report is printed either way."""
    assert run("-g", "nginx_access", "--fail-under", "70", log) == 0
    assert run("-g", "nginx_access", "--fail-under", "70.1", log) == 65
    out, err = capsys.readouterr()
    assert out.count("70.0 % of them matched") == 2
    assert "the grammars take 70.0 % of the lines, less than 70.1 %" in err


def test_a_share_is_never_rounded_up_to_a_hundred(log: Path, capsys: Capture) -> None:
    """One line in twenty thousand is not nothing."""
    log.write_text("a=b\n" * 19_999 + "nonsense\n")
    assert run("-g", "logfmt", log) == 0
    assert "99.995 % of them matched" in capsys.readouterr().out
    log.write_text("a=b\n")
    assert run("-g", "logfmt", log) == 0
    assert "100.0 % of them matched" in capsys.readouterr().out


def test_archives_and_standard_input(
    log: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends in .gz is unpacked; - is standard input."""
    packed = log.with_name("a.log.gz")
    packed.write_bytes(gzip.compress(log.read_bytes()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a=b\n")))
    assert run("-g", "nginx_access,logfmt", "--json", packed, "-") == 0
    assert json.loads(capsys.readouterr().out)["grammars"] == {"nginx_access": 7, "logfmt": 1}


def test_files_that_cannot_be_read(tmp_path: Path, capsys: Capture) -> None:
    """A missing one, a directory, an archive that is cut short: exit 65 with the name."""
    assert run("-g", "logfmt", tmp_path / "none") == 65
    assert run("-g", "logfmt", tmp_path) == 65
    short = tmp_path / "short.gz"
    short.write_bytes(gzip.compress(b"a=b\n" * 1000)[:-10])
    assert run("-g", "logfmt", short) == 65
    err = capsys.readouterr().err
    assert err.count("can't be read") == 3
    assert "short.gz" in err
    assert run("-g", "logfmt") == 64
