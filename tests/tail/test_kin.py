"""Tests of kinship, rule by rule, on real files."""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from shipper.formats.encodings import UTF_8, line_ends
from shipper.formats.fingerprint import NOTHING, fingerprint
from shipper.formats.rotation import canonical_path
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.chunk import Limits
from shipper.tail.face import DamagedError, open_log
from shipper.tail.kin import (
    Departed,
    Families,
    Kin,
    begins,
    continues,
    copies,
    copies_beside,
    copy_among,
    copylike,
    falls_short,
    is_rest,
    repeats,
    uncopied,
    was_read,
)
from shipper.tail.newcomer import Newcomer
from shipper.tail.tailer import Tailer
from shipper.tail.trail import last_mark
from tests.arrivals import LINE_BYTES, numbered

LINES = [b"%06d 192.0.2.1 a line of an invented log\n" % number for number in range(60)]
TEXT = b"".join(LINES)
HALF = b"".join(LINES[:30])


class Folder:
    """A directory of logs; `app.log` is the log."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.root = root
        self._stack = stack
        self._rows = 0

    def write(self, name: str, content: bytes) -> str:
        path = self.root / name
        path.write_bytes(content)
        return str(path)

    def newcomer(self, name: str, content: bytes) -> Newcomer:
        """Write a file; return it opened, as one that nobody knows."""
        path = self.write(name, content)
        face, _ = open_log(path)
        self._stack.callback(face.close)
        return Newcomer(face, face.node, path, "web")

    def known(
        self, read: bytes, *, name: str = "app.log", size: int | None = None, step: int = 4_000
    ) -> Checkpoint:
        """Return the generation of a log of which *read* was read, in steps, and *size* seen."""
        self._rows += 1
        path = str(self.root / name)
        fresh = Checkpoint(
            row=self._rows,
            generation=uuid.UUID(int=self._rows),
            source="web",
            path=path,
            canonical=canonical_path(path),
            node=Node(1, self._rows),
            head=fingerprint(read[:1024]),
            tail=NOTHING,
            start=0,
            offset=0,
            size=len(read) if size is None else size,
        )
        for end in [*range(step, len(read), step), len(read)] if read else []:
            fresh = fresh.at(end, read[max(0, end - step) : end], fresh.size)
        return fresh.with_head(read, line_ends(read[:1024], 0, UTF_8))

    def tailer(self, content: bytes, read: int, name: str = "app.log") -> Tailer:
        """Write a log; return the tailer that has read the first *read* bytes of it."""
        face, _ = open_log(self.write(name, content))
        self._stack.callback(face.close)
        known = self.known(content[:read], name=name, size=len(content))
        known = replace(known.with_head(content), node=face.node)
        return Tailer(face, known, Limits())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with ExitStack() as stack:
        yield Folder(tmp_path, stack)


# Families, and those who left


def test_a_family_is_one_log(folder: Folder) -> None:
    """The tailers of a log are found by its own name, whatever names they have by now."""
    old, new = folder.tailer(TEXT, 0, "app.log.1"), folder.tailer(HALF, 0)
    other = folder.tailer(TEXT, 0, "other.log")
    families = Families([old, other])
    families.add(new)
    assert families.of(str(folder.root / "app.log")) == [old, new]
    assert families.of("/nowhere.log") == []


def test_those_who_left_are_remembered_for_the_grace_time(folder: Folder) -> None:
    """Rule 6: what was cut off is kept for the grace time, or until it goes on."""
    early, late = folder.known(HALF), folder.known(TEXT)
    departed = Departed(60.0)
    departed.add(early, 0.0)
    departed.add(late, 30.0)
    departed.forget(59.9)
    assert departed.all() == [early, late]
    departed.forget(60.0)
    assert departed.all() == [late]
    departed.remove(late)
    departed.remove(early)
    assert departed.all() == []


# Rule 2


@pytest.mark.parametrize(
    ("name", "content", "may_be"),
    [
        ("app.log", TEXT, False),
        ("app.log.1", TEXT, True),
        ("app-20261123.log", TEXT, True),
        ("app.log.gz", gzip.compress(TEXT), True),
        ("app.log", gzip.compress(TEXT), True),
    ],
)
def test_what_may_be_a_copy(folder: Folder, name: str, content: bytes, may_be: bool) -> None:
    """Rule 2: a rotated name or an archive may be a copy; a file at the log's own name is none."""
    assert copylike(folder.newcomer(name, content)) is may_be


