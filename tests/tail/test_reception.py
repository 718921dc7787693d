"""Tests of the reception, rule by rule, with real files and a real state."""

from __future__ import annotations

import gzip
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from shipper.service.books import Books
from shipper.store.store import Store
from shipper.tail.checkpoint import Checkpoint
from shipper.tail.chunk import Limits
from shipper.tail.face import open_log
from shipper.tail.glob import Exclude, Glob
from shipper.tail.reception import Reception, resumes
from shipper.tail.roster import Roster
from shipper.tail.survey import Place, Source
from shipper.tail.tailer import Tailer
from tests.nobody import as_nobody
from tests.shipping import GRACE, FakeClock, Reports, open_descriptors

LINES = [b"%06d 192.0.2.1 a line of an invented log\n" % number for number in range(60)]
TEXT = b"".join(LINES)
HALF = b"".join(LINES[:30])


class Desk:
    """A reception with its roster, the books behind it, and a directory of logs."""

    def __init__(self, root: Path, *, open_files: int = 100, from_end: bool = False) -> None:
        self.logs = root / "logs"
        self.logs.mkdir(exist_ok=True)
        self.store = Store.open(root / "state")
        self.books = Books(self.store, {}, self.store.namespace("test"), FakeClock().clock())
        self.reports = Reports()
        glob = Glob(f"{self.logs}/*.log*")
        self.roster = Roster(
            [Source("web", (glob,), Exclude([]), from_end=from_end)],
            self.books,
            self.reports,
            limits=Limits(open_files=open_files),
            grace=GRACE,
        )
        self.reception = Reception(self.roster)

    def close(self) -> None:
        """Let go of all; again, if need be."""
        for holder in self.roster.holders():
            self.roster.drop(holder)
        self.store.close()

    def write(self, name: str, content: bytes, *, at: float | None = None) -> Place:
        """Write a log; return its place."""
        path = self.logs / name
        path.write_bytes(content)
        if at is not None:
            os.utime(path, (at, at))
        return self.place(name)

    def place(self, name: str) -> Place:
        path = self.logs / name
        return Place("web", str(path), path.stat())

    def meet(self, *names: str, now: float = 0.0) -> None:
        """Welcome files and find out what they are."""
        self.reception.welcome([self.place(name) for name in names], now)
        self.reception.promote(now)

    def tailer(self, name: str) -> Tailer:
        """Return the tailer of a file."""
        path = str(self.logs / name)
        (found,) = [t for t in self.roster.tailers.values() if t.path == path]
        return found

    def open_names(self) -> set[str]:
        """Return the names of the files that are held open."""
        return {Path(holder.path).name for holder in self.roster.holders()}

    def read(self, name: str, *, until: int | None = None) -> Checkpoint:
        """Have a file read line by line, as the pump would, and put on record; return how far."""
        tailer = self.tailer(name)
        known = tailer.checkpoint
        content = (self.logs / name).read_bytes()[:until]
        for end in range(len(LINES[0]), len(content) + 1, len(LINES[0])):
            known = known.at(end, content[max(0, end - 500) : end], len(content))
        tailer.checkpoint = known
        self.books.move(known)
        return known


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    it = Desk(tmp_path)
    yield it
    it.close()


@contextmanager
def again(desk: Desk, root: Path) -> Iterator[Desk]:
    """Stop, and start on what is on record."""
    desk.close()
    it = Desk(root)
    try:
        yield it
    finally:
        it.close()


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Let this process open nothing for the length of a block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Rule 1: on record first


def test_a_generation_is_on_record_before_it_is_read(desk: Desk) -> None:
    """A file with a whole first line has a tailer at 0, and a row that says so."""
    desk.write("app.log", TEXT)
    desk.meet("app.log")
    (known,) = desk.store.checkpoints()
    assert (known.path, known.offset, known.size) == (f"{desk.logs}/app.log", 0, len(TEXT))
    assert desk.tailer("app.log").checkpoint == known


