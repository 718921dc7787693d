"""``shipper grammar``: from format strings, lint, schemas, versions, lists."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from shipper.cli import cli, run_cli
from shipper.cli.grammar import grammar as group
from shipper.grammar.families import NONE, family
from shipper.grammar.library import Library

Capture = pytest.CaptureFixture[str]
DOOR = """\
name: door
title: doors
schema: iglu:org.example/door/jsonschema/1-0-0
match: ['%{INT:number} (?<who>\\w+)']
fields:
  number: {type: integer, minimum: 0, maximum: 99, description: number}
  who: {max_length: 20, description: who}
samples:
  - {line: '7 ada', expect: {number: 7, who: ada}}
"""
SLOW = DOOR.replace("(?<who>\\w+)", "(?<who>.*?), (?<why>.*?), \\d").replace(
    "samples:\n  - {line: '7 ada', expect: {number: 7, who: ada}}",
    "  why: {max_length: 9, description: why}",
)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    (tmp_path / "door.yaml").write_text(DOOR)
    return tmp_path


def feed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def run(*arguments: str | Path) -> int:
    return run_cli(["grammar", *map(str, arguments)])


def test_every_command_has_help_with_examples(capsys: Capture) -> None:
    """`--help` of each says what it does and shows it."""
    for name in group.commands:
        assert run(name, "--help") == 0
        assert "shipper grammar " + name in capsys.readouterr().out.split("Example", 1)[1]


def test_from_nginx_prints_a_grammar_that_passes_its_test(capsys: Capture, tmp_path: Path) -> None:
    """What is printed is a file: put into a directory it loads, and its samples pass."""
    source = "log_format shop '$remote_addr [$time_local] \"$request\" $status $shop_id';"
    assert run("from-nginx", source, "--variable", "$shop_id", "--vendor", "com.acme") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "schema: iglu:com.acme/nginx_shop/jsonschema/1-0-0\n" in out
    (tmp_path / "nginx_shop.yaml").write_text(out)
    assert run("test", "-d", tmp_path, "nginx_shop") == 0
    assert capsys.readouterr().out == "ok    nginx_shop: 3 samples\n"


@pytest.mark.parametrize(
    ("command", "source", "line", "expected"),
    [
        ("from-apache", '%h "%r" %>s', '::1 "GET /a HTTP/1.1" 200', ("path", "/a")),
        ("from-postgres", "%n [%p] ", "1795416944.5 [7] LOG:  up", ("message", "up")),
        ("from-log4j", "%p [%t] %m%n", "INFO [main] up", ("thread", "main")),
    ],
)
def test_what_is_written_to_a_file_parses(
    capsys: Capture,
    shelf: Path,
    command: str,
    source: str,
    line: str,
    expected: tuple[str, str],
) -> None:
    """--out writes DIR/NAME.yaml, and says how to try it; an existing file is left alone."""
    out = shelf / "mine.yaml"
    assert run(command, source, "--out", out) == 0
    assert f"shipper parse -d {shelf} -g mine FILE" in capsys.readouterr().out
    (shelf / "log").write_text(line)
    assert run_cli(["parse", "-d", str(shelf), "-g", "mine", str(shelf / "log")]) == 0
    field, value = expected
    assert json.loads(capsys.readouterr().out)["fields"][field] == value
    assert run(command, source, "--out", out) == 64
    assert "is there already" in capsys.readouterr().err


def test_a_format_may_come_from_standard_input(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a directive need not be quoted for the shell."""
    feed(monkeypatch, "log_format shop\n  '$status \"$host\"';\n")
    assert run("from-nginx", "-") == 0
    assert capsys.readouterr().out.startswith("name: nginx_shop\n")


def test_a_mistake_in_a_format_is_drawn(capsys: Capture) -> None:
    """Column, caret and remedy; exit 65."""
    assert run("from-nginx", "$remote_addr $reqest_time") == 65
    err = capsys.readouterr().err.splitlines()
    assert err[1:] == [
        "  column 14: unknown variable $reqest_time",
        "    $remote_addr $reqest_time",
        "                 ^",
        "    remedy: did you mean 'request_time'?; if map or set makes it: --variable reqest_time",
    ]


def test_a_mistake_in_the_second_line_is_drawn_there(capsys: Capture) -> None:
    """Directives have several lines."""
    assert run("from-nginx", "log_format m '$status '\n   '$nothing';") == 65
    err = capsys.readouterr().err.splitlines()
    assert err[1:4] == [
        "  line 2, column 5: unknown variable $nothing",
        "       '$nothing';",
        "        ^",
    ]


