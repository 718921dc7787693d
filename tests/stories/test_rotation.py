"""A rotated log: the rest of the old file, then the new one, nothing twice."""

from __future__ import annotations

from shipper.pump import Pace
from tests.shipping import SWEEP, Make


def test_rename_and_create_with_writes_to_both(ship: Make) -> None:
    """11: lines written to the old file after the rename, and to the new one, all arrive."""
    shipper = ship("*.log*")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.1")
    shipper.logs.append("app.log", "c")
    shipper.logs.append("app.log.1", "b")

    assert sorted(shipper.new_lines()) == ["a", "b", "c"]


def test_three_rotations_before_one_look(ship: Make) -> None:
    """12: a cascade of renames between two sweeps loses nothing and repeats nothing."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "0")
    shipper.catch_up()
    for number in range(1, 4):
        shipper.logs.append("app.log", f"{number} old")
        shipper.logs.rotate("app.log")
        shipper.logs.append("app.log", f"{number} new")

    expected = ["0", "1 old", "1 new", "2 old", "2 new", "3 old", "3 new"]
    assert sorted(expected) == sorted(shipper.new_lines())
    assert shipper.after_grace().new_lines() == []


def test_fifty_quick_rotations(ship: Make) -> None:
    """13: fifty rotations, some seen and some not, lose nothing while any name is left."""
    shipper = ship("app.log*")
    written = []
    for number in range(50):
        shipper.logs.append("app.log", f"line {number}")
        written.append(f"line {number}")
        if number % 3 == 0:
            shipper.turn()
        shipper.logs.rotate("app.log", keep=60)

    assert sorted(written) == sorted(shipper.new_lines())


def test_rotated_out_of_sight(ship: Make) -> None:
    """14: the unread rest of a file whose new name no glob has is read all the same."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.logs.append("app.log", "b")
    shipper.logs.rename("app.log", "archive/app.log.1")
    shipper.logs.append("app.log", "c")

    assert shipper.new_lines() == ["a", "b", "c"]


def test_half_a_line_rotated_out_of_sight(ship: Make) -> None:
    """14: the last line of a rotated file needs no LF: after the grace time it is complete."""
    shipper = ship("app.log")
    shipper.logs.write("app.log", b"a\nthe en")
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.1")
    assert shipper.new_lines() == ["a"]
    shipper.logs.write("app.log.1", b"d")

    assert shipper.after_grace().new_lines() == ["the end"]
    assert "file.finished" in shipper.reports.names()


def test_a_first_line_that_never_ended(ship: Make) -> None:
    """14: a file that was rotated away before its first line ended is read after the grace."""
    shipper = ship("app.log")
    shipper.logs.write("app.log", b"all there is")
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.1")
    shipper.turn()

    assert shipper.after_grace().new_lines() == ["all there is"]


def test_rename_inside_the_glob(ship: Make) -> None:
    """15: a new name the glob has as well is no new file."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.logs.rename("app.log", "other.log")
    shipper.logs.append("other.log", "c")

    assert shipper.new_lines() == ["a", "b", "c"]
    assert shipper.after_grace().new_lines() == []


def test_rename_while_stopped(ship: Make) -> None:
    """16: a rename while stopped, inside the glob, is recognised."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a")
    shipper.catch_up().stop()
    shipper.logs.append("app.log", "b")
    shipper.logs.rename("app.log", "app.log.1")
    shipper.logs.append("app.log", "c")
    shipper.start()

    assert sorted(shipper.new_lines()) == ["a", "b", "c"]


def test_rename_while_stopped_out_of_sight(ship: Make) -> None:
    """16, 14: a rename while stopped, out of the glob, but in the same directory: read on."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up().kill()
    shipper.logs.append("app.log", "b")
    shipper.logs.rename("app.log", "app.log.1")
    shipper.logs.append("app.log", "c")
    shipper.start()

    assert sorted(shipper.new_lines()) == ["a", "b", "c"]


def test_rename_out_of_sight_after_its_source_was_renamed(ship: Make) -> None:
    """16, 14: a quiet log is known under its source's new name, before its next line is read."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.restart(shipper.source("renamed", "app.log"))
    shipper.catch_up()
    shipper.kill()
    shipper.logs.append("app.log", "b")
    shipper.logs.rename("app.log", "app.log.1")
    shipper.start()

    assert shipper.after_grace().lines() == ["a", "b"]


def test_rename_out_of_sight_while_its_source_is_renamed(ship: Make) -> None:
    """16, 14: whoever reads a log now reads on what another source read of it, wherever it is."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up().kill()
    shipper.logs.append("app.log", "b")
    shipper.logs.rename("app.log", "app.log.1")
    shipper.start(shipper.source("renamed", "app.log"))

    assert shipper.after_grace().lines() == ["a", "b"]


def test_rename_while_the_reader_is_elsewhere(ship: Make) -> None:
    """17: lines added just before a rename that nobody watched arrive after the restart."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a")
    shipper.catch_up().kill()
    shipper.logs.append("app.log", "b")
    shipper.logs.rotate("app.log")
    shipper.start()

    assert shipper.new_lines() == ["a", "b"]


def test_late_writes_to_the_old_file(ship: Make) -> None:
    """18: a process that writes into the renamed file for a minute is listened to."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "0")
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.old")
    for second in range(1, 61):
        shipper.logs.append("app.log.old", str(second))
        shipper.clock.pass_(1)
        shipper.turn()

    assert [str(n) for n in range(61)] == shipper.new_lines()


def test_the_new_file_takes_its_time(ship: Make) -> None:
    """19: the new file appears ten seconds after the rename and is picked up."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.1")
    for _ in range(40):
        shipper.turn()
    shipper.logs.append("app.log", "b")

    assert shipper.new_lines() == ["a", "b"]


def test_rotation_while_the_queue_is_full(ship: Make) -> None:
    """20: however long the queue is full, and however often the log is rotated: nothing is lost."""
    shipper = ship("app.log", pace=Pace(sweep=SWEEP, queue_bytes=1))
    for number in range(5):
        shipper.logs.append("app.log", f"line {number}")
        shipper.turn(3)
        shipper.logs.rename("app.log", f"app.{number}.done")
    assert shipper.pump.paused
    assert shipper.lines() == []
    shipper.clock.pass_(3_600)
    shipper.turn(3)
    shipper.pump._pace = Pace(sweep=SWEEP)  # as if the queue had drained

    assert [f"line {n}" for n in range(5)] == sorted(shipper.new_lines())


def test_a_finished_file_comes_back_under_its_name(ship: Make) -> None:
    """15: a rotated file that was read and let go is not read again when it is renamed back."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.1")
    assert shipper.after_grace().new_lines() == ["a", "b"]
    assert not shipper.fleet.tailers()
    shipper.logs.rename("app.log.1", "app.log")
    shipper.logs.append("app.log", "c")

    assert shipper.new_lines() == ["c"]
