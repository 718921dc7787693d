"""A file that was replaced, deleted or made anew: only what is new in it is read."""

from __future__ import annotations

import os

import pytest

from tests.arrivals import numbered
from tests.shipping import Make


def test_replaced_with_the_same_content_and_a_line_more(ship: Make) -> None:
    """28: an editor's atomic replace adds one line: only that one is new."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a", "b")
    shipper.new_lines()
    shipper.logs.replace("app.log", "a", "b", "c")

    assert shipper.new_lines() == ["c"]
    shipper.logs.append("app.log", "d")
    assert shipper.new_lines() == ["d"]
    assert shipper.after_grace().new_lines() == []


def test_replaced_with_unread_lines_in_it(ship: Make) -> None:
    """28: lines that came just before the replace are in the new file; they are read once."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    shipper.new_lines()
    shipper.logs.append("app.log", "b")
    shipper.logs.replace("app.log", "a", "b", "c")

    assert shipper.new_lines() == ["b", "c"]
    assert shipper.after_grace().new_lines() == []


def test_replaced_without_the_unread_lines(ship: Make) -> None:
    """28: lines that came just before the replace, and are not in the new file, are read."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    shipper.new_lines()
    shipper.logs.append("app.log", "b")
    shipper.logs.replace("app.log", "a", "x", "c")

    assert {"b", "x", "c"} <= set(shipper.after_grace().new_lines())


def test_replaced_while_stopped(ship: Make) -> None:
    """28: the same, while nobody looked."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a", "b")
    shipper.new_lines()
    shipper.kill()
    shipper.logs.replace("app.log", "a", "b", "c")
    shipper.start()

    assert shipper.new_lines() == ["c"]


def test_replaced_where_a_lost_log_said_less(ship: Make) -> None:
    """28, 81: of two logs that begin alike, the new file is the one that it says all of."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "banner")
    shipper.logs.append("app.log.1", "banner", "one")
    shipper.catch_up()
    shipper.kill()
    shipper.logs.rename("app.log", "away/app.log")  # nobody gets its inode
    shipper.start()
    shipper.turn()
    shipper.logs.replace("app.log.1", "banner", "one", "two")

    assert shipper.after_grace().lines() == ["banner", "banner", "one", "two"]


def test_replaced_with_new_content(ship: Make) -> None:
    """29: an atomic replace with other content: all of it is new."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a", "b")
    shipper.new_lines()
    shipper.logs.replace("app.log", "x", "y", "z")

    assert shipper.new_lines() == ["x", "y", "z"]


def test_a_copy_beside_the_original_is_another_file(ship: Make) -> None:
    """28: while the old file is still there, an equal one is not taken for it."""
    shipper = ship("*.log*")
    shipper.logs.append("app.log", "a")
    shipper.new_lines()
    shipper.logs.rename("app.log", "app.log.1")
    shipper.logs.append("app.log", "a", "b")

    assert shipper.new_lines() == ["a", "b"]


def test_deleted_while_being_read(ship: Make) -> None:
    """30: what was written before the delete is read from the file that is still held."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    shipper.new_lines()
    shipper.logs.append("app.log", "b")
    shipper.logs.delete("app.log")

    assert shipper.new_lines() == ["b"]
    assert shipper.after_grace().new_lines() == []
    assert not shipper.fleet.tailers()


def test_deleted_and_made_anew_with_the_same_size(ship: Make) -> None:
    """31: same path, same size, perhaps the same inode: new content is read."""
    shipper = ship("*.log")
    for number in range(5):
        shipper.logs.append("app.log", f"life {number}")
        assert [f"life {number}"] == shipper.new_lines()
        if number % 2:
            shipper.kill()
        shipper.logs.delete("app.log")
        if number % 2:
            shipper.logs.append("app.log", f"LIFE {number}")
            shipper.start()
            assert [f"LIFE {number}"] == shipper.new_lines()
            shipper.logs.delete("app.log")


def test_an_inode_used_again_while_stopped(ship: Make) -> None:
    """32: another file with the number of the old one is read from 0."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "old 1", "old 2")
    inode = shipper.logs.path("app.log").stat().st_ino
    shipper.new_lines()
    shipper.kill()
    shipper.logs.delete("app.log")
    for number in range(64):  # until the file system gives the number away again
        shipper.logs.append(f"other-{number}.log", f"new {number}", "and more of it", "end")
        if shipper.logs.path(f"other-{number}.log").stat().st_ino == inode:
            break
    shipper.start()
    new = shipper.new_lines()

    assert [f"new {n}" for n in range(number + 1)] == sorted(
        (line for line in new if line.startswith("new")), key=lambda line: int(line[4:])
    )
    assert len(new) == 3 * (number + 1)


def test_an_inode_used_again_for_the_same_words(ship: Make) -> None:
    """32: a job that writes the same few words into a new file each time is heard each time."""
    shipper = ship("job.log")
    for _ in range(4):
        shipper.logs.append("job.log", "started", "done")
        assert shipper.new_lines() == ["started", "done"]
        shipper.logs.delete("job.log")
        shipper.after_grace()

    assert len({event.eid for event in shipper.events()}) == 8


