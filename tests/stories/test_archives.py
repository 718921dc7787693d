"""Compressed logs: each line once, whether it was read before, halfway, or never."""

from __future__ import annotations

import gzip
import random

import pytest

from shipper.pump import Pace
from shipper.tail.chunk import Limits
from tests.shipping import GRACE, SWEEP, Make, Shipper, stamped
from tests.tail.archives import PACKS, every_kind

LINES = [f"192.0.2.{n % 200} line {n}" for n in range(20_000)]
TEXT = "".join(f"{line}\n" for line in LINES).encode()


def _compress(shipper: Shipper, name: str) -> None:
    """Do as gzip does: write the archive beside the file, then take the file away."""
    shipper.logs.write(f"{name}.gz", gzip.compress(shipper.logs.path(name).read_bytes()))
    shipper.logs.delete(name)


@every_kind
def test_an_archive_of_several_members(ship: Make, kind: str) -> None:
    """55: each line of a compressed file arrives once, members and the last line included."""
    shipper = ship("app.log*")
    pack = PACKS[kind]
    half = len(TEXT) // 2
    shipper.logs.write("app.log.1.any", pack(TEXT[:half]) + pack(TEXT[half:]) + pack(b"the end"))

    assert shipper.new_lines() == [*LINES, "the end"]
    assert shipper.after_grace().new_lines() == []


@pytest.mark.parametrize("killed", [False, True])
def test_an_archive_resumed_halfway(ship: Make, killed: bool) -> None:
    """55: a restart in the middle of an archive goes on there, at the same plain offset."""
    shipper = ship("*.gz", limits=Limits(chunk_bytes=8_192), pace=Pace(sweep=SWEEP, turn_bytes=1))
    shipper.logs.write("app.log.gz", gzip.compress(TEXT))
    shipper.turn(30)
    assert 100 < len(shipper.lines()) < 15_000
    (tailer,) = shipper.fleet.tailers()
    assert tailer.size - tailer.unread == tailer.checkpoint.offset
    assert len(TEXT) / 2 < tailer.size < len(TEXT) * 2
    (shipper.kill if killed else shipper.stop)()
    shipper.start()

    assert shipper.catch_up().lines() == LINES
    assert len({event.eid for event in shipper.events()}) == len(LINES)


def test_an_archive_has_the_ids_of_its_log(ship: Make) -> None:
    """55, 82: whether a file is read as text or compressed, its events are the same bytes."""
    lines = [stamped(n, "line") for n in range(50)]
    shipper = ship("app.log*")
    shipper.logs.append("app.log", *lines)
    shipper.catch_up()
    shipper.logs.rotate("app.log")
    _compress(shipper, "app.log.1")
    shipper.stop()
    as_text = shipper.home / "state-0"
    shipper.start()
    events = shipper.events()
    shipper.stop()
    as_text.rename(shipper.home / "state-text")
    shipper.start()

    assert shipper.catch_up().events() == events
    assert len(events) == 50


@pytest.mark.parametrize("unread", [False, True])
@pytest.mark.parametrize("seen", [False, True])
def test_a_rotated_log_is_compressed(ship: Make, unread: bool, seen: bool) -> None:
    """56: a log that was read as text is not read again compressed; its unread rest is."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.logs.rotate("app.log")
    if seen:
        shipper.turn()
    if unread:
        shipper.logs.append("app.log.1", "c")
    _compress(shipper, "app.log.1")
    shipper.logs.append("app.log", "d")

    expected = ["a", "b", *(["c"] if unread else []), "d"]
    assert sorted(shipper.after_grace().lines()) == expected
    shipper.kill()
    shipper.start()
    assert sorted(shipper.after_grace().lines()) == expected


def test_compressed_while_stopped(ship: Make) -> None:
    """56: the rest of a log that was rotated and compressed while nobody looked arrives."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up().kill()
    shipper.logs.append("app.log", "c")
    shipper.logs.rotate("app.log")
    _compress(shipper, "app.log.1")
    shipper.start()

    assert shipper.after_grace().lines() == ["a", "b", "c"]
    assert len(shipper.store.checkpoints()) == 1