def test_half_a_first_line_waits(desk: Desk) -> None:
    """A file whose first line may grow is held, and has no generation before that ends."""
    desk.write("app.log", b"half a ")
    desk.meet("app.log")
    assert not desk.roster.tailers
    assert desk.open_names() == {"app.log"}
    with (desk.logs / "app.log").open("ab") as log:
        log.write(b"line\n")
    desk.reception.promote(1.0)
    assert desk.tailer("app.log").checkpoint.head.length == len(b"half a line\n")


@pytest.mark.parametrize(("content", "taken"), [(b"the last words", True), (b"", False)])
def test_a_file_that_is_over(desk: Desk, content: bytes, taken: bool) -> None:
    """What left its path unfinished is taken as it is after the grace time; nothing is let go."""
    desk.write("app.log", content)
    desk.meet("app.log")
    (waiting,) = desk.roster.newcomers.values()
    waiting.detached_at = 0.0
    desk.reception.promote(GRACE - 0.1)
    assert desk.roster.newcomers
    desk.reception.promote(GRACE)
    assert not desk.roster.newcomers
    assert bool(desk.roster.tailers) is taken


def test_a_known_file_is_read_on_where_it_was_left(desk: Desk, tmp_path: Path) -> None:
    """After a start, a file that still says what was read goes on at its checkpoint."""
    desk.write("app.log", TEXT)
    desk.meet("app.log")
    left = desk.read("app.log", until=len(HALF))
    with again(desk, tmp_path) as next_desk:
        next_desk.meet("app.log")
        assert next_desk.tailer("app.log").checkpoint == left
        assert len(next_desk.store.accounts()) == 1


def test_a_known_file_under_another_name_goes_on(desk: Desk, tmp_path: Path) -> None:
    """The inode is recognised, whatever the name is by now."""
    desk.write("app.log", TEXT)
    desk.meet("app.log")
    left = desk.read("app.log", until=len(HALF))
    (desk.logs / "app.log").rename(desk.logs / "app.log.1")
    with again(desk, tmp_path) as next_desk:
        next_desk.meet("app.log.1")
        now = next_desk.tailer("app.log.1").checkpoint
        assert (now.row, now.offset) == (left.row, left.offset)


def test_a_known_file_of_a_source_that_was_renamed(desk: Desk, tmp_path: Path) -> None:
    """Whoever looks for it by its source finds it under the new name, read or not."""
    desk.write("app.log", TEXT)
    desk.meet("app.log")
    left = desk.read("app.log")
    with again(desk, tmp_path) as next_desk:
        next_desk.reception.welcome([next_desk.place("app.log")._replace(source="new")], 0.0)
        (known,) = next_desk.store.checkpoints()
        assert (known.row, known.source) == (left.row, "new")


def test_a_known_file_that_was_written_anew_is_another(desk: Desk, tmp_path: Path) -> None:
    """A file that no longer says what was read is a new generation; the old one is given up."""
    desk.write("app.log", TEXT)
    desk.meet("app.log")
    left = desk.read("app.log")
    with again(desk, tmp_path) as next_desk:
        next_desk.write("app.log", b"something else\n")
        next_desk.meet("app.log")
        assert next_desk.tailer("app.log").checkpoint.row != left.row
        assert next_desk.roster.orphans.given_up(0.0) == [(left.ended(), "truncated")]


def test_an_inode_that_another_file_has_now(desk: Desk, tmp_path: Path) -> None:
    """A file of another name that has the inode of a known one leaves that one missing only."""
    desk.write("app.log", TEXT)
    desk.meet("app.log")
    left = desk.read("app.log")
    (desk.logs / "app.log").rename(desk.logs / "other.log")
    with again(desk, tmp_path) as next_desk:
        next_desk.write("other.log", b"something else\n")
        next_desk.meet("other.log")
        assert next_desk.tailer("other.log").checkpoint.row != left.row
        assert next_desk.roster.orphans.given_up(0.0) == []
        assert next_desk.roster.orphans.given_up(GRACE) == [(left, "gone")]