# Rule 1


@pytest.mark.parametrize("name", ["app.log", "app.log.1", "app.log-20261123"])
@pytest.mark.parametrize("more", [b"", b"more\n"])
def test_a_file_goes_on_where_its_generation_was_left(
    folder: Folder, name: str, more: bytes
) -> None:
    """Rule 1: the same beginning and the same bytes before the offset continue it."""
    known = folder.known(HALF)
    assert continues(folder.newcomer(name, HALF + more), [known], settled=False) == known


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"X" + HALF[1:], id="another head"),
        pytest.param(HALF[:-2] + b"X\n", id="another tail"),
        pytest.param(HALF[:-1], id="shorter"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_file_that_differs_is_a_stranger(folder: Folder, content: bytes) -> None:
    """Rule 1: another head, another tail, or less than was read continues nothing."""
    waiting = folder.newcomer("app.log", content)
    assert continues(waiting, [folder.known(HALF)], settled=True) is Kin.STRANGER


def test_another_log_is_another_log(folder: Folder) -> None:
    """Rule 1: the same bytes under the name of another log continue nothing."""
    waiting = folder.newcomer("other.log", HALF)
    assert continues(waiting, [folder.known(HALF)], settled=True) is Kin.STRANGER


def test_the_first_that_fits_is_continued(folder: Folder) -> None:
    """Rule 1: of several generations that are gone, one that fits is found behind others."""
    others = [folder.known(TEXT), folder.known(b"x" + HALF), folder.known(b"")]
    fits = folder.known(HALF)
    assert continues(folder.newcomer("app.log", HALF), [*others, fits], settled=False) == fits


def test_what_was_not_read_is_continued_by_a_whole_copy_only(folder: Folder) -> None:
    """A log that was cut off unread goes on in a copy that has all that was seen of it."""
    unread = folder.known(b"", size=len(HALF)).with_head(HALF).ended()
    for name, content, fits in [
        ("app.log.1", HALF, True),
        ("app.log.2", TEXT, True),
        ("app.log.3", HALF[:-1], False),
        ("app.log", HALF, False),
        ("app.log.4", b"X" + TEXT, False),
    ]:
        kin = continues(folder.newcomer(name, content), [unread], settled=True)
        assert kin == (unread if fits else Kin.STRANGER), name
    still_there = replace(unread, over=False)
    waiting = folder.newcomer("app.log.5", HALF)
    assert continues(waiting, [still_there], settled=True) is Kin.STRANGER


# Rule 4


def test_an_archive_that_is_still_written_is_waited_for(folder: Folder) -> None:
    """Rule 4: an archive that ends too early decides nothing until the grace time has passed."""
    known = folder.known(HALF)
    whole = gzip.compress(TEXT)
    waiting = folder.newcomer("app.log.1.gz", whole[: len(whole) // 3])
    assert continues(waiting, [known], settled=False) is Kin.UNDECIDED
    with pytest.raises(DamagedError):
        continues(waiting, [known], settled=True)
    folder.write("app.log.1.gz", whole)
    assert continues(waiting, [known], settled=False) == known


def test_a_damaged_archive_says_so(folder: Folder) -> None:
    """Rule 4: a fault that hides the bytes before the offset, and will not go away, is raised."""
    whole = bytearray(gzip.compress(TEXT))
    whole[20] ^= 0xFF
    waiting = folder.newcomer("app.log.1.gz", bytes(whole))
    with pytest.raises(DamagedError):
        continues(waiting, [folder.known(TEXT)], settled=True)


def test_far_offsets_are_approached_bit_by_bit(folder: Folder) -> None:
    """Rule 4: what stands behind many decompressed bytes is decided at a later sweep."""
    text = TEXT * 9_000  # 25 MB
    known = folder.known(text, step=1 << 20)
    waiting = folder.newcomer("app.log.1.gz", gzip.compress(text, 1))
    answers = [continues(waiting, [known], settled=False) for _ in range(3)]
    assert answers[0] is Kin.UNDECIDED
    assert answers[-1] == known


# Rule 3


def test_a_copy_of_what_was_read_is_held_and_then_repeated(folder: Folder) -> None:
    """Rule 3: a copy has nothing to ship once neither it nor the log was touched for the grace."""
    tailer, waiting = folder.tailer(HALF, len(HALF)), folder.newcomer("app.log.1", HALF)
    assert repeats(waiting, tailer, settled=False) is Kin.UNDECIDED
    assert waiting.twin == tailer.checkpoint.row
    assert repeats(waiting, tailer, settled=True) is Kin.REPEATED


def test_a_copy_with_unread_lines_stays_held(folder: Folder) -> None:
    """Rule 3: as long as not all of a copy was read as the original, it may be all that is left."""
    tailer, waiting = folder.tailer(TEXT, len(HALF)), folder.newcomer("app.log.1", TEXT)
    assert repeats(waiting, tailer, settled=True) is Kin.UNDECIDED
    assert waiting.twin == tailer.checkpoint.row


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("app.log.1", b"X" + TEXT[1:], id="another head"),
        pytest.param("app.log.1", HALF[:-2] + b"X\n", id="another end"),
        pytest.param("app.log.1", TEXT + b"more\n", id="longer than the log"),
        pytest.param("app.log", HALF, id="no copy by its name"),
    ],
)
def test_what_is_no_copy(folder: Folder, name: str, content: bytes) -> None:
    """Rules 2 and 3: what does not say the same, or has the log's own name, is a stranger."""
    tailer = folder.tailer(TEXT, len(TEXT), "the.log" if name == "app.log" else "app.log")
    waiting = folder.newcomer(name, content)
    assert repeats(waiting, tailer, settled=True) is Kin.STRANGER
    assert waiting.twin is None


def test_a_log_that_was_emptied_decides_nothing(folder: Folder) -> None:
    """Rule 3: where the log itself was written anew, whoever reads it on has the word."""
    tailer, waiting = folder.tailer(HALF, len(HALF)), folder.newcomer("app.log.1", HALF)
    for content in (b"", b"anew\n", HALF[:1_100]):
        folder.write("app.log", content)
        assert repeats(waiting, tailer, settled=True) is Kin.UNDECIDED


def test_a_deleted_log_goes_on_in_its_archive(folder: Folder) -> None:
    """A rotated log that was compressed and deleted is read on in the archive."""
    tailer = folder.tailer(TEXT, len(HALF), "app.log.1")
    tailer.detached_at = 0.0
    (folder.root / "app.log.1").unlink()
    waiting = folder.newcomer("app.log.1.gz", gzip.compress(TEXT))
    assert repeats(waiting, tailer, settled=False) == tailer.checkpoint
    shorter = folder.newcomer("app.log.2.gz", gzip.compress(HALF))
    assert repeats(shorter, tailer, settled=True) is not tailer.checkpoint


def test_a_damaged_copy_says_so(folder: Folder) -> None:
    """Rule 4: an archive of a living log whose end is wrong is raised, not guessed at."""
    tailer = folder.tailer(TEXT, len(TEXT))
    waiting = folder.newcomer("app.log.1.gz", gzip.compress(TEXT)[:-8] + b"12345678")
    # What is wrong is looked at byte by byte, so that no good one before it is missed.
    with pytest.raises(DamagedError):
        [repeats(waiting, tailer, settled=True) for _ in range(9)]


# What is left of a log that was cut off


def test_the_copy_among_newcomers(folder: Folder) -> None:
    """Rule 3: of all that wait, the copy is the one that has all that was read."""
    known = folder.known(HALF)
    short = folder.newcomer("app.log.1", HALF[:-1])
    other = folder.newcomer("other.log.1", HALF)
    itself = folder.newcomer("app.log", TEXT)
    copy = folder.newcomer("app.log.2", TEXT)
    assert copy_among([short, other, itself], known) is None
    assert copy_among([short, other, itself, copy], known) is copy


def test_a_twin_is_a_copy_whatever_its_name(folder: Folder) -> None:
    """Rule 3: what was seen to repeat the log while it was there need not bear its name."""
    known = folder.known(HALF)
    waiting = folder.newcomer("backup", TEXT)
    assert copy_among([waiting], known) is None
    waiting.twin = known.row
    assert copy_among([waiting], known) is waiting


def test_copies_beside_the_log(folder: Folder) -> None:
    """Rotated names in its directory are offered: text, then archives, the newest first."""
    for age, name in enumerate(["app.log.1", "app.log.2.gz", "app.log-20261123", "app.log.9"]):
        os.utime(folder.write(name, TEXT), (1_000 - age, 1_000 - age))
    folder.write("app.log", TEXT)
    folder.write("other.log.1", TEXT)
    (folder.root / "app.log.3").mkdir()
    (folder.root / "app.log.4").symlink_to(folder.root / "app.log.1")
    taken = open_log(str(folder.root / "app.log.9"))[0]
    found = []
    for path, face in copies_beside(folder.known(HALF), lambda node: node == taken.node):
        found.append(Path(path).name)
        face.close()
    taken.close()
    assert found == ["app.log.1", "app.log-20261123", "app.log.2.gz"]


def test_no_more_than_fifty_are_looked_at(folder: Folder) -> None:
    """A directory of hundreds of old copies costs fifty looks."""
    for number in range(1, 81):
        os.utime(folder.write(f"app.log.{number}", b"x\n"), (number, number))
    beside = list(copies_beside(folder.known(HALF), lambda _: False))
    for _, face in beside:
        face.close()
    assert [Path(path).name for path, _ in beside] == [f"app.log.{n}" for n in range(80, 30, -1)]


def test_a_directory_that_is_gone_has_no_copies(folder: Folder) -> None:
    """Where the directory can't be listed there is nothing to find, and no error."""
    known = replace(folder.known(HALF), path=f"{folder.root}/gone/app.log")
    assert list(copies_beside(known, lambda _: False)) == []


@pytest.mark.parametrize(
    ("content", "rest", "more"),
    [
        (HALF, True, False),
        (HALF + b"x", True, True),
        (HALF[:-1], False, False),
        (b"X" + HALF[1:], False, False),
        (HALF[:-2] + b"X\n", False, False),
        (gzip.compress(HALF), True, False),
        (gzip.compress(TEXT), True, True),
        (gzip.compress(TEXT)[:-400], False, False),
    ],
)
def test_what_a_log_can_be_read_on_in(
    folder: Folder, content: bytes, rest: bool, more: bool
) -> None:
    """A file with all that was read will do, if asked for with more than that; a fault will not."""
    face = folder.newcomer("any", content).face
    known = folder.known(HALF)
    assert is_rest(known, face) is rest
    assert is_rest(known, face, more=True) is more


def test_nothing_is_known_of_a_log_without_a_head(folder: Folder) -> None:
    """A generation that never had a byte is continued by no copy."""
    assert not is_rest(folder.known(b""), folder.newcomer("any", TEXT).face)


# Rule 5


@pytest.mark.parametrize("lines", [1, 12, 29])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["text", "gzip"])
def test_a_copy_that_ends_before_what_was_read(
    folder: Folder, lines: int, pack: Callable[[bytes], bytes]
) -> None:
    """Rule 5: a copy of what was cut off that says what was read, as far as it goes, is read."""
    known = folder.known(HALF, step=len(LINES[0])).ended()
    waiting = folder.newcomer("app.log.1", pack(b"".join(LINES[:lines])))
    assert was_read(waiting, [known], settled=False) is Kin.REPEATED
    assert falls_short(known, waiting.face)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("app.log", HALF[:-45], id="at the log's own name"),
        pytest.param("other.log.1", HALF[:-45], id="of another log"),
        pytest.param("app.log.1", HALF, id="not short"),
        pytest.param("app.log.1", b"X" + HALF[1:-45], id="another head"),
        pytest.param("app.log.1", HALF[:1_040] + b"X" * 200 + b"\n", id="another end"),
        pytest.param("app.log.1", HALF[:20], id="too short to tell"),
        pytest.param("app.log.1", HALF[:-45][:800], id="short, and amid a line"),
        pytest.param("app.log.1", b"".join(LINES[:5]) + LINES[9], id="short, another last line"),
        pytest.param("app.log.1", b"", id="empty"),
    ],
)
def test_what_was_not_read_is_not_taken_for_read(folder: Folder, name: str, content: bytes) -> None:
    """Rule 5: where name, head or the last mark speak against it, it is a log of its own."""
    known = folder.known(HALF, step=len(LINES[0])).ended()
    assert was_read(folder.newcomer(name, content), [known], settled=True) is Kin.STRANGER