def test_doubts_are_told_apart_from_the_grammar(capsys: Capture) -> None:
    """Notes go to standard error: standard output is the file."""
    assert run("from-nginx", "$status $http_a $http_b") == 0
    out, err = capsys.readouterr()
    assert out.startswith("name: nginx_custom\n")
    assert err.startswith("note: $http_a is read up to the first ' '")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "No Name"], "is no name of a grammar"),
        (["--out", "mine.txt"], "name the file mine.yaml"),
        (["--out", "mine.yaml", "--name", "yours"], "name the file yours.yaml"),
        (["--vendor", "a b"], "write a domain backwards"),
        (["--timezone", "Mars/Base"], "unknown time zone"),
        (["--out", "/nowhere/mine.yaml"], "can't be written"),
    ],
)
def test_options_that_make_no_sense(capsys: Capture, options: list[str], said: str) -> None:
    """Exit 64, before anything is written."""
    assert run("from-nginx", "$status $host", *options) == 64
    assert said in capsys.readouterr().err


def test_lint_of_a_grammar_that_is_right(shelf: Path, capsys: Capture) -> None:
    """By file or by name, and the schema with it."""
    assert run("lint", shelf / "door.yaml") == 0
    assert run("lint", "-d", shelf, "door") == 0
    assert capsys.readouterr().out == "ok    door\n" * 2


def test_lint_of_a_slow_grammar(shelf: Path, capsys: Capture) -> None:
    """File and line, the repeats and their fields, a text that proves it, the remedy; exit 65."""
    (shelf / "door.yaml").write_text(SLOW)
    assert run("lint", shelf / "door.yaml") == 65
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "FAIL  door"
    assert out[1].startswith(f"      {shelf}/door.yaml:4: match.0: .*? gives back, and ")
    assert "(field who, why)" in out[1]
    assert out[2].startswith("        proof:  '0 ' + ', a' * ")
    assert "power of" in out[2]
    assert out[3].startswith("        remedy: let .*? end at the first ', ': (?>.*?, )")
    assert run("lint", "--json", shelf / "door.yaml") == 65
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert fault["proof"]["exponent"] > 1.6


def test_lint_of_a_registry(tmp_path: Path, capsys: Capture) -> None:
    """A registry that we write is right; one with a fault in it is told, by rule and place."""
    assert run("schema", "--out", tmp_path, "logfmt", "nginx_access") == 0
    assert run("lint", "--registry", tmp_path) == 0
    assert "FAIL" not in capsys.readouterr().out
    file = tmp_path / "schemas/org.logfilesource/nginx_access/jsonschema/1-0-0"
    schema = json.loads(file.read_text())
    del schema["properties"]["path"]["maxLength"]
    file.write_text(json.dumps(schema))
    (file.parent / "1-0-1").write_text("{")
    assert run("lint", "--registry", tmp_path) == 65
    out = capsys.readouterr().out
    assert "/properties/path: a string without maxLength, enum or format (stringLength)" in out
    assert "1-0-1: is no JSON" in out
    (file.parent / "1-0-1").unlink()
    assert run("lint", "--registry", tmp_path, "--skip", "stringLength") == 0
    assert run("lint", "--registry", file.parent.parent.parent / "logfmt" / "jsonschema") == 65


def test_the_vendor_of_a_registry(tmp_path: Path, capsys: Capture) -> None:
    """All of our schemas go to the vendor, those of entities too; and they pass the lint."""
    assert run("schema", "--out", tmp_path, "--vendor", "com.acme", "logfmt") == 0
    assert {Path(line).parts[-4] for line in capsys.readouterr().out.split()} == {"com.acme"}
    assert run("lint", "--registry", tmp_path) == 0
    capsys.readouterr()
    assert run("schema", "--vendor", "com.acme", "logfmt") == 0
    assert json.loads(capsys.readouterr().out)["self"]["vendor"] == "com.acme"


def changed(shelf: Path, old: str, new: str, version: str = "1-0-0") -> Path:
    file = shelf / "new.yaml"
    file.write_text(DOOR.replace(old, new).replace("1-0-0", version))
    return file


@pytest.mark.parametrize(
    ("old", "new", "least"),
    [
        ("title: doors", "title: all doors", "1-0-1"),
        ("max_length: 20", "max_length: 30", "1-0-1"),
        ("max_length: 20", "max_length: 10", "1-1-0"),
        ("max_length: 20", "type: boolean", "2-0-0"),
    ],
)
def test_diff_says_which_part_has_to_rise(
    shelf: Path, capsys: Capture, old: str, new: str, least: str
) -> None:
    """Too low is exit 65 with the version to write; that version is right."""
    assert run("diff", shelf / "door.yaml", changed(shelf, old, new)) == 65
    out, err = capsys.readouterr()
    assert f"1-0-0 -> 1-0-0: too low; at least {least} is needed" in out
    assert f"write schema: iglu:org.example/door/jsonschema/{least}" in err
    assert run("diff", shelf / "door.yaml", changed(shelf, old, new, least)) == 0
    assert f"1-0-0 -> {least}: right" in capsys.readouterr().out