def test_a_copy_is_on_record_before_it_is_read_on(desk: Desk, tmp_path: Path) -> None:
    """A file that continues a generation whose own is gone is on record as its file by then."""
    desk.write("app.log", HALF)
    desk.meet("app.log")
    left = desk.read("app.log")
    desk.write("app.log.1", TEXT)  # while the log is there, so that it has another inode
    (desk.logs / "app.log").unlink()
    with again(desk, tmp_path) as next_desk:
        next_desk.roster.orphans.miss(left, 0.0)
        next_desk.meet("app.log.1")
        (known,) = next_desk.store.checkpoints()
        assert (known.row, known.offset) == (left.row, left.offset)
        assert known.path == f"{next_desk.logs}/app.log.1"
        assert known.node == next_desk.tailer("app.log.1").node


def test_a_deleted_file_is_let_go_when_its_archive_goes_on(desk: Desk) -> None:
    """A rotated file that was compressed and deleted is closed: its archive is read on."""
    desk.write("app.log.1", TEXT)
    desk.meet("app.log.1")
    left = desk.read("app.log.1", until=len(HALF))
    desk.tailer("app.log.1").detached_at = 0.0
    (desk.logs / "app.log.1").unlink()
    before = open_descriptors()
    desk.write("app.log.1.gz", gzip.compress(TEXT))
    desk.meet("app.log.1.gz")
    now = desk.tailer("app.log.1.gz").checkpoint
    assert (now.row, now.offset) == (left.row, left.offset)
    assert desk.open_names() == {"app.log.1.gz"}
    assert open_descriptors() == before


@pytest.mark.parametrize("content", [TEXT, TEXT + b"half a li"])
def test_reading_begins_at_the_end(tmp_path: Path, content: bytes) -> None:
    """With `start: end`, what stands there is skipped, to the end of its last whole line."""
    desk = Desk(tmp_path, from_end=True)
    desk.write("app.log", content)
    desk.write("other.log.1.gz", gzip.compress(HALF))
    desk.meet("app.log", "other.log.1.gz")
    assert desk.tailer("app.log").checkpoint.offset == len(TEXT)
    assert desk.tailer("other.log.1.gz").checkpoint.offset == len(HALF)
    desk.close()


def test_a_name_that_changed_hands(desk: Desk) -> None:
    """A file that somebody holds already, under another name, is not opened twice."""
    desk.write("app.log", TEXT)
    desk.meet("app.log")
    (desk.logs / "app.log").rename(desk.logs / "app.log.1")
    before = open_descriptors()
    desk.meet("app.log.1")
    assert open_descriptors() == before
    assert len(desk.roster.tailers) == 1


def test_a_name_that_has_another_file_by_now(desk: Desk) -> None:
    """What took the place of the file that the sweep saw is left to the next sweep."""
    place = desk.write("app.log", TEXT)
    (desk.logs / "app.log").rename(desk.logs / "app.log.1")
    desk.write("app.log", b"a new one\n")
    assert desk.reception.open(place, 0.0)
    assert not desk.roster.holders()
    desk.meet("app.log", "app.log.1")
    rows = {Path(known.path).name: known.row for known in desk.store.checkpoints()}
    assert rows["app.log.1"] < rows["app.log"]


# Copies


def test_a_copy_that_adds_nothing_is_on_record_as_read(desk: Desk) -> None:
    """A copy of a living log waits for the grace time; then only what is added to it is read."""
    desk.write("app.log", HALF)
    desk.meet("app.log")
    desk.read("app.log")
    desk.write("app.log.1", HALF)
    desk.meet("app.log.1")
    assert len(desk.roster.tailers) == 1
    desk.reception.promote(GRACE)
    copy = desk.tailer("app.log.1").checkpoint
    assert (copy.start, copy.offset) == (len(HALF), len(HALF))
    assert copy.row != desk.tailer("app.log").checkpoint.row


