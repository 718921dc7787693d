"""Tests of the status as a screen: it fits, it is harmless, and it says what there is to say."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console, ConsoleDimensions

from shipper.cli.status_view import Look, view
from shipper.config.load import load_config
from shipper.event.batch import RecordBatch
from shipper.event.chunk import TIMEOUT, Parse, Reject
from shipper.model import Ledger
from shipper.service.status import Status, status_of
from shipper.store.history import Condition
from shipper.store.store import Progress, Store
from tests.store.samples import begin
from tests.store.test_history import step

_NOW = 1_795_417_200


def _status(home: Path, *, files: int, reasons: int, condition: Condition) -> Status:
    file = home / "shipper.yaml"
    file.write_text(
        f"state: {home}/state\ncollector: {{url: 'http://127.0.0.1:9'}}\n"
        f"sources: [{{name: web, paths: ['{home}/*.log'], grammar: logfmt}}]\n"
    )
    store = Store.open(home / "state")
    for number in range(files):
        at = begin(store, path=f"{home}/\x1b[31m[red]{number}.log", inode=number + 1)
        rejects = tuple(Reject(n, b"x", "mine", f"reason_{n}", "") for n in range(reasons))
        slow = tuple(Reject(n, b"x", "mine", TIMEOUT, "") for n in range(min(reasons, 2)))
        rejects, ledger = rejects + slow, Ledger(7, 70, 7, 70, events=7)
        at = at.at(70, b"", 100 + number)
        store.commit([Progress(at, Parse((), rejects, ledger))], 1)
    if files:
        lost = begin(store, path=f"{home}/lost.log", inode=files + 1)
        store.finish(lost, 4_000, 1, why="truncated")
        batch = RecordBatch(9, 90, b"")
        store.commit([Progress(at, Parse((batch,), (), Ledger()))], 1, drop="queue_full")
    status = status_of(load_config(file, {}), store, condition)
    store.close()
    return status


def _drawn(look: Look, size: tuple[int, int], before: Look | None = None, why: str = "") -> str:
    out = io.StringIO()
    console = Console(file=out, width=size[0], height=size[1], color_system=None)
    console.print(view(look, before, ConsoleDimensions(*size), why))
    return out.getvalue()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Look:
    """All that can be shown at once."""
    condition = Condition(1, "queue_full", "full", "unavailable", "away\x1b[2J", 200.0, 3, 90.0)
    home = tmp_path_factory.mktemp("busy")
    status = _status(home, files=30, reasons=12, condition=condition)
    return Look(_NOW, status, [step(_NOW - 10 * n, 100 * n) for n in range(60)][::-1])


@settings(max_examples=60)
@given(columns=st.integers(20, 200), lines=st.integers(3, 70))
def test_it_fits_every_terminal(busy: Look, columns: int, lines: int) -> None:
    """However small the terminal is, no line is longer and no screen is higher than it."""
    drawn = _drawn(busy, (columns, lines)).splitlines()
    assert len(drawn) < lines
    assert max(map(len, drawn)) <= columns
    assert drawn[0].startswith("shipper")


def test_a_common_terminal_shows_something_of_all(busy: Look) -> None:
    """At 80 by 24 the lists have rows, and say of how many."""
    text = _drawn(busy, (80, 24), why="the state is locked")
    for words in (
        "not running", "events/s", "lag", "files behind", "dead letters (", "30 files",
        " of 30)", " of 13)",
        "3 events fail while others pass, the oldest for 90 s", "paused      full",
        "(for 3 min)", "the state is locked", "210",
    ):  # fmt: skip
        assert words in text, words


def test_what_is_missing_is_said(busy: Look) -> None:
    """What was dropped, what was gone before it could be read, and what a grammar cost."""
    rows = [" ".join(line.split()) for line in _drawn(busy, (100, 70)).splitlines()]
    assert "web events dropped 9" in rows
    assert "web gone before it was read 4.0 kB" in rows
    assert "mine records too slow to match 60" in rows


def test_names_and_words_are_harmless(busy: Look) -> None:
    """No escape code of a file's name or of a collector's words reaches the terminal."""
    text = _drawn(busy, (200, 70))
    assert "\x1b" not in text
    assert "[red]7.log" in text


def test_rates_are_since_the_look_before(busy: Look, tmp_path: Path) -> None:
    """The first look takes the rate of the last step, which lasted ten seconds."""
    assert "delivering  10 events/s" in _drawn(busy._replace(steps=[step(_NOW, 100)]), (80, 24))
    none = _status(tmp_path, files=0, reasons=0, condition=Condition(1))
    before = Look(_NOW - 2, none, [])
    assert "reading     105 lines/s, 1.1 kB/s" in _drawn(busy, (80, 24), before)


def test_an_empty_state_is_no_error(tmp_path: Path) -> None:
    """Nothing was read yet, nothing waits, nothing is wrong."""
    text = _drawn(
        Look(_NOW, _status(tmp_path, files=0, reasons=0, condition=Condition(1)), []), (80, 24)
    )
    assert "reading     0 lines/s, 0 bytes/s, 0 files" in text
    assert "files behind" not in text
