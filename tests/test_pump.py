"""Tests of the pump: what is committed is read, what is not is read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from shipper.errors import StateBusyError
from shipper.pump import Pace
from shipper.tail.tailer import Limits
from tests.shipping import SWEEP, Make, Shipper, shippers


@pytest.fixture
def ship(tmp_path: Path) -> Iterator[Make]:
    with shippers(tmp_path) as make:
        yield make


def _limit_pages(shipper: Shipper, more: int | None) -> None:
    """Let the state grow by *more* pages only, or (None) as it likes."""
    with shipper.store._database.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {10**6 if more is None else pages + more}")


def test_a_full_queue_pauses_and_a_drained_one_resumes(ship: Make) -> None:
    """While the queue is over its limit nothing is read; when it has drained, it goes on."""
    shipper = ship("*.log", pace=Pace(sweep=SWEEP, queue_bytes=400_000))
    for number in range(40):
        noise = "".join(chr(0x4E00 + (number * 7919 + n * 104_729) % 20_000) for n in range(9_000))
        shipper.logs.append("app.log", f"{number} {noise}")
        shipper.turn()
    taken = len(shipper.lines())
    assert 0 < taken < 40
    assert shipper.pump.paused == "the queue is full"
    assert not shipper.pump.caught_up
    assert shipper.pump.lag.bytes > shipper.pump.lag.read
    with shipper.store._database.transaction() as db:
        db.execute("DELETE FROM batch")
    rest = shipper.catch_up().lines()
    assert [line.split()[0] for line in rest] == [str(n) for n in range(taken, 40)]
    names = [name for name in shipper.reports.names() if name.startswith("pump.")]
    assert names == ["pump.paused", "pump.resumed"]


@pytest.mark.parametrize("more", range(0, 40, 4))
def test_a_disk_that_fills_at_any_moment(ship: Make, more: int) -> None:
    """Wherever the disk becomes full, each line is queued once when there is room again."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=8_192))
    rng = Random(more)
    written = []
    for number in range(6):
        words = [f"{number}-{n} {rng.randbytes(60).hex()}" for n in range(300)]
        shipper.logs.append(f"{number}.log", *words)
        written += words
    _limit_pages(shipper, more)
    shipper.turn(9)
    assert shipper.pump.paused
    assert shipper.ledger().lines_emitted == len(shipper.lines())
    _limit_pages(shipper, None)
    assert sorted(shipper.new_lines()) == sorted(written)


def test_a_state_that_cannot_be_read(ship: Make) -> None:
    """A state that is busy even when asked for its size pauses, and nothing is lost."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")

    def busy() -> int:
        raise StateBusyError("locked")

    honest = shipper.store.used_bytes
    shipper.store.used_bytes = busy  # type: ignore[method-assign]
    assert shipper.pump.turn() is None
    assert shipper.pump.paused == "locked"
    shipper.store.used_bytes = honest  # type: ignore[method-assign]
    assert shipper.new_lines() == ["a"]


def test_a_failed_commit_advances_nothing(ship: Make) -> None:
    """A turn that could not be committed reads the same bytes again: same ids, same payloads."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "t=1795000000 a", "t=1795000001 b")
    _limit_pages(shipper, 0)
    turns: list[object] = []
    commit = shipper.store.commit

    def spy(turn: object, now_ms: int) -> None:
        turns.append([p.parse for p in turn])  # type: ignore[attr-defined]
        commit(turn, now_ms)  # type: ignore[arg-type]

    shipper.store.commit = spy  # type: ignore[method-assign]
    with shipper.store._database.transaction() as db:
        db.execute("CREATE TRIGGER no BEFORE INSERT ON batch BEGIN SELECT RAISE(FAIL, 'x'); END")
    _limit_pages(shipper, None)
    with pytest.raises(Exception, match="x"):
        shipper.turn(2)
    with shipper.store._database.transaction() as db:
        db.execute("DROP TRIGGER no")
    assert shipper.new_lines() == ["t=1795000000 a", "t=1795000001 b"]
    assert turns[0] == turns[1]