def test_diff_against_a_registry_and_standard_input(
    shelf: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest version in the registry counts; no difference needs no new version."""
    assert run("schema", "-d", shelf, "--out", shelf / "r", "door") == 0
    assert run("diff", "-d", shelf, shelf / "r", "door") == 0
    assert "no difference" in capsys.readouterr().out
    old = shelf / "r/schemas/org.example/door/jsonschema/1-0-0"
    newer = json.loads(old.read_text())
    newer["self"]["version"] = "1-0-10"
    (old.parent / "1-0-10").write_text(json.dumps(newer))
    (old.parent / "1-0-x").write_text("no version")
    assert run("diff", "-d", shelf, shelf / "r", "door") == 65
    assert "1-0-10 -> 1-0-0: too low" in capsys.readouterr().out
    assert run("diff", old, shelf / "door.yaml") == 0
    feed(monkeypatch, DOOR)
    assert run("diff", "-", changed(shelf, "max_length: 20", "max_length: 21"), "--json") == 65
    given: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert given["needed"] == "1-0-1"
    assert given["changes"] == [
        {"level": "ADDITION", "property": "who", "what": "maxLength changes from 20 to 21"}
    ]


def test_diff_of_two_schemas(shelf: Path, capsys: Capture) -> None:
    """Another name is another schema, whose versions are its own."""
    assert run("diff", "logfmt", shelf / "door.yaml") == 0
    assert "different schemas" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["r", "logfmt"], 65, "has no version of org.logfilesource/logfmt"),
        (["logfmt", "r"], 64, "only OLD may be one"),
        (["text", "logfmt"], 65, "is no JSON"),
        (["json", "logfmt"], 65, "is no Iglu schema"),
        (["logfmtt", "logfmt"], 78, "logfmt"),
        (["none.yaml", "logfmt"], 78, "can't be read"),
    ],
)
def test_diff_of_what_is_no_schema(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    """A directory in the wrong place, files that are something else, a name that is not known."""
    monkeypatch.chdir(tmp_path)
    Path("r").mkdir()
    Path("text").write_text("{")
    Path("json").write_text("[1]")
    assert run("diff", *arguments) == code
    assert said in capsys.readouterr().err


def test_list_shows_name_family_and_title(capsys: Capture) -> None:
    """One line a grammar; every shipped one has a family."""
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(Library().names())
    assert any(line.split()[:3] == ["nginx_access", "web", "access"] for line in lines)
    assert [name for name in Library().names() if family(name) == NONE] == []
    assert family("mine") == NONE
    assert run("list", "--json") == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["title"] == Library().get(first["name"]).title


def test_show_prints_the_file(shelf: Path, capsys: Capture) -> None:
    """It can be copied and changed as it is; --compiled shows what it came to."""
    assert run("show", "-d", shelf, "door") == 0
    assert capsys.readouterr().out == f"# {shelf}/door.yaml\n{DOOR}"
    assert run("show", "-d", shelf, "--compiled", "door") == 0
    assert "field:   number (integer) number" in capsys.readouterr().out
    assert run("show", "dor", "-d", shelf) == 78
    assert "door" in capsys.readouterr().err


def test_shells_complete_names(shelf: Path) -> None:
    """Names of grammars, those of a directory that was named before, and lists of them."""
    from click.shell_completion import ShellComplete

    complete = ShellComplete(cli, {}, "shipper", "_SHIPPER_COMPLETE")

    def ask(arguments: list[str], incomplete: str) -> list[str]:
        return [item.value for item in complete.get_completions(arguments, incomplete)]

    assert ask(["grammar", "show"], "nginx_acc")[0] == "nginx_access"
    assert ask(["grammar", "show", "-d", str(shelf)], "doo") == ["door"]
    assert ask(["parse", "-g"], "logfmt,syslog_rfc54") == ["logfmt,syslog_rfc5424"]
    assert ask(["parse", "-g"], "aut") == ["auto"]
    assert ask(["grammar", "show", "-d", str(shelf / "none")], "d") != ["door"]
    assert isinstance(click.Context(cli), click.Context)


def test_a_registry_that_can_not_be_written(tmp_path: Path, capsys: Capture) -> None:
    """A file where a directory has to be: exit 64, and the path and the reason are told."""
    (tmp_path / "registry").write_text("")
    assert run("schema", "--out", tmp_path / "registry", "sshd") == 64
    said = capsys.readouterr().err
    assert f"the registry {tmp_path}/registry can't be written" in said
    assert "Not a directory" in said
