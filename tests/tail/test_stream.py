"""Streams as faces: what came through a pipe is tailed once, from bounded memory."""

from __future__ import annotations

import os
import pty
import select
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.formats.encodings import UTF_8, Encoding
from shipper.formats.fingerprint import NOTHING
from shipper.tail.checkpoint import Checkpoint
from shipper.tail.chunk import Changed, Chunk, Limits
from shipper.tail.stream import StreamFace, StreamTailer

MIB = 1 << 20


class Pipe:
    """A pipe with a tailer at its end."""

    def __init__(self, limits: Limits, encoding: Encoding = UTF_8) -> None:
        read, self._write = os.pipe()
        self.face = StreamFace(read, limits)
        begin = Checkpoint(
            row=1,
            generation=uuid.UUID(int=1),
            source="app",
            path="stdin",
            canonical="stdin",
            node=self.face.node,
            head=NOTHING,
            tail=NOTHING,
            start=0,
            offset=0,
            size=0,
        )
        self.tailer = StreamTailer(self.face, begin, limits, encoding)
        self.most = 0

    def write(self, data: bytes) -> None:
        assert os.write(self._write, data) == len(data)

    def hang_up(self) -> None:
        os.close(self._write)
        self._write = -1

    def close(self) -> None:
        self.face.close()
        if self._write >= 0:
            self.hang_up()

    def read(self) -> Chunk | None:
        chunk = self.tailer.read(final=self.tailer.final)
        assert not isinstance(chunk, Changed)
        return chunk

    def chunks(self) -> Iterator[Chunk]:
        """Take what there is, and advance over it."""
        while True:
            self.tailer.look(1.0)
            self.most = max(self.most, self.face.held_bytes())
            if (chunk := self.read()) is not None:
                assert chunk.base == self.tailer.checkpoint.offset
                self.tailer.advance(chunk)
                yield chunk
            elif self.tailer.final or self.dry():
                return

    def dry(self) -> bool:
        """Tell whether the pipe is empty."""
        return not select.select([self.face.fileno()], [], [], 0)[0]


@contextmanager
def pipe(encoding: Encoding = UTF_8, **limits: int) -> Iterator[Pipe]:
    with closing(Pipe(Limits(**limits), encoding)) as made:
        yield made


