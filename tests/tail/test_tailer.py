"""Tests of the tailer: every line once and in order, however it is written and cut."""

from __future__ import annotations

import codecs
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.formats.encodings import UTF_8, Encoding, split_lines
from shipper.formats.fingerprint import NOTHING, fingerprint
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.chunk import Changed, Chunk, Limits
from shipper.tail.face import open_log
from shipper.tail.tailer import Tailer
from tests.shipping import open_descriptors


class Log:
    """A file with a tailer on it."""

    def __init__(self, path: Path, limits: Limits, content: bytes = b"") -> None:
        self.path = path
        self.limits = limits
        self.now = 0.0
        self.encoding = UTF_8
        path.write_bytes(content)
        self.tailer = self._open(
            Checkpoint(
                row=1,
                generation=uuid.UUID(int=1),
                source="web",
                path=str(path),
                canonical=str(path),
                node=Node(0, 0),
                head=fingerprint(content[:1024]),
                tail=NOTHING,
                start=0,
                offset=0,
                size=len(content),
            )
        )

    def _open(self, checkpoint: Checkpoint) -> Tailer:
        face, _ = open_log(str(self.path))
        tailer = Tailer(face, checkpoint, self.limits, self.encoding)
        tailer.look(self.now)
        return tailer

    def use(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.restart()

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def restart(self) -> None:
        self.tailer.close()
        self.tailer = self._open(self.tailer.checkpoint)

    def read(self, *, final: bool = False) -> Iterator[Chunk]:
        """Read and advance until nothing is left."""
        self.now += 1
        assert self.tailer.look(self.now) is None
        while True:
            chunk = self.tailer.read(final=final)
            assert not isinstance(chunk, Changed)
            if chunk is None:
                return
            assert chunk.base == self.tailer.checkpoint.offset
            self.tailer.advance(chunk)
            yield chunk


@contextmanager
def log(content: bytes = b"", **limits: int) -> Iterator[Log]:
    with tempfile.TemporaryDirectory() as folder:
        made = Log(Path(folder, "app.log"), Limits(**limits), content)
        try:
            yield made
        finally:
            made.tailer.close()


# No LF inside a line, nothing that begins as an archive does, and no holes.
TEXT = bytes.maketrans(b"\n\0\x1f\x28\xfd", b"     ")
LINES = st.lists(st.binary(max_size=40).map(lambda raw: raw.translate(TEXT) + b"\n"), max_size=20)


@settings(max_examples=150)
@given(
    lines=LINES,
    last=st.binary(max_size=10).map(lambda raw: raw.translate(TEXT)),
    cuts=st.lists(st.integers(0, 800), max_size=10),
    restarts=st.booleans(),
    chunk_bytes=st.integers(1, 60),
)
def test_every_line_once_and_in_order(
    lines: list[bytes], last: bytes, cuts: list[int], restarts: bool, chunk_bytes: int
) -> None:
    """However appends and reads are cut, whole lines come out once, in order, at their offsets."""
    data = b"".join(lines) + last
    borders = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    got = b""
    with log(chunk_bytes=chunk_bytes) as it:
        for start, end in pairwise(borders):
            it.write(data[start:end])
            if restarts:
                it.restart()
            for chunk in it.read():
                assert chunk.data.endswith(b"\n")
                assert chunk.base == len(got)
                got += chunk.data
            assert it.tailer.unread == 0
            assert it.tailer.partial == len(data[:end]) - len(got)
        assert got == b"".join(lines)
        got += b"".join(chunk.data for chunk in it.read(final=True))
        assert got == data
        assert it.tailer.checkpoint.offset == len(data)


@settings(max_examples=100)
@given(
    widths=st.lists(st.integers(0, 200), min_size=1, max_size=12),
    chunk_bytes=st.integers(1, 64),
    kept_bytes=st.integers(64, 128),
    piece=st.integers(1, 90),
)
def test_long_lines_among_short_ones(
    widths: list[int], chunk_bytes: int, kept_bytes: int, piece: int
) -> None:
    """Lines longer than a chunk come whole, longer than what is kept come cut, none disturbs."""
    lines = [b"%d" % (n % 10) * width + b"\n" for n, width in enumerate(widths)]
    data = b"".join(lines)
    got: list[bytes] = []
    with log(chunk_bytes=chunk_bytes, kept_bytes=kept_bytes) as it:
        for start in range(0, len(data), piece):
            it.write(data[start : start + piece])
            for chunk in it.read():
                if chunk.width == len(chunk.data):
                    got += chunk.data.splitlines(keepends=True)
                else:
                    assert len(chunk.data) == kept_bytes
                    got.append(chunk.data)
    assert got == [
        line if len(line) <= max(chunk_bytes, kept_bytes) else line[:kept_bytes] for line in lines
    ]


def test_reading_changes_nothing() -> None:
    """Read twice without advancing: twice the same."""
    with log(b"a\nb\n") as it:
        first, second = it.tailer.read(), it.tailer.read()
        assert first == second
        assert it.tailer.checkpoint.offset == 0


def test_the_head_grows_with_the_file() -> None:
    """The head's digest covers what there is, up to 1 KiB."""
    with log(b"a\n") as it:
        list(it.read())
        assert it.tailer.checkpoint.head == fingerprint(b"a\n")
        it.write(b"b" * 2_000 + b"\n")
        list(it.read())
        assert it.tailer.checkpoint.head == fingerprint(b"a\n" + b"b" * 1_022)
        assert it.tailer.checkpoint.tail == fingerprint(b"b" * 63 + b"\n")


@pytest.mark.parametrize("size", [0, 3, 4])
def test_truncated_below_the_offset(size: int) -> None:
    """Smaller than what was read: truncated, with what was seen and not read as lost."""
    with log(b"12345\nhalf") as it:
        list(it.read())
        os.truncate(it.path, size)
        assert it.tailer.look(9) == Changed("truncated", 4)
        assert it.tailer.read() == Changed("truncated", 4)


def test_truncated_before_anything_was_read() -> None:
    """A file of which nothing was read is truncated as soon as it is smaller."""
    with log(b"12345\n") as it:
        os.truncate(it.path, 2)
        assert it.tailer.look(9) == Changed("truncated", 6)


def test_written_anew_before_anything_was_read() -> None:
    """A file of which nothing was read is recognised by its head."""
    with log(b"12345\n") as it:
        it.path.write_bytes(b"67890 and more\n")
        assert it.tailer.read() == Changed("rewritten", 6)


def test_written_anew_and_larger() -> None:
    """Other bytes before the offset: rewritten; the new size says nothing about what was lost."""
    with log(b"12345\n") as it:
        list(it.read())
        it.path.write_bytes(b"something else, and longer\n")
        assert it.tailer.look(9) is None
        assert it.tailer.read() == Changed("rewritten", 0)


def test_written_anew_with_the_same_size() -> None:
    """The same size at another time, and other bytes: rewritten."""
    with log(b"12345\n") as it:
        list(it.read())
        it.path.write_bytes(b"67890\n")
        os.utime(it.path, (1, 1))
        assert it.tailer.look(9) == Changed("rewritten", 0)


def test_shrunk_but_not_below_the_offset() -> None:
    """An unread end that was cut off is counted, and what is appended after it is read."""
    with log(b"12345\nhalf a line") as it:
        list(it.read())
        os.truncate(it.path, 8)
        assert it.tailer.look(9) is None
        assert it.tailer.shrunk == 9
        it.write(b"t\n")
        assert it.tailer.look(10) is None
        assert it.tailer.unread == 4
        assert [chunk.data for chunk in it.read()] == [b"hat\n"]


def test_a_line_that_ends_while_it_is_looked_for() -> None:
    """The search for the end of a long line goes on where it stopped, never behind it."""
    with log(chunk_bytes=8) as it:
        for piece in (b"x" * 20, b"y" * 20, b"z\nnext\n"):
            it.write(piece)
            lines = [chunk.data for chunk in it.read()]
        assert lines == [b"x" * 20 + b"y" * 20 + b"z\n", b"next\n"]


def test_a_file_that_grew_is_hot_and_one_that_did_not_is_not() -> None:
    """`grew_at` is when the size changed, not when somebody looked."""
    with log(b"a\n") as it:
        it.tailer.look(5)
        assert it.tailer.grew_at == float("-inf")
        it.write(b"b\n")
        it.tailer.look(6)
        it.tailer.look(7)
        assert it.tailer.grew_at == 6


@pytest.mark.parametrize(
    ("content", "same"),
    [(b"a\nb\n", True), (b"a\nb\nc\n", True), (b"a\nX\nc\n", False), (b"a\n", False)],
)
def test_a_copy_continues_only_with_the_unread_rest(
    tmp_path: Path, content: bytes, same: bool
) -> None:
    """Another file continues this one if it repeats all of it, what is unread included."""
    with log(b"a\n") as it:
        list(it.read())
        it.write(b"b\n")
        (tmp_path / "copy").write_bytes(content)
        face, _ = open_log(str(tmp_path / "copy"))
        assert it.tailer.continued_in(face) is same
        face.close()


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    """A pipe and a directory are refused at once, and leave no descriptor behind."""
    os.mkfifo(tmp_path / "pipe")
    before = open_descriptors()
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="regular"):
            open_log(str(path))
    assert open_descriptors() == before


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-8", "cp037"])
@pytest.mark.parametrize("chunk_bytes", [7, 64, 4096])
@pytest.mark.parametrize("resumed", [False, True])
def test_lines_in_any_encoding(name: str, chunk_bytes: int, resumed: bool) -> None:
    """9, 53: newlines count where a character may stand, also where a read cuts one in two."""
    lines = ["\u0a41 \u410a", "caf\xe9", "", "\u0a0a" * 30, "the end"]
    lines = [line.encode(name, "replace").decode(name) for line in lines]
    raws = [f"{line}\n".encode(name) for line in lines]
    with log(b"".join(raws), chunk_bytes=chunk_bytes) as it:
        it.use(Encoding.named(name))
        got: list[str] = []
        for chunk in it.read():
            got += split_lines(chunk.data, chunk.base, chunk.encoding, chunk.bom_length)[1]
            if resumed:
                it.restart()
        assert got == lines
        assert it.tailer.checkpoint.offset == sum(map(len, raws))


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF8, "utf-8"),
    ],
)
def test_a_mark_is_believed(mark: bytes, name: str) -> None:
    """53: the mark at the head of a file says its encoding, also when it is read on in between."""
    with log(mark + "one\ntwo\n".encode(name), chunk_bytes=20) as it:
        got: list[str] = []
        for _ in range(3):
            for chunk in it.read():
                assert (chunk.encoding.name, chunk.bom_length) == (name, len(mark))
                got += split_lines(chunk.data, chunk.base, chunk.encoding, chunk.bom_length)[1]
            it.restart()
            it.write("more\n".encode(name))
        assert got == ["one", "two", "more", "more"]


def test_half_a_character_is_no_line() -> None:
    """53: a UTF-16 newline of which only one byte has been written is waited for."""
    data = "one\n".encode("utf-16-le")
    with log(data[:-1]) as it:
        it.use(Encoding.named("utf-16-le"))
        assert list(it.read()) == []
        it.write(data[-1:])
        assert [chunk.data for chunk in it.read()] == [data]


def test_a_hole_longer_than_a_chunk() -> None:
    """27: NULs are skipped without reading them into lines, once something stands behind them."""
    with log(b"a\n" + bytes(10_000), chunk_bytes=64) as it:
        assert [chunk.data for chunk in it.read()] == [b"a\n"]
        it.write(b"b\n")
        hole, line = it.read()
        assert (hole.hole, hole.base, hole.width, hole.data) == (True, 2, 10_000, b"")
        assert (line.hole, line.base, line.data) == (False, 10_002, b"b\n")
        assert it.tailer.checkpoint.tail == fingerprint(bytes(62) + b"b\n")