def test_an_inode_used_again_after_half_a_line(ship: Make) -> None:
    """32, 81: a log on the inode of another is not that one without its last words."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "banner")
    shipper.logs.write("app.log", b"half a line")
    shipper.catch_up()
    shipper.kill()
    shipper.logs.path("app.log").write_bytes(b"banner\none\n")
    shipper.logs.rename("app.log", "other.log")
    shipper.start()

    assert shipper.after_grace().lines() == ["banner", "banner", "one"]


def test_two_files_with_equal_beginnings(ship: Make) -> None:
    """33: two files whose first KB is the same are both read, under different ids."""
    shipper = ship("*.log")
    same = [f"header {n:04} {'-' * 80}" for n in range(20)]
    shipper.logs.append("a.log", *same, "only in a")
    shipper.logs.append("b.log", *same, "only in b")
    lines = shipper.new_lines()

    assert sorted([*same, *same, "only in a", "only in b"]) == sorted(lines)
    assert len({event.eid for event in shipper.events()}) == len(lines)


def test_two_logs_of_one_name_with_equal_beginnings(ship: Make) -> None:
    """33: two files of one canonical name and the same first KB are both read, ids differ."""
    shipper = ship("app.log*")
    same = [f"header {n:04} {'-' * 80}" for n in range(20)]
    shipper.logs.append("app.log", *same, "only here")
    shipper.logs.append("app.log.1", *same, "only there")
    lines = shipper.after_grace().lines()

    assert sorted([*same, *same, "only here", "only there"]) == sorted(lines)
    assert len({event.eid for event in shipper.events()}) == len(lines)


def test_two_small_files_that_diverge(ship: Make) -> None:
    """34: two equal files of one name are told apart by what comes: the lines of each arrive."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", "same")
    shipper.logs.copy("app.log", "app.log.1")
    assert shipper.catch_up().lines() == ["same"]
    shipper.logs.append("app.log.1", "there")
    shipper.logs.append("app.log", "here")

    assert sorted(shipper.new_lines()) == ["here", "same", "same", "there"]
    assert len({event.eid for event in shipper.events()}) == 4


def test_the_same_size_and_other_content(ship: Make) -> None:
    """49: content rewritten in place without a change of size is noticed."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "AAAA")
    path = shipper.logs.path("app.log")
    shipper.new_lines()
    path.write_bytes(b"BBBB\n")
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))

    assert shipper.turn(2).new_lines() == ["BBBB"]


def test_touched_and_not_changed(ship: Make) -> None:
    """49: a new modification time alone is no new content."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a", "b")
    shipper.new_lines()
    os.utime(shipper.logs.path("app.log"), (1, 1))

    assert shipper.turn(2).new_lines() == []
    shipper.logs.append("app.log", "c")
    assert shipper.new_lines() == ["c"]


def test_grown_with_an_unchanged_modification_time(ship: Make) -> None:
    """48: a coarse clock may leave the time of a grown file as it was: the size tells."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    path = shipper.logs.path("app.log")
    os.utime(path, (1_000, 1_000))
    shipper.new_lines()
    shipper.logs.append("app.log", "b")
    os.utime(path, (1_000, 1_000))

    assert shipper.new_lines() == ["b"]


@pytest.mark.parametrize("every", [1, 2])
def test_a_link_that_is_flipped(ship: Make, every: int) -> None:
    """37: a link that leads to a new file thirty times: what each held when seen arrives."""
    shipper = ship("current.log")
    link, seen = shipper.logs.path("current.log"), []
    for number in range(30):
        lines = [f"file {number} line {n}" for n in range(100)]
        shipper.logs.append(f"files/{number}", *lines[:50])
        shipper.logs.path("next").symlink_to(shipper.logs.path(f"files/{number}"))
        shipper.logs.path("next").replace(link)
        if number % every == 0:
            shipper.turn()
            seen += lines
        shipper.logs.append(f"files/{number}", *lines[50:])

    assert sorted(shipper.new_lines()) == sorted({*seen, *lines})


def test_an_inode_used_again_and_killed_soon(ship: Make) -> None:
    """32, 65: what became of the older file is settled, though no life is as long as the grace."""
    shipper = ship("app.log*")
    shipper.logs.append("app.log", *map(_alike, range(12)))
    shipper.catch_up()
    shipper.logs.rename("app.log", "app.log.1")
    shipper.logs.append("app.log.1", _alike(12))
    shipper.catch_up()
    for number in (100, 101, 102, 103):
        shipper.kill()
        if number == 100:  # the new log has the inode of the old one, which was deleted meanwhile
            shipper.logs.rename("app.log.1", "app.log")
            shipper.logs.truncate("app.log")
            shipper.logs.append("app.log", _alike(number))
        else:
            shipper.logs.append(f"app.log.{number}", _alike(number))
        shipper.start()
        assert shipper.catch_up().lines()[-1] == _alike(number)
    assert shipper.reports.of("file.gone") == []
    shipper.after_grace()

    (gone,) = shipper.reports.of("file.gone")
    assert (gone["path"], gone["lost_bytes"]) == (str(shipper.logs.path("app.log.1")), 0)
    assert len(shipper.lines()) == 13 + 4


def _alike(number: int) -> str:
    """Return a line of nginx's that differs from others in its number only."""
    return numbered(number).decode().removesuffix("\n")
