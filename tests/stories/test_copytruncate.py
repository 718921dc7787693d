"""copytruncate: the log is copied, then emptied; the copy is what is left of the old one."""

from __future__ import annotations

import gzip

import pytest

from shipper.pump import Pace
from tests.shipping import GRACE, SWEEP, Make, Shipper


def _copytruncate(shipper: Shipper, old: str = "app.log", new: str = "app.log.1") -> None:
    shipper.logs.copy(old, new)
    shipper.logs.truncate(old)


def _pack(shipper: Shipper, name: str) -> None:
    text = shipper.logs.path(name).read_bytes()
    shipper.logs.write(f"{name}.gz", gzip.compress(text))
    shipper.logs.delete(name)


@pytest.mark.parametrize("between", [0, 1, 3])
def test_caught_up(ship: Make, between: int) -> None:
    """21: the copy of a log that was read to its end adds nothing; the new lines arrive."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.logs.copy("app.log", "app.log.1")
    shipper.turn(between)
    shipper.logs.truncate("app.log")
    shipper.turn(between)
    shipper.logs.append("app.log", "c")

    assert shipper.after_grace().lines() == ["a", "b", "c"]
    assert shipper.ledger().bytes_lost == 0
    shipper.kill()
    shipper.start()
    assert shipper.after_grace().lines() == ["a", "b", "c"]


@pytest.mark.parametrize("between", [0, 1])
@pytest.mark.parametrize("killed", [False, True])
def test_unread_bytes_are_read_from_the_copy(ship: Make, between: int, killed: bool) -> None:
    """22: what was not read of the original is read from the copy, once, under its own ids."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.pump._pace = Pace(sweep=SWEEP, queue_bytes=1)
    shipper.logs.append("app.log", "c", "d")
    shipper.turn()
    shipper.logs.copy("app.log", "app.log.1")
    shipper.turn(between)
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "e")
    shipper.turn(between)
    shipper.pump._pace = Pace(sweep=SWEEP)
    if killed:
        shipper.kill()
        shipper.start()

    assert sorted(shipper.after_grace().lines()) == ["a", "b", "c", "d", "e"]
    assert len({event.eid for event in shipper.events()}) == 5
    assert shipper.ledger().bytes_lost == 0


def test_a_copy_beside_it_that_no_glob_names(ship: Make) -> None:
    """23: a copy in the same directory, out of the glob, gives back what was not read."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.logs.append("app.log", "b")
    shipper.pump._pace = Pace(sweep=SWEEP, queue_bytes=1)
    shipper.turn()
    _copytruncate(shipper)
    shipper.turn()
    shipper.pump._pace = Pace(sweep=SWEEP)
    shipper.logs.append("app.log", "c")

    assert sorted(shipper.after_grace().lines()) == ["a", "b", "c"]
    assert shipper.ledger().bytes_lost == 0
    assert len(shipper.fleet.tailers()) == 1


def test_a_copy_beside_it_of_lines_that_nobody_saw(ship: Make) -> None:
    """23: lines that came after the last look are read from a copy that no glob names."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.logs.append("app.log", "b")
    _copytruncate(shipper)
    shipper.logs.append("app.log", "c")

    assert sorted(shipper.after_grace().lines()) == ["a", "b", "c"]
    assert shipper.ledger().bytes_lost == 0


def test_a_copy_beside_it_when_its_source_has_another_name(ship: Make) -> None:
    """23, 25: truncated while stopped, it goes on in its copy, as the source that is there now."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.kill()
    shipper.logs.append("app.log", "b")
    _copytruncate(shipper)
    shipper.start(shipper.source("renamed", "app.log"))

    assert shipper.after_grace().lines() == ["a", "b"]
    assert set(shipper.store.ledgers()) == {"renamed"}


def test_a_copy_elsewhere(ship: Make) -> None:
    """23: what was not read, and is copied nobody knows where, is counted as lost."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.logs.append("app.log", "b")
    shipper.pump._pace = Pace(sweep=SWEEP, queue_bytes=1)
    shipper.turn()
    shipper.logs.path("away").mkdir()
    _copytruncate(shipper, new="away/app.log.1")
    shipper.turn()
    shipper.pump._pace = Pace(sweep=SWEEP)
    shipper.logs.append("app.log", "c")

    assert shipper.after_grace().lines() == ["a", "c"]
    assert shipper.ledger().bytes_lost == 2