def test_a_turn_is_bounded(ship: Make) -> None:
    """A turn reads no more than its bound and one chunk, however much waits."""
    shipper = ship(
        "*.log", limits=Limits(chunk_bytes=1_000), pace=Pace(sweep=SWEEP, turn_bytes=3_000)
    )
    for number in range(20):
        shipper.logs.append(f"{number}.log", *("x" * 99 for _ in range(50)))
    before = 0
    for _ in range(10):
        shipper.turn()
        read = shipper.ledger().bytes_read
        assert read - before <= 4_000
        before = read
    assert before > 0


def test_how_soon_the_next_turn_is_due(ship: Make) -> None:
    """At once after much, after a breath after little, at the next sweep after nothing."""
    shipper = ship("*.log")
    assert shipper.pump.turn() is None
    shipper.logs.append("app.log", *("x" * 99 for _ in range(2_000)))
    shipper.clock.pass_(SWEEP)
    assert shipper.pump.turn() == 0.0
    shipper.logs.append("app.log", "little")
    shipper.clock.pass_(SWEEP)
    assert shipper.pump.turn() == shipper.pace.breath
    assert shipper.pump.turn() is None


def test_a_hint_brings_the_sweep_forward(ship: Make) -> None:
    """A nudge makes the next sweep come sooner than its time, but not at once again and again."""
    shipper = ship("*.log")
    shipper.turn()
    shipper.logs.append("app.log", "a")
    shipper.clock.pass_(shipper.pace.nudged_sweep)
    shipper.pump.turn()
    assert shipper.lines() == []
    shipper.pump.nudge()
    shipper.pump.turn()
    assert shipper.lines() == ["a"]
    shipper.pump.nudge()
    shipper.logs.append("b.log", "b")
    shipper.pump.turn()
    assert shipper.lines() == ["a"]
    shipper.clock.pass_(shipper.pace.nudged_sweep)
    shipper.pump.turn()
    assert shipper.lines() == ["a", "b"]


def test_a_hot_file_needs_no_sweep(ship: Make) -> None:
    """A file that grew a moment ago is asked again at each turn, also if it was emptied."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    for line in ("b", "c", "d"):
        shipper.logs.append("app.log", line)
        if line == "b":
            shipper.turn()
        shipper.clock.pass_(0.01)
        shipper.pump.turn()
    assert shipper.lines() == ["a", "b", "c", "d"]
    shipper.logs.truncate("app.log")
    shipper.pump.turn()
    shipper.logs.append("app.log", "e")
    assert shipper.catch_up().lines() == ["a", "b", "c", "d", "e"]


def test_the_lag_is_what_was_seen_and_what_was_read(ship: Make) -> None:
    """The lag counts files, their bytes, and those that were read, as of the last sweep."""
    shipper = ship("*.log")
    shipper.logs.append("a.log", "12345")
    shipper.logs.append("b.log", "1")
    shipper.catch_up()
    assert shipper.pump.lag == (2, 8, 8, 0)


def test_a_line_over_all_limits_is_a_dead_letter(ship: Make) -> None:
    """A line that is too long to keep is rejected with its true length, and the sum holds."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=4_096, kept_bytes=8_192), line_bytes=6_000)
    shipper.logs.append("app.log", "a", "x" * 7_000, "y" * 20_000, "b")
    assert shipper.new_lines() == ["a", "b"]
    first, second = shipper.store.dead_letters.page()
    assert (len(first.raw), len(second.raw)) == (7_000, 8_192)
    assert first.offset == 2
    assert second.offset == 2 + 7_001
    ledger = shipper.ledger()
    assert (ledger.lines_oversize, ledger.bytes_oversize) == (2, 27_002)
    assert ledger.bytes_read == shipper.logs.path("app.log").stat().st_size