def test_the_rest_of_a_log_that_was_cut_off(desk: Desk) -> None:
    """A copy that comes within the grace time of its log's end is read on where that was left."""
    desk.write("app.log", HALF)
    desk.meet("app.log")
    left = desk.read("app.log").ended()
    desk.roster.departed.add(left, 0.0)
    desk.roster.drop(desk.tailer("app.log"))
    desk.write("app.log.1", TEXT)
    desk.meet("app.log.1")
    now = desk.tailer("app.log.1").checkpoint
    assert (now.row, now.offset, now.over) == (left.row, left.offset, False)
    assert desk.roster.departed.all() == []


def test_a_new_life_is_no_copy(desk: Desk) -> None:
    """A file that is known to be a new life of an old one continues nothing."""
    desk.write("app.log", HALF)
    desk.meet("app.log")
    left = desk.read("app.log")
    desk.roster.departed.add(left.ended(), 0.0)
    desk.write("app.log.1", HALF)
    desk.reception.welcome([desk.place("app.log.1")], 0.0)
    (waiting,) = desk.roster.newcomers.values()
    waiting.anew = True
    desk.reception.promote(0.0)
    assert desk.tailer("app.log.1").checkpoint.offset == 0


@pytest.mark.parametrize("content", [HALF, b"".join(LINES[:25])])
def test_a_copy_of_a_log_that_is_to_be_looked_into(desk: Desk, content: bytes) -> None:
    """Rule 4: a copy waits until it is known what became of the generation that it repeats."""
    desk.write("app.log", HALF)
    desk.meet("app.log")
    left = desk.read("app.log")
    desk.roster.set_aside(desk.tailer("app.log"))
    desk.roster.orphans.add(left)
    desk.write("app.log.1", content)
    desk.write("app.log.2", b"".join(reversed(LINES)))
    desk.meet("app.log.1", "app.log.2")
    assert desk.tailer("app.log.2")
    assert [n.path for n in desk.roster.newcomers.values()] == [f"{desk.logs}/app.log.1"]
    desk.reception.promote(GRACE)
    copy = desk.tailer("app.log.1").checkpoint
    assert (copy.start, copy.row != left.row) == (len(content), True)


def test_an_archive_of_a_log_that_is_to_be_looked_into(desk: Desk) -> None:
    """Rule 4: once it shows that the file is gone, its archive is read on."""
    desk.write("app.log", HALF)
    desk.meet("app.log")
    left = desk.read("app.log")
    desk.roster.set_aside(desk.tailer("app.log"))
    desk.roster.orphans.add(left)
    desk.write("app.log.1.gz", gzip.compress(TEXT))
    desk.meet("app.log.1.gz")
    desk.reception.promote(GRACE)
    assert desk.roster.newcomers
    desk.roster.orphans.miss(left, GRACE)
    desk.reception.promote(GRACE)
    assert desk.tailer("app.log.1.gz").checkpoint.row == left.row


def test_a_copy_beside_a_log_that_is_new_as_well(desk: Desk) -> None:
    """Rule 4: of a log and its copy that are met together, the log is read and the copy held."""
    desk.write("app.log.1", HALF, at=1_000.0)
    desk.write("app.log", TEXT)
    desk.meet("app.log", "app.log.1")
    desk.reception.promote(0.0)
    assert desk.tailer("app.log")
    assert [n.path for n in desk.roster.newcomers.values()] == [f"{desk.logs}/app.log.1"]


def test_whoever_was_let_go_is_not_asked(desk: Desk) -> None:
    """A newcomer is not compared with a file that another one has just taken the place of."""
    desk.write("app.log.1", TEXT)
    desk.meet("app.log.1")
    desk.read("app.log.1")
    desk.tailer("app.log.1").detached_at = 0.0
    (desk.logs / "app.log.1").unlink()
    desk.write("app.log.1.gz", gzip.compress(TEXT))
    desk.write("app.log", b"another line\n")
    desk.meet("app.log.1.gz", "app.log")
    assert desk.open_names() == {"app.log.1.gz", "app.log"}
    assert not desk.roster.newcomers
    assert desk.reports.of("file.unreadable") == []