@pytest.mark.parametrize("named", [False, True])
def test_copied_truncated_and_compressed_at_once(ship: Make, named: bool) -> None:
    """22, 56: the copy is an archive before anybody saw it as text."""
    shipper = ship("app.log*" if named else "app.log")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.logs.append("app.log", "c")
    text = shipper.logs.path("app.log").read_bytes()
    shipper.pump._pace = Pace(sweep=SWEEP, queue_bytes=1)
    shipper.turn()
    shipper.logs.write("app.log.1.gz", gzip.compress(text))
    shipper.logs.truncate("app.log")
    shipper.turn()
    shipper.pump._pace = Pace(sweep=SWEEP)
    shipper.logs.append("app.log", "d")

    assert sorted(shipper.after_grace().lines()) == ["a", "b", "c", "d"]
    shipper.kill()
    shipper.start()
    assert sorted(shipper.after_grace().lines()) == ["a", "b", "c", "d"]


def test_the_archive_comes_after_the_truncation(ship: Make) -> None:
    """22, 56: an archive that is still being written when the log is emptied is waited for."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", *(f"line {n}" for n in range(3_000)))
    shipper.catch_up()
    packed = gzip.compress(shipper.logs.path("app.log").read_bytes())
    shipper.logs.write("app.log.1.gz", packed[:3_000])
    shipper.logs.truncate("app.log")
    shipper.turn(3)
    shipper.logs.write("app.log.1.gz", packed[3_000:])

    assert len(shipper.after_grace().lines()) == 3_000


def test_truncated_and_regrown_with_a_copy(ship: Make) -> None:
    """24, 26: an emptied log that outgrew its old size between two looks, and its copy."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "banner", "a")
    shipper.catch_up()
    shipper.kill()
    shipper.logs.append("app.log", "b")
    _copytruncate(shipper)
    shipper.logs.append("app.log", "banner", *(f"new {n}" for n in range(20)))
    shipper.start()

    expected = ["banner", "a", "b", "banner", *(f"new {n}" for n in range(20))]
    assert sorted(shipper.after_grace().lines()) == sorted(expected)
    assert len({event.eid for event in shipper.events()}) == 24


def test_many_copies_in_a_row(ship: Make) -> None:
    """12, 21: copies that are renamed on and on, as with `rotate 5`, never come again."""
    shipper = ship("app.log*")
    written: list[str] = []
    for number in range(12):
        written.append(f"line {number}")
        shipper.logs.append("app.log", written[-1])
        if number % 2:
            shipper.catch_up()
        for place in range(4, 0, -1):
            if shipper.logs.path(f"app.log.{place}").exists():
                shipper.logs.rename(f"app.log.{place}", f"app.log.{place + 1}")
        _copytruncate(shipper)
        shipper.turn(number % 3)

    assert sorted(shipper.after_grace().lines()) == sorted(written)


def test_a_copy_of_a_log_that_goes_on(ship: Make) -> None:
    """21: a backup beside a log that goes on growing has nothing to ship, ever."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.logs.copy("app.log", "app.log.bak")
    shipper.logs.append("app.log", "c")
    assert shipper.after_grace().lines() == ["a", "b", "c"]
    shipper.clock.pass_(2 * GRACE)
    assert shipper.after_grace().lines() == ["a", "b", "c"]
    shipper.kill()
    shipper.logs.truncate("app.log")
    shipper.start()

    assert shipper.after_grace().lines() == ["a", "b", "c"]


def test_copied_truncated_and_renamed_before_a_look(ship: Make) -> None:
    """12, 21: the copy is two names from the log, which is renamed and goes on: nothing twice."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    _copytruncate(shipper, new="app.log.2")
    shipper.logs.rename("app.log", "app.log.1")
    shipper.logs.append("app.log.1", "b, and longer than before")

    assert shipper.after_grace().lines() == ["a", "b, and longer than before"]
    assert shipper.ledger().bytes_lost == 0


def test_a_copy_in_pieces(ship: Make) -> None:
    """21: a copy that takes its time is no log of its own."""
    shipper = ship("app.log*")
    text = "".join(f"line {n}\n" for n in range(1_000))
    shipper.logs.write("app.log", text.encode())
    shipper.catch_up()
    for start in range(0, len(text), 1_500):
        shipper.logs.write("app.log.1", text[start : start + 1_500].encode())
        shipper.turn(2)
    shipper.logs.truncate("app.log")

    assert len(shipper.after_grace().lines()) == 1_000


