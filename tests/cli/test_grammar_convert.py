"""``shipper grammar from-logstash``, ``-fluent-bit``, ``-filebeat``: files in, files out."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from shipper.cli import run_cli

Capture = pytest.CaptureFixture[str]
PARSERS = (
    "[PARSER]\n Name door\n Format regex\n Regex ^door (?<n>\\d+) (?<who>\\w+)$\n Types n:integer\n"
    "[PARSER]\n Name door\n Format json\n Decode_Field json log\n"
)


@pytest.fixture
def parsers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("parsers.conf").write_text(PARSERS)
    Path("doors.log").write_text("door 7 ada\nlift 3\ndoor 8 bob\n\n" + "x\n" * 3)
    Path("grammars").mkdir()
    return Path("parsers.conf")


def run(*arguments: str | Path) -> int:
    return run_cli(["grammar", *map(str, arguments)])


def test_grammars_are_written_and_stand_their_test(parsers: Path, capsys: Capture) -> None:
    """One file each, a second of the same name under another; losses and misses are told."""
    assert run("from-fluent-bit", parsers, "--out", "grammars", "--sample", "doors.log") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "grammars/door.yaml: try it with: shipper parse -d grammars -g door FILE",
        "grammars/door_2.yaml: try it with: shipper parse -d grammars -g door_2 FILE",
    ]
    assert err.splitlines() == [
        "note: door takes 2 of 4 sample lines",
        "note: door_2 takes 0 of 4 sample lines",
        "note: no grammar takes the sample line 'lift 3'",
        "note: no grammar takes the sample line 'x'",
        "not taken over: parsers.conf:9: decode_field json log: fields are not decoded: "
        "parse them by a grammar of their own, with then:",
    ]
    assert run("test", "-d", "grammars", "door", "door_2") == 0
    assert run("lint", "grammars/door.yaml", "grammars/door_2.yaml") == 0


def test_nothing_is_overwritten(parsers: Path, capsys: Capture) -> None:
    """Exit 64, with the file."""
    Path("grammars/door.yaml").write_text("mine\n")
    assert run("from-fluent-bit", parsers, "--out", "grammars") == 64
    assert "grammars/door.yaml is there already" in capsys.readouterr().err


def test_some_can_be_chosen(parsers: Path, capsys: Capture) -> None:
    """--only names them; vendor and zone are those that are given."""
    assert run("from-fluent-bit", parsers, "--only", "door", "--vendor", "com.acme") == 0
    out = capsys.readouterr().out
    assert "schema: iglu:com.acme/door/jsonschema/1-0-0\n" in out
    assert "---" not in out


def test_several_are_printed_as_documents(parsers: Path, capsys: Capture) -> None:
    """One behind the other."""
    assert run("from-fluent-bit", parsers) == 0
    assert [each.split("\n")[0] for each in capsys.readouterr().out.split("---\n")] == [
        "name: door",
        "name: door_2",
    ]


def test_strict_is_for_scripts(parsers: Path, capsys: Capture) -> None:
    """Exit 65 if anything was not taken over; the grammars are made all the same."""
    assert run("from-fluent-bit", parsers, "--strict") == 65
    out, err = capsys.readouterr()
    assert out.startswith("name: door\n")
    assert "1 things were not taken over" in err


def test_a_pipeline_from_standard_input(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """- reads it from there."""
    text = 'filter { grok { match => { "message" => "^%{TIME:t} %{GREEDYDATA:m}$" } } }'
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert run("from-logstash", "-") == 0
    out, err = capsys.readouterr()
    assert out.startswith("name: converted\n")
    assert err == ""


def test_patterns_from_elsewhere(tmp_path: Path, capsys: Capture) -> None:
    """--patterns replaces directories that are not there; what is needed is written down."""
    (tmp_path / "pat").mkdir()
    (tmp_path / "pat/own").write_text("LIFT lift-\\d+\nOTHER x\n")
    file = tmp_path / "lift.conf"
    file.write_text('filter { grok { match => { "message" => "^%{LIFT:lift}$" } } }')
    assert run("from-logstash", file) == 65
    assert "unknown pattern %{LIFT}" in capsys.readouterr().err
    assert run("from-logstash", file, "--patterns", tmp_path / "pat") == 0
    out = capsys.readouterr().out
    assert "patterns:\n  LIFT: 'lift-\\d+'\n" in out
    assert "OTHER" not in out


def test_processors_of_filebeat(tmp_path: Path, capsys: Capture) -> None:
    """The grammar is named like the file; what is left is told."""
    file = tmp_path / "shop.yml"
    file.write_text(
        "filebeat.inputs:\n- paths: [/a.log]\n  processors: [{dissect: {tokenizer: '%{n}-%{m}'}}]\n"
        "output.console: {}\n"
    )
    assert run("from-filebeat", file) == 0
    out, err = capsys.readouterr()
    assert "name: shop\n" in out
    assert "  - '(?<dissect.n>[^\\-]*+)-(?<dissect.m>.*)'\n" in out
    assert "shop.yml:4: output.console: sources and the collector are named" in err


@pytest.mark.parametrize(
    ("command", "text", "told"),
    [
        ("from-filebeat", "output.console: {}", "has neither filebeat.inputs: nor processors:"),
        ("from-logstash", "filter { grok { ", "the end of the file, but '}' is missing"),
        ("from-logstash", "output { stdout {} }", "gives no grammar"),
        ("from-fluent-bit", "[SERVICE]\n Flush 1\n", "gives no grammar"),
        ("from-fluent-bit", "[PARSER]\n Name a\n Format regex\n Regex ^a$\n", "names no field"),
    ],
)
def test_what_gives_nothing_is_an_error(
    command: str, text: str, told: str, tmp_path: Path, capsys: Capture
) -> None:
    """Exit 65, and the reason."""
    file = tmp_path / "a.conf"
    file.write_text(text)
    assert run(command, file) == 65
    assert told in capsys.readouterr().err


def test_a_file_that_can_not_be_read(tmp_path: Path, capsys: Capture) -> None:
    """It is missing, or no text."""
    assert run("from-logstash", tmp_path / "gone.conf") == 65
    assert "gone.conf can't be read: No such file" in capsys.readouterr().err
    (tmp_path / "a.conf").write_bytes(b"\xff\xfe")
    assert run("from-logstash", tmp_path / "a.conf") == 65
    assert "is no UTF-8 text" in capsys.readouterr().err
