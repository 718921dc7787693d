"""``shipper dead-letters reparse``: what it prints, and the code it returns."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.cli import run_cli
from tests.service.test_replay import LENIENT, Desk

Capture = pytest.CaptureFixture[str]


def test_reparse_after_a_grammar_was_mended(tmp_path: Path, capsys: Capture) -> None:
    """A dry run tells the share, exit 0; then what parses is queued, and 65 tells of the rest."""
    desk = Desk(tmp_path)
    desk.read(b"b-n 2\n!! x\n")
    desk.write(LENIENT)
    desk.store.close()
    config = tmp_path / "shipper.yaml"
    config.write_text(
        f"state: {tmp_path}/state\ncollector: {{url: 'http://127.0.0.1:1'}}\n"
        f"grammars: {{directories: {tmp_path}/grammars}}\n"
        "sources: [{name: app, paths: /logs/a, grammar: visits}]\n"
    )
    base = ["dead-letters", "reparse", "-c", str(config)]
    assert run_cli([*base, "--dry-run", "-g", "visits,logfmt"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "app: 1 of 2 records parse now (50.0 %)"
    assert out[1].startswith("still failing, for one: #2 /logs/a:6 no_match: column ")
    assert out[2] == "    !! x"
    assert run_cli(base) == 64
    assert run_cli([*base, "--all"]) == 65
    assert "1 record failed again" in capsys.readouterr().err
    assert run_cli([*base, "--dry-run", "--reason", "rejected"]) == 0
    assert capsys.readouterr().out == "no record among these dead letters\n"
