"""Files that are not what a log should be: empty, linked, endless, damaged, compressed."""

from __future__ import annotations

import os
import tracemalloc

from shipper.tail.chunk import Limits
from tests.shipping import Make


def test_an_empty_file(ship: Make) -> None:
    """35: an empty file makes no noise, and is read when its first byte comes."""
    shipper = ship("*.log")
    shipper.logs.write("app.log", b"")
    assert shipper.turn(3).new_lines() == []
    assert shipper.reports.names() == []
    shipper.logs.append("app.log", "first")

    assert shipper.new_lines() == ["first"]


def test_a_tiny_file(ship: Make) -> None:
    """36: ten bytes that never grow are shipped."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "tiny file")

    assert shipper.new_lines() == ["tiny file"]


def test_a_link_that_points_nowhere(ship: Make) -> None:
    """38: a dangling link makes no noise; when its target appears, that is read."""
    shipper = ship("*.log")
    shipper.logs.path("app.log").symlink_to(shipper.logs.path("data"))
    shipper.turn(5)
    assert shipper.reports.names() == []
    shipper.logs.append("data", "at last")

    assert shipper.new_lines() == ["at last"]


def test_a_link_to_itself(ship: Make) -> None:
    """38: a loop of links is reported once, and disturbs nothing."""
    shipper = ship("*.log")
    shipper.logs.path("loop.log").symlink_to("loop.log")
    shipper.logs.append("app.log", "fine")

    assert shipper.turn(5).new_lines() == ["fine"]
    assert len(shipper.reports.of("file.unreadable")) == 1


def test_one_file_by_two_globs_and_two_names(ship: Make) -> None:
    """39: one file, named by two globs, a symbolic link and a hard link, is read once."""
    shipper = ship("*.log", "app.*", "links/*")
    shipper.logs.append("app.log", "once")
    shipper.logs.path("links").mkdir()
    shipper.logs.path("links/soft").symlink_to(shipper.logs.path("app.log"))
    os.link(shipper.logs.path("app.log"), shipper.logs.path("links/hard"))

    assert shipper.new_lines() == ["once"]
    shipper.logs.delete("app.log")
    shipper.logs.append("links/hard", "twice")
    assert shipper.new_lines() == ["twice"]
    assert shipper.after_grace().new_lines() == []


def test_two_sources_that_name_one_file(ship: Make) -> None:
    """39: the first source that names a file has it."""
    shipper = ship("nothing")
    shipper.restart(shipper.source("first", "a*.log"), shipper.source("second", "*.log"))
    shipper.logs.append("app.log", "line")
    shipper.logs.append("other.log", "line")
    shipper.catch_up()

    assert {source: ledger.lines_read for source, ledger in shipper.store.ledgers().items()} == {
        "first": 1,
        "second": 1,
    }


def test_a_line_over_the_limit(ship: Make) -> None:
    """50: a line over the limit is a dead letter, and its neighbours are untouched."""
    shipper = ship("*.log", line_bytes=1_000)
    shipper.logs.append("app.log", "before", "x" * 2_000, "after")

    assert shipper.new_lines() == ["before", "after"]
    (letter,) = shipper.store.dead_letters.page()
    assert (letter.reason, letter.offset, letter.raw) == ("oversize", 7, b"x" * 2_000)
    assert shipper.ledger().bytes_oversize == 2_001


def test_a_line_longer_than_what_is_kept(ship: Make) -> None:
    """50: of a line longer than memory should hold, the beginning is kept, and its length."""
    limits = Limits(chunk_bytes=4_096, line_bytes=5_000, kept_bytes=10_000)
    shipper = ship("*.log", limits=limits, line_bytes=5_000)
    shipper.logs.append("app.log", "before", "y" * 50_000, "after")

    assert shipper.new_lines() == ["before", "after"]
    (letter,) = shipper.store.dead_letters.page()
    assert letter.raw == b"y" * 10_000
    assert "50001 bytes" in letter.detail


def test_a_line_without_end(ship: Make) -> None:
    """51: a line that never ends is looked at in bounded memory, and taken up when it ends."""
    limits = Limits(chunk_bytes=64 * 1024, kept_bytes=128 * 1024)
    shipper = ship("*.log", limits=limits)
    shipper.logs.append("app.log", "before")
    shipper.catch_up()
    tracemalloc.start()
    for _ in range(8):
        shipper.logs.write("app.log", b"z" * (1 << 20))
        shipper.turn()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    shipper.logs.write("app.log", b"\nafter\n")

    assert shipper.new_lines() == ["before", "after"]
    assert peak < 6 << 20
    assert shipper.ledger().bytes_oversize == (8 << 20) + 1


def test_offsets_beyond_32_bits(ship: Make) -> None:
    """52: lines behind 4 GiB are read at their offsets, before and after a restart."""
    shipper = ship("nothing")
    path = shipper.logs.path("huge.log")
    path.write_bytes(b"first\n")
    end = (1 << 32) + 10
    with path.open("r+b") as file:
        file.seek(end)
        file.write(b"\nold\n")
    shipper.restart(shipper.source("late", "*.log", from_end=True))
    shipper.turn()
    shipper.logs.append("huge.log", "new")
    assert shipper.new_lines() == ["new"]
    shipper.kill()
    shipper.logs.append("huge.log", "newer")
    shipper.start()

    assert shipper.new_lines() == ["newer"]
    (checkpoint,) = shipper.store.checkpoints()
    assert checkpoint.offset == end + len(b"\nold\nnew\nnewer\n")


def test_bytes_that_are_no_text(ship: Make) -> None:
    """54: bytes that are not UTF-8 are replaced in the text; offsets count raw bytes."""
    shipper = ship("*.log")
    shipper.logs.write("app.log", b"caf\xe9 \xff\xfe\nnul \0 byte\nok\n")

    assert shipper.new_lines() == ["caf\ufffd \ufffd\ufffd", "nul \0 byte", "ok"]
    (checkpoint,) = shipper.store.checkpoints()
    assert checkpoint.offset == shipper.logs.path("app.log").stat().st_size


def test_a_name_that_is_not_utf_8(ship: Make) -> None:
    """A file whose name can't be recorded is reported once with the remedy, and never crashes."""
    shipper = ship("**/*.log")
    name = os.fsencode(shipper.logs.root) + b"/caf\xe9.log"
    with open(name, "wb") as file:  # noqa: PTH123  # a name in bytes
        file.write(b"hidden\n")
    shipper.logs.append("app.log", "fine")

    assert shipper.turn(5).new_lines() == ["fine"]
    (report,) = shipper.reports.of("file.unreadable")
    assert "rename" in str(report["why"])
    assert str(report["path"]).isprintable()
    os.rename(name, shipper.logs.path("cafe.log"))  # noqa: PTH104
    assert shipper.new_lines() == ["hidden"]


def test_a_directory_and_a_pipe_named_like_logs(ship: Make) -> None:
    """What is no regular file is left alone."""
    shipper = ship("*.log")
    shipper.logs.path("dir.log").mkdir()
    os.mkfifo(shipper.logs.path("pipe.log"))
    shipper.logs.append("app.log", "fine")

    assert shipper.new_lines() == ["fine"]
