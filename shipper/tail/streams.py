"""The streams of a fleet: standard input and FIFOs, from their first byte to their end.

Rule 1: a generation begins with the first line of a stream and is over when its writer has left,
        or when reading stops: nothing can continue it. What an earlier life left open is over.
Rule 2: a FIFO is opened when it is seen, and opened anew before it is let go at its end: its next
        writer finds a reader, and nothing that it writes falls between the two.
Rule 3: what was taken out of a pipe can't be asked for again. So streams outlive a change of the
        configuration, and in an orderly stop all that was taken is committed (`cut_off`).
Rule 4: standard input is opened once; its end is for good.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shipper.formats.fingerprint import HEAD_BYTES, NOTHING, digest, fingerprint, first_line
from shipper.model import Report
from shipper.tail.checkpoint import Checkpoint, Node, Sighting
from shipper.tail.roster import Roster
from shipper.tail.stream import StreamFace, StreamTailer, is_stream
from shipper.tail.survey import Place, Source
from shipper.tail.tailer import Tailer

STDIN = "stdin"  # as it is on record, where files have their paths


@dataclass(slots=True, eq=False)
class Stream:
    """An open stream; it has a tailer once its first line is here.

    It is `attended` if a writer is known to have it open. Once `cut`, it is not opened anew.
    """

    face: StreamFace
    path: str
    source: str
    attended: bool = False
    cut: bool = False
    tailer: StreamTailer | None = None

    @property
    def node(self) -> Node:
        """The node of the pipe."""
        return self.face.node

    @property
    def flowing(self) -> bool:
        """Whether its end is waited for."""
        return self.path == STDIN or self.attended or self.face.taken > 0

    @property
    def waiting(self) -> bool:
        """Whether there is something to read, so that no more is taken yet."""
        return self.face.ended or (self.tailer.ready if self.tailer else self.sighted() is not None)

    @property
    def uncommitted(self) -> int:
        """How many bytes were taken and are not committed."""
        return self.face.taken - (self.tailer.checkpoint.offset if self.tailer else 0)

    def sighted(self) -> bytes | None:
        """Return the digest of the first line, once that is here."""
        head = self.face.pread(HEAD_BYTES, 0)
        return first_line(head) or (digest(head) if head and self.face.ended else None)

    def sighting(self) -> Sighting | None:
        """Return what a generation is made of, once the first line is here."""
        line = self.sighted()
        if line is None:
            return None
        return Sighting(
            source=self.source,
            path=self.path,
            canonical=self.path if self.path == STDIN else f"fifo:{self.path}",
            node=self.node,
            head=fingerprint(self.face.pread(HEAD_BYTES, 0)),
            tail=NOTHING,
            first_line=line,
            start=0,
            size=self.face.taken,
        )


class OpenStreams:
    """What is open, by node: it outlives the fleet that reads it (rule 3).

    *stdin* opens standard input, and is called once, if some source wants that.
    """

    def __init__(self, report: Report, stdin: Callable[[], int] | None = None) -> None:
        self._report = report
        self.stdin = stdin
        self.by_node: dict[Node, Stream] = {}

    def close(self) -> None:
        """Let go of all; bytes that were taken and could not be committed are told."""
        for stream in self.by_node.values():
            if lost := stream.uncommitted:
                self._report("stream.lost", path=stream.path, lost_bytes=lost)
            stream.face.close()
        self.by_node.clear()


class Streams:
    """Reads the open streams for the *sources* of one configuration. One thread calls it."""

    def __init__(self, roster: Roster, sources: Sequence[Source], opened: OpenStreams) -> None:
        self._roster = roster
        self._sources = {source.name: source for source in sources}
        self._opened = opened
        self._polled = False
        alive = {s.tailer.checkpoint.row for s in opened.by_node.values() if s.tailer}
        self._past = [
            c
            for c in roster.books.checkpoints()
            if is_stream(c) and c.row not in alive and c.source in self._sources
        ]

    @property
    def flowing(self) -> bool:
        """Whether some stream may bring more, and has to be waited for: a FIFO with a writer."""
        return any(stream.flowing for stream in self._opened.by_node.values())

    def tailers(self) -> list[StreamTailer]:
        """Return the tailers of all streams whose first line is here."""
        return [stream.tailer for stream in self._opened.by_node.values() if stream.tailer]

    def reads(self, tailer: StreamTailer) -> bool:
        """Tell whether *tailer* still has its stream."""
        stream = self._opened.by_node.get(tailer.node)
        return stream is not None and stream.tailer is tailer

    def ready(self, now: float) -> list[StreamTailer]:
        """Return the tailers with something to read, or with nothing more to wait for."""
        return [t for t in self.tailers() if t.ready or t.final or t.overdue(now)]

    def listening(self) -> list[int]:
        """Return the descriptors to sleep on: of streams that were asked since, and had nothing."""
        if not self._polled:
            return []
        self._polled = False
        opened = self._opened.by_node.values()
        return [s.face.fileno() for s in opened if s.face.asked and not s.waiting]

    def sweep(self, fifos: Mapping[Node, Place]) -> None:
        """Open what is to be opened; *fifos* are those that the sources name at this moment."""
        self._close_past()
        self._open_stdin()
        for node, place in fifos.items():
            if stream := self._opened.by_node.get(node):
                self._own(stream, place)
            else:
                self._open_fifo(place)
        for node, stream in self._opened.by_node.items():
            if node not in fifos and not stream.flowing and not stream.face.status().st_nlink:
                stream.attended = _knock(stream.face.fileno()) or False  # if not, it has ended

    def poll(self, now: float) -> None:
        """Take on more of each stream of which nothing waits."""
        self._polled = True
        for stream in list(self._opened.by_node.values()):
            self._ask(stream, now)
            if stream.face.ended and not stream.face.taken:
                self._over(stream)

    def cut(self) -> list[Tailer]:
        """Return the tailers of the streams that were cut off and are not read to their end."""
        return [s.tailer for s in self._opened.by_node.values() if s.cut and s.tailer]

    def retire(self, tailer: StreamTailer) -> None:
        """Close the books on a stream that is at its end."""
        stream = self._opened.by_node[tailer.node]
        self._finish(tailer.checkpoint, **({"why": stream.face.why} if stream.face.why else {}))
        self._over(stream)

    def cut_off(self, now: float, kept: Sequence[Source] = ()) -> None:
        """Let what stands in the pipes at this moment be the end; those of *kept* go on."""
        for stream in list(self._opened.by_node.values()):
            if any(_takes(source, stream.path) for source in kept):
                continue
            stream.cut = True
            if stream.tailer:
                stream.tailer.cut_off()
            else:
                stream.face.cut_off()
                self._promote(stream, now)
            if not stream.face.taken:
                self._over(stream)

    def _close_past(self) -> None:
        while self._past:
            self._finish(self._past[-1], why="it was open when shipper stopped")
            self._past.pop()

    def _finish(self, checkpoint: Checkpoint, **facts: object) -> None:
        self._roster.books.finish(checkpoint.ended(), 0, why="closed")
        c = checkpoint
        self._roster.report("stream.closed", path=c.path, offset=c.offset, **facts)

    def _open_stdin(self) -> None:
        owner = next((s.name for s in self._sources.values() if s.stdin), None)
        for stream in self._opened.by_node.values():
            if owner and stream.path == STDIN:
                self._move(stream, owner)
        if owner and self._opened.stdin:
            opened, self._opened.stdin = self._opened.stdin, None
            try:
                face = StreamFace(opened(), self._roster.limits)
            except OSError as error:
                self._roster.troubles.note(STDIN, error)
            else:
                self._opened.by_node[face.node] = Stream(face, STDIN, owner)

    def _open_fifo(self, place: Place) -> None:
        try:
            fd, attended = _open_fifo(place.path)
        except OSError as error:
            self._roster.troubles.note(place.path, error)
            return
        self._roster.troubles.ended(place.path)
        face = StreamFace(fd, self._roster.limits)
        if face.node in self._opened.by_node:
            face.close()  # the name has changed hands since the sweep looked
            return
        self._opened.by_node[face.node] = Stream(face, place.path, place.source, attended)

    def _own(self, stream: Stream, place: Place) -> None:
        if stream.path != STDIN:
            stream.path = place.path
            self._move(stream, place.source)

    def _move(self, stream: Stream, source: str) -> None:
        """Let another source read the stream on: the configuration has changed."""
        if source == stream.source:
            return
        if tailer := stream.tailer:
            moved = tailer.checkpoint.moved(tailer.path, tailer.node, source)
            self._roster.books.move(moved)
            tailer.checkpoint = moved
        stream.source = source

    def _ask(self, stream: Stream, now: float) -> None:
        if stream.tailer:
            stream.tailer.look(now)
        elif not stream.waiting:
            stream.face.fill()
        if stream.face.taken and not stream.attended:
            stream.attended = True
            if stream.path != STDIN:
                _knock(stream.face.fileno())  # if its writer has left unseen, the end shows now
        if stream.tailer is None:
            self._promote(stream, now)

    def _promote(self, stream: Stream, now: float) -> None:
        """Put the generation on record, if the first line is here: before any byte is read."""
        sighting = stream.sighting()
        if sighting is None:
            return
        checkpoint = self._roster.books.begin(sighting)
        source = self._sources[stream.source]
        tailer = StreamTailer(stream.face, checkpoint, self._roster.limits, source.encoding)
        tailer.grew_at, tailer.patience = now, source.partial_after
        stream.tailer = tailer
        self._roster.report("stream.opened", path=stream.path, source=stream.source)

    def _over(self, stream: Stream) -> None:
        """Let go of a stream at its end; a FIFO is opened anew for its next writer (rule 2)."""
        fresh = None if stream.cut or stream.path == STDIN else self._reopened(stream)
        stream.face.close()
        if fresh is None:
            del self._opened.by_node[stream.node]
        else:
            self._opened.by_node[stream.node] = fresh
            fresh.face.fill()

    def _reopened(self, stream: Stream) -> Stream | None:
        """Return a fresh stream of the same FIFO, if its path still leads there."""
        try:
            fd, attended = _open_fifo(stream.path)
        except OSError:
            return None  # the next sweep says what is wrong
        face = StreamFace(fd, self._roster.limits)
        if face.node == stream.node:
            return Stream(face, stream.path, stream.source, attended)
        face.close()
        return None


def _takes(source: Source, path: str) -> bool:
    return source.stdin if path == STDIN else source.names(path)


def _open_fifo(path: str) -> tuple[int, bool]:
    """Open a FIFO to read; tell whether some writer has it open. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "No FIFO any more", path)  # noqa: TRY301  # closed below
        attended = _knock(fd)
        if attended is False:  # this look counts as a writer that has left: look away, and anew
            fresh = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.close(fd)
            fd = fresh
    except OSError:
        os.close(fd)
        raise
    return fd, bool(attended)


def _knock(fd: int) -> bool | None:
    """Tell whether some writer has the FIFO *fd* open; None if that can't be found out.

    The kernel does not say it. But once a writer has left, poll shows at the readers' side whether
    it was the last one: so be a writer for a moment.
    """
    try:
        os.close(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:  # no right to write to it, or no /proc here
        return None
    hung_up = select.poll()
    hung_up.register(fd, 0)
    return not hung_up.poll(0)
