"""Tests of the pump: what is committed is read, what is not is read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from shipper.errors import StateBusyError
from shipper.event.recipe import Policy
from shipper.pump import Pace
from shipper.tail.chunk import Limits
from tests.shipping import SWEEP, Make, Shipper, events_of, shippers


@pytest.fixture
def ship(tmp_path: Path) -> Iterator[Make]:
    with shippers(tmp_path) as make:
        yield make


def test_the_news_of_others_go_ahead_of_a_log_that_is_behind(ship: Make) -> None:
    """Of a log with more than one turn takes, and of old content, the batches are backlog."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=8_192))
    shipper.logs.append("busy.log", *(f"busy {n:0100}" for n in range(300)))
    shipper.turn()
    shipper.logs.append("quiet.log", "quiet")
    shipper.turn()
    order = shipper.store.order
    claimed = []
    while peeked := order.peek(9_000):
        order.claim(peeked)
        claimed.append([event.line.split()[0] for event in events_of(peeked)])
    assert claimed[0] == ["quiet"]
    assert {line for lines in claimed[1:] for line in lines} == {"busy"}


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
    assert shipper.pump.turn() == 1.0
    assert shipper.pump.paused == "locked"
    shipper.store.used_bytes = honest  # type: ignore[method-assign]
    assert shipper.new_lines() == ["a"]


def test_a_failed_commit_advances_nothing(ship: Make) -> None:
    """A turn that could not be committed reads the same bytes again: same ids, same payloads."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "t=1795000000 a", "t=1795000001 b")
    turns: list[object] = []
    commit = shipper.store.commit

    def spy(turn: object, now_ms: int, **how: object) -> None:
        turns.append([p.parse for p in turn])  # type: ignore[attr-defined]
        commit(turn, now_ms, **how)  # type: ignore[arg-type]

    shipper.store.commit = spy  # type: ignore[method-assign]
    with shipper.store._database.transaction() as db:
        db.execute("CREATE TRIGGER no BEFORE INSERT ON batch BEGIN SELECT RAISE(FAIL, 'x'); END")
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
    """At once after much, after a breath after little, soon while a file is hot, else never."""
    shipper = ship("*.log")
    assert shipper.pump.turn() is None
    shipper.logs.append("app.log", *("x" * 99 for _ in range(2_000)))
    shipper.clock.pass_(SWEEP)
    assert shipper.pump.turn() == 0.0
    shipper.logs.append("app.log", "little")
    shipper.clock.pass_(SWEEP)
    assert shipper.pump.turn() == shipper.pace.breath
    assert shipper.pump.turn() == shipper.pace.poll
    shipper.clock.pass_(2.1)
    shipper.pump.turn()
    assert shipper.pump.turn() is None


def test_the_more_files_are_busy_the_longer_is_the_rest(ship: Make) -> None:
    """Lines are gathered where each file has a few; not where there is more at once."""
    shipper = ship("*.log")
    names = [f"{n:03}.log" for n in range(200)]
    for name in names:
        shipper.logs.append(name, "first")
    shipper.catch_up()
    for name in names:
        shipper.logs.append(name, "x" * 400)
    shipper.clock.pass_(SWEEP)
    rest = shipper.pump.turn()
    assert rest is not None
    assert 4 * shipper.pace.breath < rest <= 0.5
    again = shipper.pump.turn()
    assert again is not None
    assert shipper.pace.poll <= again < rest
    shipper.logs.append(names[0], *("x" * 99 for _ in range(9_000)))
    assert shipper.pump.turn() == 0.0


def test_short_chunks_of_many_files_are_queued_as_one_batch(ship: Make) -> None:
    """Each line is queued once, and each file has its own books."""
    shipper = ship("*.log")
    for number in range(50):
        shipper.logs.append(f"{number:02}.log", f"of {number:02}")
    shipper.catch_up()
    assert sorted(shipper.lines()) == [f"of {number:02}" for number in range(50)]
    assert shipper.store.backlog().batches == 1
    assert {account.ledger.events for account in shipper.store.accounts()} == {1}


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
    """The lag counts files, their bytes, and those that were read, also since the last sweep."""
    shipper = ship("*.log")
    shipper.logs.append("a.log", "12345")
    shipper.logs.append("b.log", "1")
    shipper.pump.turn()
    assert shipper.lines() == ["12345", "1"]
    assert shipper.pump.lag.unread == 0
    shipper.catch_up()
    assert shipper.pump.lag[:4] == (2, 8, 8, 0)
    assert shipper.pump.lag.unread == 0
    assert shipper.pump.lag.eta == pytest.approx(0.0)


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


def test_a_hint_names_the_file_to_look_at(ship: Make) -> None:
    """A hint to a file that is read is followed without a sweep; to another one brings a sweep."""
    shipper = ship("*.log", pace=Pace(sweep=3_600))
    shipper.logs.append("app.log", "a")
    shipper.turn(100)
    shipper.logs.append("app.log", "b")
    shipper.logs.append("new.log", "c")
    shipper.turn()
    assert shipper.lines() == ["a"]
    shipper.pump.nudge(str(shipper.logs.path("app.log")))
    shipper.pump.turn()
    assert shipper.lines() == ["a", "b"]
    shipper.pump.nudge(str(shipper.logs.path("new.log")))
    shipper.turn(2)
    assert shipper.lines() == ["a", "b", "c"]


def test_quiet_sweeps_become_rare(ship: Make) -> None:
    """After news sweeps are near each other, and further and further apart when there are none."""
    shipper = ship("*.log", pace=Pace(sweep=2.0, brisk_sweep=0.1))
    shipper.logs.append("app.log", "a")
    gaps = []
    for _ in range(12):
        shipper.clock.pass_(shipper.pump.idle)
        shipper.pump.turn()
        gaps.append(round(shipper.pump.idle, 3))
    assert gaps[0] == 0.1
    assert gaps[-1] == 2.0
    assert gaps == sorted(gaps)
    shipper.logs.append("new.log", "b")
    shipper.clock.pass_(shipper.pump.idle)
    shipper.pump.turn()
    assert shipper.pump.idle == pytest.approx(0.1)


def test_what_is_new_comes_before_what_is_old(ship: Make) -> None:
    """Beside a large old file, the lines of others come in the turn after they were written."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=65_536), pace=Pace(turn_bytes=262_144))
    for number in range(8):
        shipper.logs.append(f"old-{number}.log", *("x" * 999 for _ in range(2_000)))
    for number in range(20):
        shipper.logs.append("live.log", f"live {number}")
        shipper.turn()
        assert f"live {number}" in shipper.lines()
    assert shipper.pump.lag.unread > 0


