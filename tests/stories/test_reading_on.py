"""A log is read from where it was left, line by line, each line once."""

from __future__ import annotations

import pytest

from shipper.tail.chunk import Limits
from tests.shipping import Make


def test_lines_that_stand_there_are_read_in_order(ship: Make) -> None:
    """1: what a log holds at the start is read from its beginning, each line once, in order."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "one", "two", "three")

    assert shipper.new_lines() == ["one", "two", "three"]
    assert shipper.new_lines() == []


def test_start_at_the_end_skips_what_is_old(ship: Make) -> None:
    """2: with start=end only what comes after the first start is read."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "old", "older")
    shipper.restart(shipper.source("late", "*.log", from_end=True))
    shipper.turn()
    shipper.logs.append("app.log", "new")

    assert shipper.new_lines() == ["new"]


def test_start_at_the_end_reads_later_files_whole(ship: Make) -> None:
    """3: with start=end a file that appears after the start is read from byte 0."""
    shipper = ship("nothing-here")
    shipper.restart(shipper.source("late", "*.log", from_end=True))
    shipper.turn()
    shipper.logs.append("app.log", "first", "second")

    assert shipper.new_lines() == ["first", "second"]


def test_start_at_the_end_is_for_the_first_start_only(ship: Make) -> None:
    """2, 4: a file that appeared while a start=end shipper was stopped is read whole."""
    shipper = ship("nothing-here")
    late = shipper.source("late", "*.log", from_end=True)
    shipper.restart(late)
    shipper.turn()
    shipper.stop()
    shipper.logs.append("app.log", "written while stopped")
    shipper.start(late)

    assert shipper.new_lines() == ["written while stopped"]


def test_start_at_the_end_in_the_middle_of_the_first_line(ship: Make) -> None:
    """2: the end is where it was at the start, also when the only line was half written then."""
    shipper = ship("nothing-here")
    shipper.logs.write("app.log", b"be")
    shipper.restart(shipper.source("late", "*.log", from_end=True))
    shipper.turn()
    shipper.logs.write("app.log", b"gun\n")
    shipper.logs.append("app.log", "new", "newer")

    assert shipper.new_lines() == ["begun", "new", "newer"]


def test_start_at_the_end_in_the_middle_of_a_line(ship: Make) -> None:
    """2: a line half written at the start is a new line: it is read whole."""
    shipper = ship("nothing-here")
    shipper.logs.write("app.log", b"old\nbe")
    shipper.restart(shipper.source("late", "*.log", from_end=True))
    shipper.turn()
    shipper.logs.write("app.log", b"gun\n")

    assert shipper.new_lines() == ["begun"]


@pytest.mark.parametrize("killed", [False, True])
def test_lines_written_while_stopped(ship: Make, killed: bool) -> None:
    """4: after a restart, orderly or not, the lines written meanwhile are read, once."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "before")
    shipper.catch_up()
    (shipper.kill if killed else shipper.stop)()
    shipper.logs.append("app.log", "meanwhile")
    shipper.start()
    shipper.logs.append("app.log", "after")

    assert shipper.new_lines() == ["before", "meanwhile", "after"]


def test_half_a_line_waits_for_the_rest(ship: Make) -> None:
    """5: half a line is no line; when the rest arrives, they are one."""
    shipper = ship("*.log")
    shipper.logs.write("app.log", b"half a ")
    assert shipper.new_lines() == []
    shipper.logs.write("app.log", b"line\nand ")
    assert shipper.new_lines() == ["half a line"]
    shipper.logs.write("app.log", b"more\n")

    assert shipper.new_lines() == ["and more"]


@pytest.mark.parametrize("killed", [False, True])
def test_half_a_line_across_a_restart(ship: Make, killed: bool) -> None:
    """6: half a line, a restart, the other half: one line, once."""
    shipper = ship("*.log")
    shipper.logs.write("app.log", b"whole\nhalf a ")
    shipper.catch_up()
    (shipper.kill if killed else shipper.stop)()
    shipper.logs.write("app.log", b"line\n")
    shipper.start()

    assert shipper.new_lines() == ["whole", "half a line"]


def test_a_character_split_by_the_border_of_a_read(ship: Make) -> None:
    """8: a character of several bytes is whole wherever reads and writes are cut."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=16))
    for piece in (b"na\xc3", b"\xafve \xf0\x9f", b"\x98\x80\n", "grüße ßßßßßßßßßßßß\n".encode()):
        shipper.logs.write("app.log", piece)
        shipper.turn()

    assert shipper.new_lines() == ["naïve 😀", "grüße ßßßßßßßßßßßß"]


def test_blank_lines_and_carriage_returns(ship: Make) -> None:
    """10: blank lines are counted and skipped, one CR before LF is part of the ending."""
    shipper = ship("*.log")
    shipper.logs.write("app.log", b"\n\r\n  \n a\r\nb\r\r\nc\rd\n")

    assert shipper.new_lines() == [" a", "b\r", "c\rd"]
    assert shipper.new_lines() == []
    assert shipper.ledger().lines_blank == 3


def test_a_clock_that_jumps(ship: Make) -> None:
    """77: the time of day may jump by a day either way: reading and ids do not care."""
    shipper, steady = ship("*.log"), ship("*.log", home="steady")
    for number, jump in enumerate((0.0, 86_400.0, -172_800.0)):
        shipper.clock.wall += jump
        for each in (shipper, steady):
            each.logs.append("app.log", f"line {number}")
            each.catch_up()

    assert shipper.lines() == ["line 0", "line 1", "line 2"]
    assert len({event.eid for event in shipper.events()}) == 3