@pytest.mark.parametrize("lines", [1, 3, 11])
def test_lines_that_differ_in_their_numbers_only(folder: Folder, lines: int) -> None:
    """Rule 5: where 64 bytes are the same in every line, no short log is taken for the other's."""
    read, other = (b"".join(map(numbered, range(n, n + 12))) for n in (1, 13))
    known = folder.known(read)
    mark = last_mark(known.trail, LINE_BYTES)
    assert mark is not None
    assert mark.before.matches(other[: mark.offset])  # so 64 bytes alone would not tell
    waiting = folder.newcomer("app.log.1", other[: lines * LINE_BYTES])
    assert was_read(waiting, [known.ended()], settled=True) is Kin.STRANGER
    assert copies(waiting, known, settled=True) is Kin.STRANGER
    waiting = folder.newcomer("app.log.2", read[: lines * LINE_BYTES])
    assert was_read(waiting, [known.ended()], settled=True) is Kin.REPEATED


def test_what_may_come_back_vouches_for_nothing(folder: Folder) -> None:
    """Rule 5: a short copy of a log that is only missing may be on its way to be whole."""
    missing = folder.known(HALF, step=len(LINES[0]))
    waiting = folder.newcomer("app.log.1", HALF[:-45])
    assert was_read(waiting, [missing], settled=True) is Kin.STRANGER