@pytest.mark.parametrize("gone", ["renamed", "deleted"])
def test_the_original_goes_away(ship: Make, gone: str) -> None:
    """21: a copy stays one when its original is renamed or deleted instead of emptied."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.logs.copy("app.log", "app.log.1")
    shipper.turn()
    if gone == "renamed":
        shipper.logs.rename("app.log", "app.log.old")
    else:
        shipper.logs.delete("app.log")

    assert shipper.after_grace().lines() == ["a", "b"]
    assert shipper.after_grace().lines() == ["a", "b"]


def _line(number: int) -> str:
    return f"{number:06d} a line that is long enough to be told from others"


def _cut_short(shipper: Shipper, *, behind: int) -> list[str]:
    """Copy the log, write and read *behind* lines more, empty it; return all that was written."""
    lines = [_line(n) for n in range(40)]
    shipper.logs.append("app.log", *lines[: 40 - behind])
    shipper.catch_up()
    shipper.logs.copy("app.log", "app.log.new")
    shipper.logs.append("app.log", *lines[40 - behind :])
    assert shipper.catch_up().lines() == lines
    shipper.logs.rename("app.log.new", "app.log.1")
    shipper.logs.truncate("app.log")
    return lines


@pytest.mark.parametrize("killed", ["never", "before", "after"])
@pytest.mark.parametrize("behind", [1, 7, 39])
def test_read_on_between_copy_and_truncation(ship: Make, behind: int, killed: str) -> None:
    """21: a copy that ends before what was read, as a disk that takes its time makes it."""
    shipper = ship("app.log", "app.log.1*")
    lines = _cut_short(shipper, behind=behind)
    if killed == "before":
        shipper.kill()
        shipper.start()
    shipper.turn()
    if killed == "after":
        shipper.kill()
        shipper.start()
    shipper.logs.append("app.log", "new")

    assert shipper.after_grace().lines() == [*lines, "new"]
    assert shipper.ledger().bytes_lost == 0


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("killed", [False, True])
def test_emptied_before_anything_was_read(ship: Make, killed: bool, packed: bool) -> None:
    """22: a log on record of which nothing was read is read from its copy, and no loss is told."""
    lines = [_line(n) for n in range(20_000)]
    shipper = ship("app.log*", pace=Pace(sweep=SWEEP, queue_bytes=1))
    shipper.logs.append("app.log", *lines[:10_000])
    shipper.turn(2)
    if killed:
        shipper.kill()
    shipper.logs.append("app.log", *lines[10_000:10_001])
    _copytruncate(shipper)
    if packed:
        _pack(shipper, "app.log.1")
    shipper.logs.append("app.log", *lines[10_001:])
    if killed:
        shipper.start()
    shipper.turn(2)
    shipper.pump._pace = shipper.pace = Pace(sweep=SWEEP)

    assert sorted(shipper.after_grace().lines()) == lines
    assert shipper.ledger().bytes_lost == 0


@pytest.mark.parametrize("seen", [False, True])
def test_the_archive_is_in_the_making(ship: Make, seen: bool) -> None:
    """22, 56: of a copy and the archive that is being made of it, the copy is read on."""
    shipper = ship("app.log*")
    lines = [_line(n) for n in range(3_000)]
    shipper.logs.append("app.log", *lines[:100])
    shipper.catch_up()
    shipper.pump._pace = Pace(sweep=SWEEP, queue_bytes=1)
    shipper.logs.append("app.log", *lines[100:])
    shipper.turn()
    shipper.logs.copy("app.log", "app.log.1")
    packed = gzip.compress(shipper.logs.path("app.log").read_bytes())
    shipper.logs.write("app.log.1.gz", packed[:4_000])
    shipper.turn(int(seen))
    shipper.logs.truncate("app.log")
    shipper.turn()
    shipper.pump._pace = Pace(sweep=SWEEP)
    shipper.turn(3)
    shipper.logs.write("app.log.1.gz", packed[4_000:])
    shipper.logs.delete("app.log.1")

    assert sorted(shipper.after_grace().lines()) == lines
    assert shipper.ledger().bytes_lost == 0


@pytest.mark.parametrize("packed", [False, True])
def test_met_between_copy_and_truncation(ship: Make, packed: bool) -> None:
    """21: a copy that is met together with its log, neither of them known, is a copy."""
    shipper = ship("app.log*")
    lines = [_line(n) for n in range(50)]
    shipper.logs.append("app.log", *lines[:40])
    shipper.logs.copy("app.log", "app.log.1")
    if packed:
        _pack(shipper, "app.log.1")
    shipper.logs.append("app.log", *lines[40:])
    shipper.catch_up()
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "new")

    assert sorted(shipper.after_grace().lines()) == [*lines, "new"]


def test_an_older_log_with_the_same_banner_is_no_copy(ship: Make) -> None:
    """21, 81: a rotated log that begins as the new one does, and goes on otherwise, is read."""
    shipper = ship("app.log*")
    banner = [_line(n) for n in range(40)]
    shipper.logs.append("app.log.1", *banner, "old")
    shipper.logs.append("app.log", *banner, "new", *banner)

    assert len(shipper.catch_up().lines()) == 122


@pytest.mark.parametrize("packed", [False, True])
def test_an_earlier_life_said_less(ship: Make, packed: bool) -> None:
    """21, 81: a copy is one of the log as it is, not of a life that ended after the banner."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "banner")
    shipper.catch_up()
    shipper.logs.truncate("app.log")
    shipper.turn()
    shipper.logs.append("app.log", "banner", "one")
    shipper.catch_up()
    shipper.logs.copy("app.log", "app.log.1")
    if packed:
        _pack(shipper, "app.log.1")
    shipper.turn()
    shipper.logs.truncate("app.log")

    assert shipper.after_grace().lines() == ["banner", "banner", "one"]