def test_copies_are_put_apart_when_their_log_is_cut_off(desk: Desk) -> None:
    """What ends before what was read of a log is on record as read at once, seen before or not."""
    desk.write("app.log", HALF)
    desk.meet("app.log")
    known = desk.read("app.log")
    short = b"".join(LINES[:25])
    desk.write("app.log.1", short)
    desk.write("other.log.1", short)
    desk.write("app.log.9", short)
    names = ("app.log.1", "other.log.1", "app.log.9")
    desk.reception.welcome([desk.place(name) for name in names], 0.0)
    for waiting in desk.roster.newcomers.values():
        waiting.anew = waiting.path.endswith("9")  # known for a new life of an old file
    desk.write("app.log.2", short)  # no sweep has seen it
    desk.write("app.log.3", b"X" + short)
    desk.write("app.log.4", TEXT)
    desk.reception.put_apart(known.ended(), 0.0)
    for name in ("app.log.1", "app.log.2"):
        copy = desk.tailer(name).checkpoint
        assert (copy.start, copy.offset) == (len(short), len(short))
    waiting_ones = {Path(n.path).name for n in desk.roster.newcomers.values()}
    assert waiting_ones == {"other.log.1", "app.log.9"}
    assert len(desk.store.checkpoints()) == 3


def test_what_rests_on_record_is_not_put_apart(desk: Desk) -> None:
    """A file that has its own generation keeps it, though it is closed just now."""
    short = b"".join(LINES[:25])
    desk.write("app.log.1", short)
    desk.meet("app.log.1")
    desk.read("app.log.1")
    desk.roster.set_aside(desk.tailer("app.log.1"))
    desk.write("app.log", HALF)
    desk.meet("app.log")
    known = desk.read("app.log")
    desk.reception.put_apart(known.ended(), 0.0)
    assert desk.open_names() == {"app.log"}


def test_copies_out_of_sight_are_left_alone(tmp_path: Path) -> None:
    """A copy that no source names is not put on record."""
    desk = Desk(tmp_path)
    desk.write("app.log", HALF)
    desk.meet("app.log")
    known = replace(desk.read("app.log").ended(), canonical=f"{desk.logs}/app", path="")
    desk.write("app.1", b"".join(LINES[:25]))
    desk.reception.put_apart(replace(known, path=f"{desk.logs}/app"), 0.0)
    assert desk.open_names() == {"app.log"}
    desk.close()


# Rule 2: a limited number


def test_no_more_files_are_open_than_may_be(tmp_path: Path) -> None:
    """The oldest come first; the others wait, and that is said once."""
    desk = Desk(tmp_path, open_files=3)
    names = [f"{number}.log" for number in range(5)]
    for number, name in enumerate(names):
        desk.write(name, TEXT, at=1_000.0 - number)
    desk.meet(*names)
    desk.meet("0.log", "1.log")
    assert desk.open_names() == {"4.log", "3.log", "2.log"}
    assert desk.reception.crowded
    assert desk.reports.of("files.crowded") == [{"open": 3, "limit": 3}]
    desk.close()


def test_the_longest_quiet_rest(tmp_path: Path) -> None:
    """Whoever grew least lately is closed for a newcomer, and is opened again where it was left."""
    desk = Desk(tmp_path, open_files=2)
    for name in ("a.log", "b.log", "c.log"):
        desk.write(name, HALF)
    desk.meet("a.log", "b.log")
    for name, grew in (("a.log", 5.0), ("b.log", 3.0)):
        desk.read(name)
        desk.tailer(name).grew_at = grew
    left = desk.tailer("b.log").checkpoint
    desk.meet("c.log", now=6.0)
    assert desk.open_names() == {"a.log", "c.log"}
    assert left.node in desk.roster.resting
    assert left in desk.roster.orphans
    assert not desk.reception.crowded
    desk.read("c.log")
    desk.meet("b.log", now=7.0)
    assert desk.tailer("b.log").checkpoint == left
    assert left.node not in desk.roster.resting
    desk.close()


