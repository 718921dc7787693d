"""The commands, called in this process: what they print, and the code they return."""

from __future__ import annotations

import io
import json
import socket
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from shipper.cli import cli, run_cli
from shipper.event.schemas import own_schemas
from shipper.grammar.library import Library
from shipper.store.lock import sender_lock

Capture = pytest.CaptureFixture[str]
GOOD = '192.0.2.1 - - [23/Nov/2026:06:55:44 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8.10.1"'
CONFIG = """
state: {0}/state
collector: {{url: "http://127.0.0.1:{1}"}}
sources:
  - {{name: web, paths: ["{0}/*.log"], grammar: nginx_access}}
"""


@pytest.fixture
def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def config(tmp_path: Path, closed_port: int) -> Path:
    file = tmp_path / "shipper.yaml"
    file.write_text(CONFIG.format(tmp_path, closed_port))
    return file


def feed(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def objects(capsys: Capture) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_command_has_help_and_an_example(capsys: Capture) -> None:
    """`--help` of each command says in a sentence what it does."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        assert run_cli([name, "--help"]) == 0
        assert "Usage: shipper" in capsys.readouterr().out


def test_the_readme_names_every_command() -> None:
    """No command is undocumented."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for name in cli.list_commands(click.Context(cli)):
        assert f"`shipper {name}" in readme


def test_an_unknown_command_is_a_usage_error(capsys: Capture) -> None:
    """A command line that makes no sense: exit 64."""
    assert run_cli(["shovel"]) == 64
    assert "No such command" in capsys.readouterr().err


def test_parse_gives_one_object_a_line_in_order(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that parses and one that does not: one JSON object each, in their order."""
    feed(monkeypatch, f"{GOOD}\r\nnonsense\n\n\xff\x00".encode("latin-1"))
    assert run_cli(["parse", "-g", "nginx_access"]) == 0
    good, bad, blank, hostile = objects(capsys)
    assert good["grammar"] == "nginx_access"
    assert good["time"] == "2026-11-23T06:55:44Z"
    assert good["fields"]["path"] == "/a"
    for none in (bad, blank, hostile):
        assert none["grammar"] is None
        assert none["error"].keys() == {"grammar", "column", "expected"}


def test_parse_takes_records_as_json_strings(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --json-input a record may hold anything, line breaks too."""
    feed(monkeypatch, (json.dumps(GOOD) + "\n" + json.dumps("two\nlines") + "\n").encode())
    assert run_cli(["parse", "-g", "nginx_access,logfmt", "--json-input"]) == 0
    assert [item["grammar"] for item in objects(capsys)] == ["nginx_access", None]


def test_parse_refuses_json_input_that_is_no_string(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 65, naming the line."""
    feed(monkeypatch, b'"fine"\n{"a": 1}\n')
    assert run_cli(["parse", "-g", "logfmt", "--json-input"]) == 65
    assert ":2: is not a JSON string" in capsys.readouterr().err


def test_parse_prints_events(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """--event shows what Snowplow would get."""
    feed(monkeypatch, f"{GOOD}\n".encode())
    assert run_cli(["parse", "-g", "auto", "--event"]) == 0
    (event,) = objects(capsys)
    assert (event["e"], event["p"], event["dtm"]) == ("ue", "srv", "1795416944000")


def test_an_unknown_grammar_gets_a_suggestion(capsys: Capture) -> None:
    """A mistyped name: exit 78, and the name that was meant."""
    assert run_cli(["parse", "-g", "nginx_acces"]) == 78
    assert "nginx_access" in capsys.readouterr().err


def test_explain_points_at_the_column(capsys: Capture) -> None:
    """Under the line stands a caret where understanding ended."""
    line = GOOD.replace("23/Nov/2026", "yesterday")
    assert run_cli(["explain", "-g", "nginx_access", line]) == 0
    said, shown, caret = capsys.readouterr().out.splitlines()
    assert "HTTPDATE" in said
    assert shown[caret.index("^") :].startswith("yesterday")


def test_grammar_list_names_one_a_line(capsys: Capture) -> None:
    """`list --names` is for programs."""
    assert run_cli(["grammar", "list", "--names"]) == 0
    assert capsys.readouterr().out.split() == Library().names()


def test_grammar_test_runs_all_samples(capsys: Capture) -> None:
    """The shipped grammars do what their samples say."""
    assert run_cli(["grammar", "test"]) == 0
    assert "FAIL" not in capsys.readouterr().out


def test_grammar_test_fails_on_a_wrong_sample(capsys: Capture, tmp_path: Path) -> None:
    """A sample that gives something else: exit 65, and what differs."""
    (tmp_path / "mine.yaml").write_text(
        "name: mine\ntitle: mine\nschema: iglu:com.example/mine/jsonschema/1-0-0\n"
        "match: ['^%{WORD:word}$']\nfields: {word: {type: string, description: a word}}\n"
        "samples: [{line: one, expect: {word: two}}]\n"
    )
    assert run_cli(["grammar", "test", "-d", str(tmp_path), "mine"]) == 65
    assert "'one'" in capsys.readouterr().out


def test_grammar_schema_writes_a_registry(capsys: Capture, tmp_path: Path) -> None:
    """A static Iglu registry, one schema a grammar."""
    assert run_cli(["grammar", "schema", "--out", str(tmp_path)]) == 0
    written = capsys.readouterr().out.split()
    assert len(written) == len(Library().names()) + len(own_schemas())
    schema = json.loads(Path(written[0]).read_text())
    assert schema["self"]["format"] == "jsonschema"


def test_grammar_show_tells_where_it_stands(capsys: Capture) -> None:
    """The file, the schema, the fields."""
    assert run_cli(["grammar", "show", "logfmt"]) == 0
    out = capsys.readouterr().out
    assert "iglu:org.logfilesource/logfmt/jsonschema/" in out
    assert "logfmt.yaml" in out


def test_check_without_collector_is_exit_69(config: Path, capsys: Capture) -> None:
    """All is well but the collector, which does not answer."""
    assert run_cli(["check", "-c", str(config)]) == 69
    assert "does not answer" in capsys.readouterr().out


def test_check_offline_leaves_the_collector_alone(config: Path, capsys: Capture) -> None:
    """--offline: exit 0, with a warning that no file matches yet."""
    assert run_cli(["check", "-c", str(config), "--offline"]) == 0
    assert "no file matches yet" in capsys.readouterr().out


def test_check_names_the_line_of_an_unknown_grammar(config: Path, capsys: Capture) -> None:
    """A grammar that is not there: exit 78 with file:line."""
    config.write_text(config.read_text().replace("nginx_access", "nginx_acess"))
    assert run_cli(["check", "-c", str(config), "--offline"]) == 78
    assert "shipper.yaml:5" in capsys.readouterr().out


def test_check_tells_of_a_file_with_two_sources(config: Path, capsys: Capture) -> None:
    """A file that two sources name is read by the first, and that is said."""
    (config.parent / "a.log").write_text(GOOD + "\n")
    more = f'  - {{name: twin, paths: ["{config.parent}/a*"], grammar: logfmt}}\n'
    config.write_text(config.read_text() + more)
    assert run_cli(["check", "-c", str(config), "--offline"]) == 0
    assert "web reads it" in capsys.readouterr().out


def test_check_shows_no_secret(config: Path, capsys: Capture) -> None:
    """--show prints the configuration in effect; header values are masked."""
    text = config.read_text().replace(
        "collector: {url", "collector: {headers: {X-Key: s3cr3t}, url"
    )
    config.write_text(text)
    assert run_cli(["check", "-c", str(config), "--show"]) == 0
    assert "s3cr3t" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("- a\n", "mapping"),
        ("a: [", "YAML"),
        ("collector: {url: 'collector.example.com'}\nsources: []\n", "http"),
        ("colector: {url: 'http://127.0.0.1'}\n", "collector"),
    ],
)
def test_a_bad_configuration_is_exit_78(
    config: Path, capsys: Capture, text: str, said: str
) -> None:
    """Not YAML, not a mapping, no scheme, an unknown key: exit 78 and a sentence that helps."""
    config.write_text(text)
    assert run_cli(["run", "-c", str(config), "--once"]) == 78
    assert said in capsys.readouterr().err


def test_a_missing_configuration_is_exit_78(tmp_path: Path, capsys: Capture) -> None:
    """The file that is not there is named."""
    assert run_cli(["run", "-c", str(tmp_path / "none.yaml")]) == 78
    assert "none.yaml" in capsys.readouterr().err


def test_a_state_that_cannot_be_made_is_exit_73(
    config: Path, capsys: Capture, tmp_path: Path
) -> None:
    """A file stands where the state directory should be."""
    (tmp_path / "state").write_text("in the way")
    assert run_cli(["run", "-c", str(config), "--once"]) == 73
    assert "state" in capsys.readouterr().err


def test_garbage_for_a_state_is_exit_73(config: Path, capsys: Capture, tmp_path: Path) -> None:
    """By policy, a database that is none is not touched."""
    with config.open("a") as more:
        more.write("queue: {when_damaged: refuse}\n")
    (tmp_path / "state").mkdir()
    database = tmp_path / "state" / "state.db"
    database.write_bytes(b"no database at all, but long enough to look at" * 100)
    before = database.read_bytes()
    assert run_cli(["run", "-c", str(config), "--once"]) == 73
    assert "state.db is damaged (file is not a database)" in capsys.readouterr().err
    assert database.read_bytes() == before


def test_a_held_state_is_exit_73(config: Path, capsys: Capture, tmp_path: Path) -> None:
    """Another process holds the state: its pid is named."""
    (tmp_path / "state").mkdir()
    with sender_lock(tmp_path / "state"):
        assert run_cli(["run", "-c", str(config), "--once"]) == 73
    assert "another shipper (pid" in capsys.readouterr().err


def test_status_without_state_is_exit_73(config: Path, capsys: Capture) -> None:
    """Nothing has run yet: said, with the remedy."""
    assert run_cli(["status", "-c", str(config)]) == 73
    assert "there is no state" in capsys.readouterr().err


def test_status_tells_what_waits(config: Path, capsys: Capture, tmp_path: Path) -> None:
    """After a run without a collector, the events are queued, and status says so."""
    (tmp_path / "a.log").write_text(f"{GOOD}\nnonsense\n")
    assert run_cli(["run", "-c", str(config), "--once", "--give-up", "0"]) == 69
    capsys.readouterr()

    assert run_cli(["status", "-c", str(config), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["queued_events"] == 1
    assert status["pid"] is None
    assert status["dead_letters"] == [{"source": "web", "reason": "no_match", "count": 1}]
    assert status["ledgers"]["web"]["lines_read"] == 2

    assert run_cli(["status", "-c", str(config)]) == 0
    assert "not running" in capsys.readouterr().out
    assert run_cli(["status", "-c", str(config), "--health"]) == 1


def test_dead_letters_can_be_listed_shown_and_exported(
    config: Path, capsys: Capture, tmp_path: Path
) -> None:
    """What no grammar takes is there with its place; a hostile line can't drive the terminal."""
    (tmp_path / "a.log").write_bytes(b"evil \x1b[2J line\nsecond \xff line\n")
    run_cli(["run", "-c", str(config), "--once", "--give-up", "0"])
    capsys.readouterr()

    assert run_cli(["dead-letters", "list", "-c", str(config)]) == 0
    listed = capsys.readouterr().out
    assert "2  web: no_match" in listed
    assert "\x1b" not in listed

    assert run_cli(["dead-letters", "show", "-c", str(config), "2"]) == 0
    assert "second \\xff line" in capsys.readouterr().out
    assert run_cli(["dead-letters", "show", "-c", str(config), "99"]) == 65
    capsys.readouterr()

    assert run_cli(["dead-letters", "export", "-c", str(config)]) == 0
    assert [letter["id"] for letter in objects(capsys)] == [1, 2]
    assert run_cli(["dead-letters", "replay", "-c", str(config)]) == 64


def test_demo_accounts_for_every_line(capsys: Capture) -> None:
    """The demo ends well, and its sum adds up."""
    assert run_cli(["demo", "--lines", "200"]) == 0
    out = capsys.readouterr().out
    assert "Every line is accounted for: 1,000 read = " in out
    assert " 0 bad." in out


def test_demo_keeps_its_state_in_an_empty_directory_only(tmp_path: Path, capsys: Capture) -> None:
    """--keep refuses a directory with something in it."""
    assert run_cli(["demo", "--lines", "50", "--keep", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "state" / "state.db").exists()
    assert run_cli(["demo", "--lines", "50", "--keep", str(tmp_path / "new")]) == 64
    assert "is not empty" in capsys.readouterr().err


def test_the_collector_refuses_an_address_that_is_none(capsys: Capture) -> None:
    """--listen wants HOST:PORT."""
    assert run_cli(["collector", "--listen", "9090"]) == 64
    assert "HOST:PORT" in capsys.readouterr().err
