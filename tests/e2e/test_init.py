"""``shipper init`` on a terminal: the questions, the answers, the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.config.load import load_config
from tests.program import COMMAND, shipper
from tests.terminal import terminal

pytestmark = pytest.mark.e2e

ACCESS = '192.0.2.1 - - [23/Nov/2026:06:55:44 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8.10.1"\n'


def test_a_person_answers(tmp_path: Path) -> None:
    """Which logs, where to, from when on: a slip is asked for again, and the answers hold."""
    logs, file = tmp_path / "logs", tmp_path / "my shipper.yaml"
    logs.mkdir()
    (logs / "access.log").write_text(ACCESS * 9)
    (logs / "odd.log").write_text("lorem ipsum\n" * 9)
    with terminal(*COMMAND, "init", logs, "-o", file, "--state", tmp_path / "s") as screen:
        assert "2  odd" in screen.expect("Ship which of them [1]: ")
        screen.type("7\r")
        screen.expect("Write numbers from 1 to 2")
        screen.expect("]: ")
        screen.type("1-2\r")
        screen.expect("Collector URL: ")
        screen.type("collector\r")
        screen.expect("has no scheme")
        screen.expect("Collector URL: ")
        screen.type("http://127.0.0.1:9090\r")
        screen.expect("[Y/n]: ")
        screen.type("n\r")
        screen.expect(f"shipper run -c '{file}'")
        assert screen.end() == 0

    config = load_config(file, {})
    assert config.collector.url == "http://127.0.0.1:9090"
    assert [(s.name, s.start) for s in config.sources] == [("access", "end"), ("odd", "end")]
    assert shipper("check", "--offline", "-c", file).returncode == 0


def test_ctrl_c_writes_nothing(tmp_path: Path) -> None:
    """Who leaves in the middle has changed nothing; exit 130."""
    (tmp_path / "access.log").write_text(ACCESS)
    with terminal(*COMMAND, "init", tmp_path, "-o", tmp_path / "a.yaml") as screen:
        screen.expect("Ship which of them")
        screen.type("\x04")  # the end of input, as a terminal's driver says it
        assert screen.end() == 130
    assert not (tmp_path / "a.yaml").exists()
