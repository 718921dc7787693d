"""Backup, restore and move: consistent, private, and nothing is lost on the way."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shipper.cli import run_cli
from shipper.event.batch import pack
from shipper.service.audit import audit
from shipper.store.lock import sender_lock
from shipper.store.soundness import damage
from shipper.store.store import DATABASE, Settlement, Store
from tests.shipping import Make, Shipper, shippers, stamped

Capture = pytest.CaptureFixture[str]
_CONFIG = """
state: {0}
collector: {{url: "http://127.0.0.1:9"}}
sources: [{{name: logs, paths: ["/nowhere/*.log"], grammar: logfmt}}]
"""


def _configure(state: Path) -> Path:
    file = state.parent / f"{state.name}.yaml"
    file.write_text(_CONFIG.format(state))
    return file


def _run(capsys: Capture, *arguments: str | Path, code: int = 0) -> str:
    assert run_cli(["state", *map(str, arguments)]) == code
    return capsys.readouterr()[int(code != 0)]


@contextmanager
def _busy(state: Path) -> Iterator[None]:
    """Let batches come into the queue of *state*, and some of them go."""
    done = threading.Event()

    def write() -> None:
        with closing(Store.open(state)) as store:
            for number in itertools.count(1):
                events = [b'{"x":"%s"}' % os.urandom(2_000).hex().encode()]
                store.take_in({"logs": pack(events, 9_000)}, number)
                if number % 3 == 0:
                    (first, *_) = store.peek(0, 1)
                    store.settle([Settlement(first, first.batch.events)], number)
                if done.is_set():
                    return

    Store.open(state).close()
    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


def test_a_backup_beside_a_writer_is_of_one_moment(tmp_path: Path, capsys: Capture) -> None:
    """While batches come and go, each copy is sound, adds up, and is its owner's alone."""
    config = _configure(tmp_path / "state")
    with _busy(tmp_path / "state"):
        for number in range(5):
            copy = tmp_path / f"copy-{number}.db"
            found = json.loads(_run(capsys, "backup", "-c", config, copy, "--json"))
            assert copy.stat().st_mode & 0o777 == 0o600
            assert damage(copy, 60) == ""
            home = tmp_path / f"home-{number}"
            _run(capsys, "restore", "-c", _configure(home), copy)
            with closing(Store.open(home)) as restored:
                assert restored.backlog().events == found["events"]
                assert audit(restored).adds_up
                on_record, counted = restored.counting.recount("queue")
                assert on_record == counted


def _anew(shipper: Shipper) -> None:
    """Give every log another inode, as on another node: the old files are gone."""
    for log in sorted(shipper.logs.root.glob("*.log*")):
        copy = log.with_name(f".{log.name}.copy")
        shutil.copy2(log, copy)
        copy.rename(log)


def _with_logs(make: Make) -> Shipper:
    """Return a shipper that has read nine logs, one of them rotated."""
    shipper = make("*.log*")
    for number in range(9):
        shipper.logs.append(f"{number}.log", *(stamped(n, f"{number}-{n}") for n in range(30)))
    shipper.catch_up().logs.rotate("0.log")
    shipper.logs.append("0.log", stamped(1, "after the rotation"))
    return shipper.catch_up()


@pytest.mark.parametrize("how", ["move", "backup"])
def test_nothing_is_lost_on_the_way_to_another_node(
    tmp_path: Path, capsys: Capture, how: str
) -> None:
    """Elsewhere, with other inodes, each line is delivered under the id that it has here."""
    with shippers(tmp_path) as make:
        shipper = _with_logs(make)
        old, expected = shipper.state, []
        if how == "move":
            shipper.stop()
        _run(capsys, how, "-c", _configure(old), tmp_path / "moved.db")
        for number in range(9):  # what comes after the copy was made, read here or not
            shipper.logs.append(f"{number}.log", stamped(99, f"{number}-later"))
        if how == "backup":
            expected = shipper.catch_up().events()
            shipper.stop()
        assert (old / DATABASE).exists() is (how == "backup")
        assert len(list(old.glob("state.db.moved-*"))) == (how == "move")
        shipper.state = tmp_path / "home" / "elsewhere"
        _run(capsys, "restore", "-c", _configure(shipper.state), tmp_path / "moved.db")
        _anew(shipper)
        shipper.start()
        there = shipper.after_grace().events()
        assert len(there) == len({event.line for event in there}) == 9 * 31 + 1
        assert {(e.eid, e.payload) for e in expected} <= {(e.eid, e.payload) for e in there}
        assert audit(shipper.store).adds_up