def lines(chunks: Iterator[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def test_lines_come_as_they_are_written() -> None:
    """Whole lines are read; half a line waits for its rest."""
    with pipe() as it:
        it.write(b"one\ntwo\nthr")
        assert lines(it.chunks()) == b"one\ntwo\n"
        assert it.tailer.partial == 3
        it.write(b"ee\n")
        assert lines(it.chunks()) == b"three\n"
        assert list(it.chunks()) == []


def test_the_end_of_the_stream_ends_its_last_line() -> None:
    """What stands before the end counts as a line, newline or not; then there is no more."""
    with pipe() as it:
        it.write(b"one\ntwo")
        it.hang_up()
        assert lines(it.chunks()) == b"one\ntwo"
        assert it.face.complete
        assert it.read() is None


def test_nothing_that_came_is_no_line() -> None:
    """A stream that ends before its first byte gives nothing."""
    with pipe() as it:
        it.hang_up()
        assert list(it.chunks()) == []
        assert it.face.ended


def test_what_is_not_committed_is_read_again() -> None:
    """A chunk whose commit failed comes again from memory, byte for byte, though more came."""
    with pipe() as it:
        it.write(b"one\ntwo\n")
        it.tailer.look(1.0)
        first = it.read()
        it.write(b"three\n")
        it.tailer.look(2.0)
        again = it.read()
        assert first is not None
        assert first == again
        it.tailer.advance(first)
        assert lines(it.chunks()) == b"three\n"


def test_the_pipe_keeps_what_nobody_commits() -> None:
    """While a chunk waits nothing more is taken out of the pipe: its writer has to wait."""
    with pipe(chunk_bytes=4096) as it:
        it.write(b"a line\n" * 4096)
        for _ in range(5):
            it.tailer.look(1.0)
            assert it.read() is not None
        assert it.face.taken == 4096
        assert lines(it.chunks()) == b"a line\n" * 4096


def test_a_line_of_50_mb_takes_bounded_memory() -> None:
    """Of a line over the limit the beginning comes, with its full width; memory stays small."""
    with pipe(chunk_bytes=64 * 1024, kept_bytes=MIB) as it:
        block = b"x" * 64 * 1024
        for _ in range(800):
            it.write(block)
            assert list(it.chunks()) == []
        it.write(b"\nshort\n")
        long, short = it.chunks()
    assert (len(long.data), long.width) == (MIB, 800 * 64 * 1024 + 1)
    assert (short.base, short.data) == (long.width, b"short\n")
    assert it.most < MIB + 3 * 64 * 1024


def test_a_line_without_end_ends_with_the_stream() -> None:
    """A line over the limit that never gets its newline is taken at the end."""
    with pipe(chunk_bytes=4096, kept_bytes=8192) as it:
        for _ in range(20):
            it.write(b"x" * 1000)
            assert list(it.chunks()) == []
        it.hang_up()
        (long,) = it.chunks()
    assert (len(long.data), long.width) == (8192, 20_000)


def test_zeros_without_end_take_no_memory() -> None:
    """A run of NULs is skipped while it comes: it may never end."""
    with pipe(chunk_bytes=4096, kept_bytes=8192) as it:
        holes = 0
        for _ in range(100):
            it.write(bytes(4096))
            holes += sum(chunk.width for chunk in it.chunks() if chunk.hole)
        it.write(b"a line\n")
        assert lines(it.chunks()).lstrip(b"\0") == b"a line\n"
    assert holes > 90 * 4096
    assert it.most < 3 * 4096 + 1024


def test_half_a_character_waits() -> None:
    """In UTF-16 a read that ends within a character neither ends a line nor stops the stream."""
    with pipe(Encoding.named("utf-16-le"), chunk_bytes=4096) as it:
        text = "äöü\n".encode("utf-16-le")
        it.write(text + text[:3])
        assert lines(it.chunks()) == text
        it.write(text[3:] + text[:1])
        assert lines(it.chunks()) == text
        it.hang_up()
        assert lines(it.chunks()) == text[:1]


@settings(max_examples=300)
@given(data=st.data())
def test_every_byte_once_however_it_is_cut(data: st.DataObject) -> None:
    """Any bytes in any pieces: the chunks join without a gap, each line whole, memory bounded."""
    encoding = Encoding.named(data.draw(st.sampled_from(["utf-8", "utf-16-be", "utf-32-le"])))
    word = st.one_of(st.binary(max_size=40), st.just("\n".encode(encoding.name)), st.just(bytes(8)))
    pieces = data.draw(st.lists(word, max_size=60))
    limits = {"chunk_bytes": 64, "kept_bytes": 128}
    with pipe(encoding, **limits) as it:
        got: list[Chunk] = []
        for piece in pieces:
            if piece:
                it.write(piece)
            if data.draw(st.booleans()):
                got += it.chunks()
        it.hang_up()
        got += it.chunks()
    whole = b"".join(pieces)
    assert sum(chunk.width for chunk in got) == len(whole)
    for chunk in got:
        stands = whole[chunk.base : chunk.base + chunk.width]
        kept = chunk.data if not chunk.hole else bytes(chunk.width)
        assert stands.startswith(kept)
    assert it.most <= len(whole[:1024]) + 64 + 128 + 2 * 64 + 64


def test_half_a_character_ends_a_last_line_that_is_not_kept_whole() -> None:
    """What never becomes a character is part of the line: nothing is left behind that can't be."""
    last = bytes(52) + b"\1" + bytes(115) + b"\1" + bytes(8)
    with pipe(Encoding.named("utf-16-be"), chunk_bytes=64, kept_bytes=128) as it:
        it.write(b"\0\n" * 8 + last)
        it.hang_up()
        assert [chunk.width for chunk in it.chunks()] == [16, len(last)]


def test_cut_off_takes_what_stands_in_the_pipe() -> None:
    """At a stop, what the writer got rid of is read, whatever waits; half a line is a line."""
    with pipe(chunk_bytes=4096) as it:
        it.write(b"a line\n" * 4096)
        it.tailer.look(1.0)
        it.write(b"half a li")
        it.tailer.cut_off()
        with pytest.raises(BrokenPipeError):
            it.write(b"too late\n")
        assert lines(it.chunks()) == b"a line\n" * 4096 + b"half a li"
        assert it.face.ended


def test_a_fifo_without_a_writer_is_not_at_its_end(tmp_path: Path) -> None:
    """The end comes when a writer was there and has left, not before."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    face = StreamFace(os.open(path, os.O_RDONLY | os.O_NONBLOCK), Limits())
    assert not face.fill()
    assert not face.ended
    writer = os.open(path, os.O_WRONLY)
    assert not face.fill()
    os.write(writer, b"x")
    assert face.fill()
    os.close(writer)
    assert face.fill()
    assert face.ended
    face.close()


def test_a_socket_that_is_reset_is_at_its_end() -> None:
    """A connection that breaks ends the stream, with the reason; what came before stays."""
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    face = StreamFace(os.dup(peer.fileno()), Limits())
    client.sendall(b"one\n")
    while not face.taken:
        face.fill()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset
    client.close()
    while not face.ended:
        face.fill()
    assert face.why == "Connection reset by peer"
    assert face.pread(10, 0) == b"one\n"
    face.close()
    peer.close()
    server.close()


def test_a_terminal_gives_its_lines_until_ctrl_d() -> None:
    """A terminal is a stream too; Ctrl-D is its end."""
    master, slave = pty.openpty()
    face = StreamFace(slave, Limits())
    os.write(master, b"one\n\x04")
    while not face.ended:
        face.fill()
    assert face.pread(10, 0) == b"one\n"
    face.close()
    os.close(master)


def test_a_regular_file_is_read_on_from_where_it_was_opened() -> None:
    """Standard input may be a file: it is read from the offset of whoever opened it."""
    with tempfile.TemporaryFile() as file:
        file.write(b"before\nafter\n")
        file.flush()
        os.lseek(file.fileno(), 7, os.SEEK_SET)
        face = StreamFace(os.dup(file.fileno()), Limits())
        while face.fill():
            pass
        assert face.ended
        assert face.pread(100, 0) == b"after\n"
        face.close()


def test_the_flags_of_the_descriptor_are_left_alone() -> None:
    """Others share the descriptor: it stays blocking, and nothing blocks all the same."""
    with pipe() as it:
        assert os.get_blocking(it.face.fileno())
        assert not it.face.fill()
        assert os.get_blocking(it.face.fileno())


@pytest.mark.parametrize("offset", [0, 10, 1000, 5000])
def test_head_and_last_bytes_stay(offset: int) -> None:
    """Whatever was forgotten, the head and the 64 bytes before the checkpoint can be read."""
    with pipe() as it:
        whole = bytes(i % 251 for i in range(6000))
        it.write(whole)
        it.face.fill()
        it.face.forget(offset)
        assert it.face.pread(1024, 0)[:64] == whole[:64]
        start = max(0, offset - 64)
        assert it.face.pread(offset - start + 100, start) == whole[start : offset + 100]
        assert it.face.size() == 6000