def test_old_content_has_its_rate(ship: Make) -> None:
    """With a limit for old content, no second reads more of it (but for a chunk); news are free."""
    pace = Pace(sweep=SWEEP, backfill=100_000)
    shipper = ship("*.log", limits=Limits(chunk_bytes=8_192), pace=pace)
    shipper.logs.append("old.log", *("x" * 999 for _ in range(3_000)))
    shipper.turn()
    before = shipper.ledger().bytes_read
    for second in range(1, 11):
        for _ in range(50):
            shipper.clock.pass_(0.02)
            shipper.pump.turn()
        assert shipper.ledger().bytes_read - before <= second * 100_000 + 108_192
    assert shipper.ledger().bytes_read - before >= 900_000
    assert shipper.pump.lag.eta == pytest.approx(20, rel=0.5)
    shipper.logs.append("live.log", *("y" * 999 for _ in range(500)))
    shipper.turn(10)
    assert sum(line.startswith("y") for line in shipper.lines()) == 80


def test_a_last_line_without_an_end(ship: Make) -> None:
    """7: it is taken once, after the time that is set; what follows says that it continues it."""
    shipper = ship("nothing")
    source = shipper.source("logs", "*.log")._replace(partial_after=5.0)
    shipper.restart(source)
    shipper.logs.append("app.log", "whole")
    shipper.logs.write("app.log", b"half")
    shipper.turn(4)
    assert shipper.lines() == ["whole"]
    shipper.clock.pass_(5)
    shipper.turn()
    assert shipper.lines() == ["whole", "half"]
    shipper.clock.pass_(60)
    shipper.turn(2)
    shipper.kill()
    shipper.logs.write("app.log", b" a line\nand another\n")
    shipper.start()
    assert shipper.catch_up().lines() == ["whole", "half", " a line", "and another"]
    flags = [
        [name for name in ("partial", "continued") if f'\\"{name}\\":true'.encode() in e.payload]
        for e in shipper.events()
    ]
    assert flags == [[], ["partial"], ["continued"], []]
    assert shipper.ledger().lines_emitted == 4


def test_a_last_line_without_an_end_and_without_a_time(ship: Make) -> None:
    """7: by default it waits for its end, however long that takes: no line comes in two."""
    shipper = ship("*.log")
    shipper.logs.write("app.log", b"whole\nhalf")
    shipper.turn(4)
    shipper.clock.pass_(1_000_000)
    shipper.turn(4)
    assert shipper.lines() == ["whole"]
    assert (shipper.pump.lag.unfinished, shipper.pump.lag.unread) == (4, 0)


def test_blank_lines_by_policy(ship: Make) -> None:
    """10: blank lines are counted and skipped, or seen by the grammar as any other."""
    skip = ship("*.log", home="skip", policy=Policy())
    keep = ship("*.log", home="keep", policy=Policy(keep_blank=True))
    for shipper in (skip, keep):
        shipper.logs.write("app.log", b"a\n\n \nb\n")
    assert skip.new_lines() == ["a", "b"]
    assert skip.ledger().lines_blank == 2
    keep.catch_up()
    assert (keep.ledger().lines_emitted, keep.ledger().lines_blank) == (4, 0)