def test_the_archive_of_an_older_log(ship: Make) -> None:
    """21, 81: a log that is cut off after the banner does not go on in an older one's archive."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log.1", "banner", "one")
    shipper.logs.append("app.log", "banner")
    shipper.catch_up()
    shipper.logs.copy("app.log.1", "app.log.2")
    _pack(shipper, "app.log.2")
    shipper.logs.rename("app.log.2.gz", "app.log.1.gz")
    shipper.turn()
    shipper.logs.truncate("app.log")
    shipper.turn()
    shipper.logs.delete("app.log.1")

    assert sorted(shipper.after_grace().lines()) == ["banner", "banner", "one"]


def test_a_lost_log_said_less(ship: Make) -> None:
    """21, 81: nor is it one of a log that is gone, and said less."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log.2", "banner")
    shipper.catch_up()
    shipper.logs.append("app.log", "banner", "one")
    shipper.catch_up()
    shipper.kill()
    shipper.logs.rename("app.log.2", "away/app.log.2")  # nobody gets its inode
    shipper.start()
    shipper.turn()
    shipper.logs.copy("app.log", "app.log.1")
    shipper.turn()
    shipper.logs.truncate("app.log")

    assert shipper.after_grace().lines() == ["banner", "banner", "one"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("killed", [False, True])
def test_seen_between_copy_and_truncation(ship: Make, killed: bool, packed: bool) -> None:
    """23: nothing was read, and the copy has not all that was seen: what it has not is told."""
    shipper = ship("app.log", "app.log.1*", pace=Pace(sweep=SWEEP, queue_bytes=1))
    lines = [_line(n) for n in range(2_000)]
    shipper.logs.append("app.log", *lines[:1_900])
    shipper.logs.copy("app.log", "app.log.new")
    shipper.logs.append("app.log", *lines[1_900:])
    shipper.turn(2)
    if killed:
        shipper.kill()
    shipper.logs.rename("app.log.new", "app.log.1")
    if packed:
        _pack(shipper, "app.log.1")
    shipper.logs.truncate("app.log")
    if killed:
        shipper.start()
    shipper.turn(2)
    shipper.pump._pace = shipper.pace = Pace(sweep=SWEEP)

    assert sorted(shipper.after_grace().lines()) == lines[:1_900]
    assert shipper.ledger().bytes_lost == sum(len(line) + 1 for line in lines[1_900:])


def test_the_end_is_not_reached_while_a_copy_is_in_doubt(ship: Make) -> None:
    """22: who stops at the end of all files waits for those that may be copies, or may not."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a", "b")
    assert shipper.catch_up().pump.done
    shipper.logs.copy("app.log", "app.log.1")
    assert not shipper.catch_up().pump.done
    shipper.after_grace()

    assert shipper.pump.done
    assert shipper.lines() == ["a", "b"]


@pytest.mark.parametrize("killed", [False, True])
def test_a_hole_proves_no_copy(ship: Make, killed: bool) -> None:
    """21, 27: two logs that begin with a hole are not one for that; both are read."""
    shipper = ship("app.log*")
    lines = [_line(n) for n in range(30)]
    shipper.logs.write("app.log", bytes(3_000))
    shipper.logs.append("app.log", *lines[:29])
    shipper.catch_up()
    if killed:
        shipper.kill()
    shipper.logs.write("app.log.1", bytes(3_400))
    shipper.logs.append("app.log.1", lines[29])
    shipper.logs.truncate("app.log")
    if killed:
        shipper.start()

    assert shipper.after_grace().lines() == lines