def test_compressed_while_stopped_among_logs_that_begin_alike(ship: Make) -> None:
    """56, 81: of lost files that begin alike, an archive is the one of which most was read."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log.2", "here we go")
    shipper.catch_up()
    shipper.logs.append("app.log.1", "here we go", "a")
    shipper.catch_up()
    shipper.kill()
    shipper.logs.delete("app.log.2")
    _compress(shipper, "app.log.1")
    shipper.start()

    assert shipper.after_grace().lines() == ["here we go", "here we go", "a"]


def test_an_archive_on_the_inode_of_another_log_that_begins_alike(ship: Make) -> None:
    """31, 56: that it has the inode of one does not make it that one's archive."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log.2", "here we go")
    shipper.catch_up()
    shipper.logs.append("app.log.1", "here we go", "a")
    shipper.catch_up()
    shipper.kill()
    _compress(shipper, "app.log.1")
    archive = shipper.logs.path("app.log.1.gz")
    on_its_inode = shipper.logs.path("app.log.2")
    on_its_inode.write_bytes(archive.read_bytes())
    on_its_inode.replace(archive)
    shipper.start()

    assert shipper.after_grace().lines() == ["here we go", "here we go", "a"]


def test_both_are_there_while_it_is_compressed(ship: Make) -> None:
    """56: the archive grows beside the text, which is taken away last: nothing comes twice."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log.1", *LINES)
    shipper.catch_up()
    packed = gzip.compress(TEXT)
    for start in range(0, len(packed), 5_000):
        shipper.logs.write("app.log.1.gz", packed[start : start + 5_000])
        shipper.turn(2)
    shipper.turn(3)
    shipper.logs.delete("app.log.1")

    assert shipper.after_grace().lines() == LINES
    (checkpoint,) = shipper.store.checkpoints()
    assert checkpoint.path.endswith("app.log.1.gz")


def test_both_stay(ship: Make) -> None:
    """56: an archive beside a text that stays (gzip -k) ships nothing, now and after a restart."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log.1", "a", "b")
    shipper.catch_up()
    shipper.logs.write("app.log.1.gz", gzip.compress(b"a\nb\n"))
    assert shipper.after_grace().lines() == ["a", "b"]
    shipper.kill()
    shipper.logs.delete("app.log.1")
    shipper.start()

    assert shipper.after_grace().lines() == ["a", "b"]


def test_compressed_long_after_it_was_finished(ship: Make) -> None:
    """56: a file that was finished out of sight comes back compressed: nothing is new in it."""
    shipper = ship("app.log", "*.gz")
    shipper.logs.append("app.log", "a", "b")
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.1")
    shipper.after_grace()
    assert not shipper.fleet.tailers()
    shipper.clock.pass_(10 * GRACE)
    _compress(shipper, "app.log.1")

    assert shipper.after_grace().lines() == ["a", "b"]
    shipper.restart()
    assert shipper.after_grace().lines() == ["a", "b"]