def test_who_has_something_to_read_does_not_rest(tmp_path: Path) -> None:
    """A file with unread lines stays open: the newcomer has to wait."""
    desk = Desk(tmp_path, open_files=1)
    desk.write("a.log", HALF)
    desk.write("b.log", HALF)
    desk.meet("a.log")
    desk.meet("b.log")
    assert desk.open_names() == {"a.log"}
    assert desk.reception.crowded
    desk.close()


def test_no_descriptor_is_left(desk: Desk) -> None:
    """Where the system gives no more descriptors, the rest waits and nothing is a trouble."""
    names = [f"{number}.log" for number in range(4)]
    for name in names:
        desk.write(name, TEXT)
    places = [desk.place(name) for name in names]
    with no_more_descriptors():
        desk.reception.welcome(places, 0.0)
    assert desk.reception.crowded
    assert desk.open_names() == set()
    assert desk.reports.of("file.unreadable") == []


# Rule 3: troubles


def test_what_cannot_be_read_is_said_once(desk: Desk) -> None:
    """A file without permission is reported once, and taken in when it may be read."""
    place = desk.write("app.log", TEXT)
    path = Path(place.path)
    path.chmod(0)
    for folder in [path.parent, *path.parents][:4]:
        folder.chmod(0o755)
    with as_nobody():
        assert desk.reception.open(place, 0.0)
        assert desk.reception.open(place, 1.0)
    (trouble,) = desk.reports.of("file.unreadable")
    assert trouble["why"] == "Permission denied"
    path.chmod(0o644)
    desk.meet("app.log")
    desk.roster.drop(desk.tailer("app.log"))
    path.chmod(0)
    with as_nobody():
        assert desk.reception.open(place, 2.0)
    assert len(desk.reports.of("file.unreadable")) == 2


def test_what_is_gone_is_no_trouble(desk: Desk) -> None:
    """A file that was deleted since the sweep saw it is passed over in silence."""
    place = desk.write("app.log", TEXT)
    Path(place.path).unlink()
    assert desk.reception.open(place, 0.0)
    assert desk.reports.all == []
    assert not desk.roster.holders()


def test_a_damaged_archive_is_set_aside(desk: Desk) -> None:
    """An archive without one good line is named with the place of its fault, and closed."""
    damaged = bytearray(gzip.compress(TEXT))
    damaged[12] ^= 0xFF
    desk.write("app.log.1.gz", bytes(damaged))
    for _ in range(9):
        desk.reception.promote(0.0)
    desk.meet("app.log.1.gz")
    (told,) = desk.reports.of("file.damaged")
    assert told["offset"] == 0
    assert not desk.roster.holders()
    node = open_log(f"{desk.logs}/app.log.1.gz")[0]
    assert node.node in desk.roster.resting
    node.close()


def test_an_archive_that_is_still_written_is_waited_for(desk: Desk) -> None:
    """An archive that ends within its first line is held for the grace time, then set aside."""
    long_line = os.urandom(2_000).hex().encode() + b"\n"
    desk.write("app.log.1.gz", gzip.compress(long_line)[:300])
    desk.meet("app.log.1.gz")
    desk.reception.promote(GRACE - 0.1)
    assert desk.open_names() == {"app.log.1.gz"}
    desk.reception.promote(GRACE)
    assert not desk.roster.holders()
    assert desk.reports.names() == ["file.damaged"]


@pytest.mark.parametrize(
    ("content", "goes_on"),
    [
        (TEXT, True),
        (HALF, True),
        (HALF[:-1], False),
        (gzip.compress(TEXT), True),
        (gzip.compress(b"X" + TEXT), False),
    ],
)
def test_what_is_read_on(desk: Desk, content: bytes, goes_on: bool) -> None:
    """A plain file is compared at its checkpoint; of an archive only the head, to begin with."""
    desk.write("app.log", HALF)
    desk.meet("app.log")
    known = desk.read("app.log").with_head(HALF)
    desk.write("app.log.1", content)
    face, _ = open_log(f"{desk.logs}/app.log.1")
    assert resumes(known, face) is goes_on
    face.close()
