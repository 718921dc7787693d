"""A truncated log starts a new life: what is new is read from byte 0, what is old is not."""

from __future__ import annotations

import pytest

from shipper.tail.chunk import Limits
from tests.shipping import Make


def test_truncated_and_grown_past_the_old_offset(ship: Make) -> None:
    """24: truncated and regrown beyond the offset between two looks: new content from 0."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "old 1", "old 2")
    assert shipper.new_lines() == ["old 1", "old 2"]
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", *(f"new {n}" for n in range(100)))

    assert [f"new {n}" for n in range(100)] == shipper.new_lines()
    assert "file.rewritten" in shipper.reports.names()


def test_truncated_and_grown_past_the_old_offset_with_the_same_first_line(ship: Make) -> None:
    """24: the same banner at the top does not make it the old file."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "banner", "old 1")
    shipper.catch_up()
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "banner", "new 1", "new 2")

    assert shipper.new_lines() == ["banner", "old 1", "banner", "new 1", "new 2"]
    assert len({event.eid for event in shipper.events()}) == 5


@pytest.mark.parametrize("killed", [False, True])
def test_truncated_while_stopped(ship: Make, killed: bool) -> None:
    """25: truncated while stopped, and smaller now: from 0."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "old 1", "old 2", "old 3")
    shipper.new_lines()
    (shipper.kill if killed else shipper.stop)()
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "new")
    shipper.start()

    assert shipper.new_lines() == ["new"]
    assert "file.truncated" in shipper.reports.names()


def test_truncated_and_regrown_while_stopped(ship: Make) -> None:
    """26: truncated while stopped, and larger now: the bytes before the offset tell."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "banner", "old")
    shipper.new_lines()
    shipper.kill()
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "banner", "new 1", "new 2", "new 3")
    shipper.start()

    assert shipper.new_lines() == ["banner", "new 1", "new 2", "new 3"]


@pytest.mark.parametrize("size", [2, 900, 5_000, 300_000, 3_000_000])
def test_a_writer_that_keeps_its_offset(ship: Make, size: int) -> None:
    """27: a writer without O_APPEND leaves a hole of NULs; the lines behind it come without."""
    shipper = ship("*.log", line_bytes=200_000)
    path = shipper.logs.path("app.log")
    old = ["x" * 98 for _ in range(size // 99)] or ["x"]
    path.write_bytes(b"")
    with path.open("r+b", buffering=0) as writer:
        writer.write("".join(f"{line}\n" for line in old).encode())
        assert shipper.new_lines() == old
        shipper.logs.truncate("app.log")
        shipper.turn()
        writer.write(b"new 1\nnew 2\n")

        assert shipper.new_lines() == ["new 1", "new 2"]
    assert shipper.ledger().bytes_lost == 0


def test_space_that_was_set_aside(ship: Make) -> None:
    """27: NULs at the end may be filled yet: they are waited for, and what fills them is read."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=512))
    path = shipper.logs.path("app.log")
    path.write_bytes(bytes(100_000))
    assert shipper.new_lines() == []
    with path.open("r+b", buffering=0) as writer:
        for number in range(5):
            writer.write(f"line {number}\n".encode())
            assert shipper.new_lines() == [f"line {number}"]


def test_a_hole_between_lines(ship: Make) -> None:
    """27: a hole in the middle of a log is counted as blank, and none of it is lost."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=4_096), line_bytes=2_000)
    shipper.logs.write("app.log", b"a\n" + bytes(50_000) + b"b\n\0c\n" + bytes(3_000) + b"d\n")

    assert shipper.new_lines() == ["a", "b", "c", "d"]
    assert shipper.ledger().bytes_blank == 53_000
    assert shipper.ledger().bytes_read == 53_009


def test_truncated_to_nothing_and_left_so(ship: Make) -> None:
    """25: an emptied file is waited for, and its next line is the first of a new life."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "line")
    shipper.catch_up()
    shipper.logs.truncate("app.log")
    shipper.turn(3)
    shipper.logs.append("app.log", "line")

    assert shipper.new_lines() == ["line", "line"]
    first, second = shipper.events()
    assert first.eid != second.eid


def test_the_same_banner_at_each_start(ship: Make) -> None:
    """81: an application that empties its log and prints the same banner is heard each time."""
    shipper = ship("*.log")
    for number in range(6):
        shipper.logs.append("app.log", "banner")
        assert shipper.new_lines() == ["banner"]
        shipper.logs.truncate("app.log")
        shipper.turn()
        if number % 2:
            shipper.kill()
            shipper.start()

    assert len({event.eid for event in shipper.events()}) == 6


def test_the_banner_of_an_earlier_life(ship: Make) -> None:
    """81: a new life that looks like one before the last is still a new life."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "banner")
    shipper.catch_up()
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "another", "and longer")
    shipper.catch_up()
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "banner", "three")

    assert shipper.new_lines() == ["banner", "another", "and longer", "banner", "three"]
    assert len({event.eid for event in shipper.events()}) == 5


def test_a_new_life_is_not_a_copy_of_a_deleted_file(ship: Make) -> None:
    """81: what is written into an emptied file is new, also if a lost file said the same."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log.1", "banner", "one")
    shipper.logs.append("app.log", "another", "and two")
    shipper.new_lines()
    shipper.logs.delete("app.log.1")
    shipper.logs.truncate("app.log")
    shipper.turn()
    shipper.logs.append("app.log", "banner", "one", "three")

    assert shipper.new_lines() == ["banner", "one", "three"]
    assert len({event.eid for event in shipper.events()}) == 7


def test_half_a_line_is_taken_back_while_stopped(ship: Make) -> None:
    """25: an end that was seen and not read may be gone after a crash: nothing is read again."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.logs.write("app.log", b"half a l")
    shipper.catch_up()
    shipper.kill()
    shipper.logs.truncate("app.log", len("a\n"))
    shipper.start()
    shipper.logs.append("app.log", "b")

    assert shipper.catch_up().lines() == ["a", "b"]


def test_unread_bytes_that_were_truncated_are_counted(ship: Make) -> None:
    """23: bytes that were seen and are gone before their turn are counted as lost."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "read")
    shipper.catch_up()
    shipper.logs.write("app.log", b"half a line")
    shipper.turn(2)
    shipper.logs.truncate("app.log")
    shipper.turn(2)

    assert shipper.ledger().bytes_lost == len(b"half a line")


def test_regrown_bytes_are_not_counted_as_lost(ship: Make) -> None:
    """23, 24: what a new life brought was not lost by the old one."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "old")
    shipper.catch_up()
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "much more than before", "and again")
    shipper.catch_up()

    assert shipper.ledger().bytes_lost == 0


def test_truncated_after_it_was_renamed_away(ship: Make) -> None:
    """24: a file out of sight that is emptied and written anew is still read while it is held."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "one", "two")
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.1")
    shipper.turn()
    shipper.logs.truncate("app.log.1")
    shipper.turn()
    shipper.logs.append("app.log.1", "three")

    assert shipper.new_lines() == ["one", "two", "three"]