def test_a_short_archive_that_is_still_written_is_waited_for(folder: Folder) -> None:
    """Rules 4 and 5: how long the text in an archive is shows when it is whole."""
    known = folder.known(TEXT, step=len(LINES[0])).ended()
    whole = gzip.compress(HALF)
    waiting = folder.newcomer("app.log.1.gz", whole[:-9])
    assert was_read(waiting, [known], settled=False) is Kin.UNDECIDED
    folder.write("app.log.1.gz", whole)
    assert was_read(waiting, [known], settled=False) is Kin.REPEATED


# What may be a copy of a file that is not open


@pytest.mark.parametrize(
    ("content", "kin", "later"),
    [
        (HALF, Kin.UNDECIDED, Kin.REPEATED),
        (HALF[:-45], Kin.UNDECIDED, Kin.REPEATED),
        (TEXT, Kin.UNDECIDED, Kin.UNDECIDED),
        (b"X" + HALF[1:], Kin.STRANGER, Kin.STRANGER),
        (b"", Kin.STRANGER, Kin.STRANGER),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["text", "gzip"])
def test_a_copy_of_a_file_that_rests(
    folder: Folder, content: bytes, kin: Kin, later: Kin, pack: Callable[[bytes], bytes]
) -> None:
    """Rule 3: it is held as if the file were open: what has more than was read is no repetition."""
    known = folder.known(HALF, step=len(LINES[0]))
    waiting = folder.newcomer("app.log.1", pack(content))
    assert copies(waiting, known, settled=False) is kin
    assert copies(waiting, known, settled=True) is later


@pytest.mark.parametrize(
    ("copy", "log", "says_all"),
    [
        (HALF, TEXT, True),
        (HALF, HALF, True),
        (TEXT, HALF, False),
        (HALF[:-2] + b"X\n", TEXT, False),
        (b"X" + HALF[1:], TEXT, False),
        (b"", TEXT, False),
        (HALF, b"", False),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["text", "gzip"])
def test_a_log_that_says_all_that_its_copy_does(
    folder: Folder, copy: bytes, log: bytes, says_all: bool, pack: Callable[[bytes], bytes]
) -> None:
    """Rule 3: of two newcomers, one is a copy if the log begins with all of it."""
    waiting = folder.newcomer("app.log.1", pack(copy))
    kin = begins(waiting, folder.newcomer("app.log", log), settled=True)
    assert kin is (Kin.UNDECIDED if says_all else Kin.STRANGER)


def test_an_archive_in_the_making_may_be_a_copy(folder: Folder) -> None:
    """Rule 4: an archive of which not all is there is held until it is, whatever it says so far."""
    whole = gzip.compress(TEXT)
    waiting = folder.newcomer("app.log.1.gz", whole[:-9])
    log = folder.newcomer("app.log", TEXT)
    assert begins(waiting, log, settled=False) is Kin.UNDECIDED
    folder.write("app.log.1.gz", gzip.compress(b"".join(reversed(LINES))))
    assert begins(waiting, log, settled=False) is Kin.STRANGER


def test_what_a_copy_has_of_a_log_that_was_not_read(folder: Folder) -> None:
    """Of what was seen of a log, and cut off unread, only what no copy has is lost."""
    unread = folder.known(b"", size=1_290).with_head(HALF)
    assert uncopied(unread, 1_290) == 1_290
    folder.write("app.log.1", b"X" + TEXT)
    folder.write("app.log.2", HALF[:1_100])
    folder.write("app.log.3.gz", gzip.compress(HALF[:1_200]))
    assert uncopied(unread, 1_290) == 90
    assert uncopied(unread, 1_000) == 0
    assert uncopied(folder.known(HALF), 1_290) == 1_290
