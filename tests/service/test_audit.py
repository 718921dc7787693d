"""The audit: what adds up, and that a row which does not is found."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shipper.cli import run_cli
from shipper.event.batch import compress
from shipper.event.chunk import Parse
from shipper.model import Ledger
from shipper.service.audit import audit
from shipper.store.store import Progress, Settlement, Store
from tests.shipping import Shipper, shippers
from tests.store.samples import begin, first_schema

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
    assert "9 bytes read = 8 emitted + 1 blank" in out
    assert "b.log" not in out
    assert run_cli(["audit", "-c", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["adds_up"] is True


def ended(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Read a log that is truncated, one that goes away, and one that stays; return the command."""
    shipper = Shipper(home, "*.log")
    shipper.logs.append("cut.log", "one")
    shipper.logs.append("gone.log", "two", "three")
    shipper.logs.append("here.log", "four")
    shipper.catch_up()
    shipper.logs.write("cut.log", b"half a line")
    shipper.catch_up()
    shipper.logs.truncate("cut.log")
    shipper.catch_up()
    shipper.logs.append("cut.log", "five")
    shipper.logs.delete("gone.log")
    shipper.after_grace()
    shipper.stop()
    config = home / "shipper.yaml"
    config.write_text(CONFIG.format(shipper.state))

    def command(*arguments: str) -> str:
        assert run_cli(["audit", "-c", str(config), *arguments]) == 0
        return capsys.readouterr().out

    return command


def test_files_that_have_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ended files are summed up by source; --all, or their name, shows each; losses say why."""
    command = ended(tmp_path, capsys)
    usual, whole, named = command(), command("--all"), command("cut.log")
    assert "here.log (logs, open)" in usual
    assert "gone.log" not in usual
    assert (
        """
logs: 2 files that have ended (--all shows each)
  3 lines read = 3 emitted
  14 bytes read = 14 emitted
  11 bytes lost before they were read: 11 truncated
"""
        in usual
    )
    assert "gone.log (logs, over)" in whole
    assert "that have ended" not in whole
    assert "cut.log (logs, over)" in named
    assert "cut.log (logs, open)" in named
    assert "11 bytes lost before they were read: 11 truncated" in named
    letters = Store.open(tmp_path / "state-0").dead_letters.page()
    assert [letter.detail for letter in letters] == [
        "at least 11 bytes from offset 4 on are missing: truncated"
    ]


def test_files_whose_rows_were_collected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sums by source are all that is left of them: as text, and as JSON for programs."""
    command = ended(tmp_path, capsys)
    before = json.loads(command("--json"))
    store = Store.open(tmp_path / "state-0")
    due = [each.row for each in store.collection.due(1 << 60)]
    store.collection.collect(due, 1 << 60)
    store.close()
    assert """
logs: 2 files that ended long ago (collected)
  3 lines read = 3 emitted
  14 bytes read = 14 emitted
  11 bytes lost before they were read: 11 truncated
""" in command()
    after = json.loads(command("--json"))
    gone = [account for account in before["accounts"] if account["state"] == "over"]
    assert after["accounts"] == [a for a in before["accounts"] if a["state"] != "over"]
    assert after["collected"] == [
        {
            "source": "logs",
            "generations": 2,
            "span": 14,
            "ledger": {n: sum(a["ledger"][n] for a in gone) for n in Ledger._fields},
            "lost": {"truncated": 11},
        }
    ]
    assert {n: after[n] for n in ("made", "queued", "adds_up")} == {
        n: before[n] for n in ("made", "queued", "adds_up")
    }


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE collected SET lines_emitted = 0", "3 lines read of collected files, not all"),
        ("UPDATE collected SET span = span + 1", "15 bytes were read, but 14 are booked"),
        ("UPDATE loss SET bytes = 10", "11 bytes lost of collected files, 10 have a cause"),
        ("UPDATE collected SET events = events + 1", "events were made"),
    ],
)
def test_sums_that_do_not_add_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sql: str, said: str
) -> None:
    """What was collected is audited as what was not."""
    ended(tmp_path, capsys)
    store = Store.open(tmp_path / "state-0")
    with store._database.transaction() as db:
        db.execute("DELETE FROM file WHERE state = 'open'")
        db.execute("DELETE FROM batch")
    store.collection.collect([each.row for each in store.collection.due(1 << 60)], 1 << 60)
    made = audit(store).made
    with store._database.transaction() as db:
        db.execute("INSERT INTO counter VALUES ('delivered', 'logs', ?)", (made,))
    assert audit(store).adds_up
    with store._database.transaction() as db:
        db.execute(sql)
    (fault,) = audit(store).faults()
    store.close()
    assert said in fault


def test_many_faults_are_not_all_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A thousand files that do not add up: some are named, and how many more there are."""
    store = Store.open(tmp_path / "state-0")
    for number in range(1_000):
        begin(store, path=f"/logs/{number}", inode=number)
    with store._database.transaction() as db:
        db.execute("UPDATE file SET lines_read = 1")
    store.close()
    (tmp_path / "shipper.yaml").write_text(CONFIG.format(tmp_path / "state-0"))
    assert run_cli(["audit", "-c", str(tmp_path / "shipper.yaml"), "--json"]) == 65
    out, err = capsys.readouterr()
    assert len(json.loads(out)["faults"]) == 1_000
    assert "and 980 more (see --json)" in err


def test_a_state_of_the_first_schema_is_audited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an older version left is brought up to date and adds up; why it lost bytes is open."""
    (tmp_path / "state").mkdir()
    first_schema(tmp_path / "state" / "state.db").close()
    (tmp_path / "shipper.yaml").write_text(CONFIG.format(tmp_path / "state"))
    assert run_cli(["audit", "-c", str(tmp_path / "shipper.yaml"), "--all"]) == 0
    out = capsys.readouterr().out
    assert "7 bytes lost before they were read: 7 unknown" in out
    assert "2 events made + 0 replayed = 0 delivered + 2 queued + 0 refused" in out


def test_it_adds_up_while_others_write(tmp_path: Path) -> None:
    """All sums are of one moment, whatever is committed and delivered while they are read."""
    reader, writer = Store.open(tmp_path), Store.open(tmp_path)
    stop = threading.Event()

    def write() -> None:
        last = begin(writer)
        while not stop.is_set():
            last = last.at(last.offset + 10, b"x" * 64, 100)
            line = Ledger(1, 10, 1, 10, events=1)
            parse = Parse((compress([b'{"x":1}']),), (), line)
            writer.commit([Progress(last, parse)], 1)
            writer.settle([Settlement(queued, 1) for queued in writer.peek(0, 1)], 1)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        made: list[int] = []
        while len(set(made)) < 50:
            found = audit(reader)
            assert list(found.faults()) == []
            made.append(found.made)
    finally:
        stop.set()
        thread.join()
    reader.close()
    writer.close()


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