@every_kind
def test_the_good_lines_of_a_damaged_archive(ship: Make, kind: str) -> None:
    """57: the lines before a fault arrive once; the file is named, set aside, and stays so."""
    shipper = ship("*.any")
    half = TEXT.index(b"\n", len(TEXT) // 2) + 1
    bad = bytearray(PACKS[kind](TEXT[half:]))
    bad[:4] = b"\xff\xff\xff\xff"
    shipper.logs.write("app.log.any", PACKS[kind](TEXT[:half]) + bad)
    lines = shipper.after_grace().lines()

    assert lines == LINES[: len(lines)]
    assert len(shipper.reports.of("file.damaged")) == 1
    assert len(lines) == TEXT[:half].count(b"\n")
    assert not shipper.fleet.tailers()
    shipper.kill()
    shipper.start()
    assert shipper.after_grace().lines() == lines


def test_an_archive_that_ends_too_early(ship: Make) -> None:
    """57: half an archive is waited for; then its whole lines are all there is, half a line not."""
    shipper = ship("*.gz")
    shipper.logs.write("app.log.gz", gzip.compress(TEXT)[:-2_000])
    lines = shipper.new_lines()
    assert lines == LINES[: len(lines)]
    assert "file.damaged" not in shipper.reports.names()

    assert shipper.after_grace().lines() == lines
    (report,) = shipper.reports.of("file.damaged")
    assert "too early" in str(report["why"])


def test_a_damaged_archive_is_sent_again(ship: Make) -> None:
    """57: an archive that is mended is read on where its good lines ended."""
    shipper = ship("*.gz")
    packed = gzip.compress(TEXT)
    shipper.logs.write("app.log.gz", packed[:-2_000])
    shipper.after_grace()
    shipper.logs.write("app.log.gz", packed[-2_000:])

    assert shipper.after_grace().lines() == LINES


def test_nothing_but_damage(ship: Make) -> None:
    """57: a file of which not one line can be had is named once."""
    shipper = ship("*.gz")
    shipper.logs.write("app.log.gz", b"\x1f\x8b\x08\0 whatever it is\n")

    assert shipper.after_grace().lines() == []
    assert shipper.reports.names().count("file.damaged") == 1


def test_an_archive_that_is_still_being_written(ship: Make) -> None:
    """58: what has not arrived yet is no end, however the writing is cut."""
    shipper = ship("*.gz")
    packed = gzip.compress(TEXT) + gzip.compress(b"more\n")
    for start in range(0, len(packed), 3_001):
        shipper.logs.write("app.log.gz", packed[start : start + 3_001])
        shipper.turn(3)
        shipper.clock.pass_(GRACE / 2)

    assert shipper.catch_up().lines() == [*LINES, "more"]
    assert "file.damaged" not in shipper.reports.names()


def test_an_archive_becomes_text(ship: Make) -> None:
    """57: a name that held an archive may hold text next, and the other way round."""
    shipper = ship("*.log")
    path = shipper.logs.path("app.log")
    path.write_bytes(gzip.compress(b"packed\n"))
    shipper.catch_up()
    path.write_bytes(b"text, and more of it than before\n")
    shipper.catch_up()
    path.write_bytes(gzip.compress(b"packed again\n"))

    assert shipper.new_lines() == ["packed", "text, and more of it than before", "packed again"]


@every_kind
def test_long_lines_in_an_archive(ship: Make, kind: str) -> None:
    """50, 55: lines longer than a chunk, and than what is kept of one, cost their end at most."""
    limits = Limits(chunk_bytes=4_096, kept_bytes=100_000)
    shipper = ship("app.log*", limits=limits, line_bytes=150_000, max_bytes=400_000)
    lines = ["a", "b" * 50_000, "c", "d" * 3_000_000, "e" * 4_096, "f"]
    shipper.logs.write("app.log.1.any", PACKS[kind]("\n".join(lines).encode()))

    shipper.catch_up()
    assert [line[0] for line in shipper.lines() if line[0] != "d"] == ["a", "b", "c", "e", "f"]
    assert shipper.ledger().bytes_read == len("\n".join(lines))
    assert shipper.ledger().lines_read == 6


def test_the_end_is_not_reached_before_an_archive_is_recognised(ship: Make) -> None:
    """56: who stops at the end of all files has read what an archive has more than its log had.

    To compare it where its log was left takes several looks: it is decompressed up to there.
    """
    shipper = ship("app.log*")
    rng = random.Random(1)
    shipper.logs.append("app.log", *(rng.randbytes(500).hex() for _ in range(6_000)))
    shipper.catch_up()
    shipper.stop()
    shipper.logs.append("app.log", "the last line")
    _compress(shipper, "app.log")
    shipper.start()
    for _ in range(100):
        if shipper.turn().pump.done:
            break

    assert shipper.lines()[6_000:] == ["the last line"]