def test_a_state_that_is_there_is_not_replaced_unasked(tmp_path: Path, capsys: Capture) -> None:
    """A restore over a state is refused; with --replace that one is kept beside it."""
    config = _configure(tmp_path / "state")
    store = Store.open(tmp_path / "state")
    store.take_in({"logs": pack([b'{"x":1}'], 9_000)}, 1)
    copy = tmp_path / "copy.db"
    _run(capsys, "backup", "-c", config, copy)
    store.take_in({"logs": pack([b'{"x":2}'], 9_000)}, 2)
    store.close()
    assert "already" in _run(capsys, "backup", "-c", config, copy, code=64)
    assert "--replace" in _run(capsys, "restore", "-c", config, copy, code=64)
    assert "what was there is" in _run(capsys, "restore", "-c", config, copy, "--replace")
    restored = Store.open(tmp_path / "state")
    assert restored.backlog().events == 1
    restored.close()
    (kept,) = (tmp_path / "state").glob("state.db.replaced-*")
    assert damage(kept, 60) == ""


def test_no_shipper_starts_where_the_state_was_moved_away(tmp_path: Path, capsys: Capture) -> None:
    """It would read everything anew beside the other node: it is refused until someone decides."""
    config, state = _configure(tmp_path / "state"), tmp_path / "state"
    store = Store.open(state)
    store.take_in({"logs": pack([b'{"x":1}'], 9_000)}, 1)
    store.close()
    _run(capsys, "move", "-c", config, tmp_path / "moved.db")
    (left,) = state.glob("state.db.moved-*")
    for command in ("run --once", "check --offline", "queue stats", "dead-letters list"):
        assert run_cli([*command.split(), "-c", str(config)]) == 73
        said = "".join(capsys.readouterr())
        assert "was moved to another node" in said, command
        assert left.name in said, command
    assert not (state / DATABASE).exists()
    said = _run(capsys, "move", "-c", config, tmp_path / "again.db", code=73)
    assert "was moved to another node" in said
    _run(capsys, "restore", "-c", config, tmp_path / "moved.db")
    with closing(Store.open(state)) as back:
        assert back.backlog().events == 1
    (state / DATABASE).unlink()
    left.unlink()
    Store.open(state).close()


def test_a_backup_into_no_directory(tmp_path: Path, capsys: Capture) -> None:
    """It is the directory that is missing, and nothing about rights."""
    config = _configure(tmp_path / "state")
    Store.open(tmp_path / "state").close()
    said = _run(capsys, "backup", "-c", config, tmp_path / "none" / "copy.db", code=64)
    assert f"there is no directory {tmp_path / 'none'}" in said


@pytest.mark.parametrize("command", ["restore", "move"])
def test_not_under_a_running_shipper(tmp_path: Path, capsys: Capture, command: str) -> None:
    """While a shipper uses the state it is neither replaced nor retired: exit code 73."""
    config = _configure(tmp_path / "state")
    store = Store.open(tmp_path / "state")
    copy = tmp_path / "copy.db"
    _run(capsys, "backup", "-c", config, copy)
    target = copy if command == "restore" else tmp_path / "other.db"
    replace = ["--replace"] if command == "restore" else []
    with sender_lock(tmp_path / "state"):
        said = _run(capsys, command, "-c", config, target, *replace, code=73)
    assert "another shipper" in said
    assert (tmp_path / "state" / DATABASE).exists()
    store.close()


@pytest.mark.parametrize("content", [b"", b"no state at all", b"SQLite format 3\0" + bytes(9_000)])
def test_what_is_no_backup_is_refused(tmp_path: Path, capsys: Capture, content: bytes) -> None:
    """A file that is none of ours, or damaged, is not restored, and nothing is there after it."""
    copy = tmp_path / "copy.db"
    copy.write_bytes(content)
    said = _run(capsys, "restore", "-c", _configure(tmp_path / "state"), copy, code=65)
    assert "copy.db" in said
    assert not (tmp_path / "state" / DATABASE).exists()
    _run(capsys, "restore", "-c", _configure(tmp_path / "state"), tmp_path / "none", code=65)


def test_a_backup_on_a_disk_that_is_read_only(tmp_path: Path, capsys: Capture) -> None:
    """A backup is restored from a directory in which nothing can be made, and stays as it was."""
    config = _configure(tmp_path / "state")
    Store.open(tmp_path / "state").close()
    place = tmp_path / "cdrom"
    place.mkdir()
    _run(capsys, "backup", "-c", config, place / "copy.db")
    before = (place / "copy.db").read_bytes()
    _run(capsys, "restore", "-c", _configure(tmp_path / "other"), place / "copy.db")
    assert sorted(path.name for path in place.iterdir()) == ["copy.db"]
    assert (place / "copy.db").read_bytes() == before


@pytest.mark.parametrize("name", ["backup", "restore", "move"])
def test_each_has_help_with_an_example(name: str, capsys: Capture) -> None:
    """The help of each command shows one that can be typed."""
    assert run_cli(["state", name, "--help"]) == 0
    assert f"shipper state {name} -c shipper.yaml" in capsys.readouterr().out
