"""`shipper parse` and `shipper explain` on files: headers, zones, odd characters, auto."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shipper.cli import run_cli

Feed = Callable[[bytes], None]
Capture = pytest.CaptureFixture[str]
HEAD = "name: {0}\ntitle: x\nschema: iglu:org.example/{0}/jsonschema/1-0-0\n"


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    """Hand bytes to standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def objects(capsys: Capture) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_parse_follows_a_file(feed: Feed, capsys: Capture, tmp_path: Path) -> None:
    """Headers hold for the lines after them; what gives no event says so; one line in, one out."""
    (tmp_path / "web.yaml").write_text(HEAD.format("web") + "parse: w3c\n")
    feed(b"#Fields: a b\n1 2\n#Fields: b\n3\n4 5\n")
    assert run_cli(["parse", "-g", "web", "-d", str(tmp_path)]) == 0
    out = objects(capsys)
    assert [o.get("fields") for o in out] == [{}, {"a": "1", "b": "2"}, {}, {"b": "3"}, None]
    assert [o.get("filtered") for o in out] == [True, None, True, None, None]


def test_events_follow_a_file_too(feed: Feed, capsys: Capture, tmp_path: Path) -> None:
    """--event reads in order as well, and says which lines give none."""
    (tmp_path / "web.yaml").write_text(HEAD.format("web") + "parse: w3c\n")
    feed(b"#Fields: a b\n1 2\n")
    assert run_cli(["parse", "-g", "web", "-d", str(tmp_path), "--event"]) == 0
    header, event = objects(capsys)
    assert header["error"]["reason"] == "filtered"
    assert json.loads(event["ue_pr"])["data"]["data"] == {"a": "1", "b": "2"}


def test_parse_knows_the_zone_of_the_log(feed: Feed, capsys: Capture) -> None:
    """Times that name no zone are of the one that is named; a zone that is none is refused."""
    feed(b"Jul  1 12:00:00 web1 app: x\n")
    assert run_cli(["parse", "-g", "syslog_rfc3164", "--timezone", "Europe/Berlin"]) == 0
    assert objects(capsys)[0]["time"][5:] == "07-01T10:00:00Z"
    assert run_cli(["parse", "-g", "syslog_rfc3164", "--timezone", "Mars"]) == 64
    assert "unknown time zone" in capsys.readouterr().err


def test_parse_takes_half_a_character(feed: Feed, capsys: Capture) -> None:
    """A lone surrogate in a JSON string is no text; it is replaced as bad bytes are."""
    feed(b'"a=\\ud800x"\n"a=\\ud83d\\ude00"\n')
    assert run_cli(["parse", "-g", "logfmt", "--json-input"]) == 0
    assert [o["fields"]["a"] for o in objects(capsys)] == ["\ufffdx", "\U0001f600"]


def test_explain_shows_what_may_have_been_meant(capsys: Capture) -> None:
    """Of all grammars, those that the line may have been for, or the one that takes it."""
    line = '192.0.2.1 - - [{}] "GET / HTTP/1.1" 200 5 "-" "x"'
    assert run_cli(["explain", "-g", "auto", line.format("yesterday")]) == 0
    assert "nginx_access: column 16" in capsys.readouterr().out
    good = line.format("23/Nov/2026:06:55:44 +0000")
    assert run_cli(["explain", "-g", "auto", good]) == 0
    assert capsys.readouterr().out == "nginx_access takes this line\n"
