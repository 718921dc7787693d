"""The audit: what adds up, and that a row which does not is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shipper.cli import run_cli
from shipper.service.audit import audit
from shipper.store.store import Store
from tests.shipping import Shipper, shippers

CONFIG = """
state: {0}
collector: {{url: "http://127.0.0.1:9"}}
sources: [{{name: logs, paths: ["/nowhere"], grammar: logfmt}}]
"""


def read_something(home: Path) -> Shipper:
    shipper = Shipper(home, "*.log")
    shipper.logs.append("a.log", "one", "", "two")
    shipper.logs.append("b.log", "three")
    shipper.catch_up()
    return shipper


def test_what_was_read_adds_up(tmp_path: Path) -> None:
    """Lines of several files, blank ones too: every sum is right."""
    shipper = read_something(tmp_path)
    found = audit(shipper.store)
    shipper.stop()
    assert found.adds_up
    assert (found.made, found.queued) == (3, 3)
    assert [account.ledger.lines_read for account in found.accounts] == [3, 1]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE file SET lines_blank = 0", "not all have a fate"),
        ("UPDATE file SET offset = offset + 5", "are booked"),
        ("DELETE FROM batch WHERE id = 1", "events were made"),
    ],
)
def test_what_does_not_add_up_is_said(
    tmp_path: Path, sql: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lost batch, a moved checkpoint, a line without a fate: exit 65, and which sum is wrong."""
    shipper = read_something(tmp_path)
    with shipper.store._database.transaction() as db:
        db.execute(sql)
    shipper.stop()
    config = tmp_path / "shipper.yaml"
    config.write_text(CONFIG.format(shipper.state))
    assert run_cli(["audit", "-c", str(config)]) == 65
    assert said in capsys.readouterr().err


def test_the_command_shows_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One paragraph a file, or JSON for programs; a part of a path chooses."""
    read_something(tmp_path).stop()
    config = tmp_path / "shipper.yaml"
    config.write_text(CONFIG.format(tmp_path / "state-0"))
    assert run_cli(["audit", "-c", str(config), "a.log"]) == 0
    out = capsys.readouterr().out
    assert "3 lines read = 2 emitted + 1 blank" in out
    assert "b.log" not in out
    assert run_cli(["audit", "-c", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["adds_up"] is True


def test_nothing_read_adds_up(tmp_path: Path) -> None:
    """An empty state has nothing wrong with it."""
    store = Store.open(tmp_path / "state")
    assert audit(store).adds_up
    store.close()


def test_a_shipper_of_the_stories_adds_up(tmp_path: Path) -> None:
    """Over a rotation, a truncation and a crash."""
    with shippers(tmp_path) as make:
        shipper = make("*.log*")
        shipper.logs.append("app.log", "a", "b")
        shipper.catch_up()
        shipper.logs.rotate("app.log")
        shipper.logs.append("app.log", "c")
        shipper.catch_up()
        shipper.kill()
        shipper.start()
        shipper.logs.truncate("app.log")
        shipper.logs.append("app.log", "d")
        shipper.catch_up()
        assert audit(shipper.store).adds_up
