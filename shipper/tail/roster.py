"""The roster: what a fleet knows of files, shared by the sweep and the reception.

Rule 1: a file has one holder: a tailer, or a newcomer until it is known what it is.
Rule 2: a file that rests has none; it is opened again when it looks different.
Rule 3: whoever may have something to read is awake. The others, most of many, are not asked at
        each turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shipper.formats.containers import docker_config, facts_in
from shipper.formats.encodings import UTF_8, Encoding
from shipper.model import Report
from shipper.tail.books import Books
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.chunk import Limits
from shipper.tail.face import Face
from shipper.tail.kin import Departed
from shipper.tail.newcomer import Newcomer
from shipper.tail.orphans import Orphans
from shipper.tail.stream import is_stream
from shipper.tail.survey import Look, Source
from shipper.tail.tailer import Tailer
from shipper.tail.troubles import Troubles

# Less than this is read in a turn or two, and is no backlog.
_FAR = 1 << 20
_WHOLE = 1 << 62
_CONFIG_BYTES = 1 << 20


class Roster:
    """All files by node, and all generations that have no file just now."""

    def __init__(
        self,
        sources: Sequence[Source],
        books: Books,
        report: Report,
        *,
        limits: Limits,
        grace: float,
    ) -> None:
        self.books = books
        self.report = report
        self.limits = limits
        self.grace = grace
        self.tailers: dict[Node, Tailer] = {}
        self.awake: dict[Node, Tailer] = {}
        self.arrivals: list[Tailer] = []
        self.let_go: set[Node] = set()
        self.newcomers: dict[Node, Newcomer] = {}
        self.resting: dict[Node, Look] = {}
        self._sources = {source.name: source for source in sources}
        files = [self._inherited(c) for c in books.checkpoints() if not is_stream(c)]
        self.orphans = Orphans(files, self._sources.keys(), grace)
        self.departed = Departed(grace)
        self.troubles = Troubles(report)
        self.from_end = {s.name for s in sources if books.first_start_of(s.name) and s.from_end}

    def encoding(self, source: str) -> Encoding:
        """Return the encoding that is configured for *source*."""
        return self._sources[source].encoding if source in self._sources else UTF_8

    def source_of(self, path: str) -> str | None:
        """Return the name of the source that reads *path*, if there is one."""
        return next((s.name for s in self._sources.values() if s.names(path)), None)

    def _inherited(self, known: Checkpoint) -> Checkpoint:
        """Give a generation whose source has another name now to whoever reads its log."""
        if known.source in self._sources:
            return known
        heir = self.source_of(known.path) or self.source_of(known.canonical)
        return replace(known, source=heir or known.source)

    def holders(self) -> list[Tailer | Newcomer]:
        """Return whoever holds a file open."""
        return [*self.tailers.values(), *self.newcomers.values()]

    def holds(self, node: Node) -> bool:
        """Tell whether somebody holds the file."""
        return node in self.tailers or node in self.newcomers

    def drop(self, holder: Tailer | Newcomer) -> None:
        """Let go of a file."""
        if isinstance(holder, Tailer):
            self.release(holder)
        else:
            del self.newcomers[holder.node]
        self.let_go.add(holder.node)
        holder.close()

    def release(self, tailer: Tailer) -> None:
        """Take the file from *tailer*: somebody else reads it on, or nobody."""
        del self.tailers[tailer.node]
        self.awake.pop(tailer.node, None)

    def set_aside(self, holder: Tailer | Newcomer) -> None:
        """Close a file until it looks different."""
        if holder.detached_at is None:
            self.resting[holder.node] = holder.seen
        self.drop(holder)

    def resume(self, checkpoint: Checkpoint, face: Face, now: float) -> Tailer:
        """Read a file on from *checkpoint*. Raises OSError."""
        tailer = Tailer(face, checkpoint, self.limits, self.encoding(checkpoint.source))
        if source := self._sources.get(checkpoint.source):
            tailer.patience = source.partial_after
        status = face.status()
        tailer.saw(status, now)
        tailer.opened_at, tailer.backlog = now, backlog(tailer)
        tailer.facts = container_facts(checkpoint.path)
        self.orphans.remove(checkpoint)
        self.orphans.displace(checkpoint, now)
        self.departed.remove(checkpoint)
        self.tailers[checkpoint.node] = self.awake[checkpoint.node] = tailer
        self.arrivals.append(tailer)
        c = checkpoint
        self.report(
            "file.opened", path=c.path, source=c.source, offset=c.offset, size=status.st_size
        )
        return tailer

    def finish(self, checkpoint: Checkpoint, event: str, lost_bytes: int, **facts: object) -> None:
        """Close the books: what was seen but not read is lost, and said so."""
        self.books.finish(checkpoint, lost_bytes, why=event.removeprefix("file."))
        self.orphans.remove(checkpoint)
        c = checkpoint
        self.report(event, path=c.path, offset=c.offset, lost_bytes=lost_bytes, **facts)


def backlog(tailer: Tailer) -> int:
    """Return up to which offset a file that is opened now holds old content: its end, if far."""
    if tailer.face.kind:
        return _WHOLE
    return tailer.checkpoint.offset + tailer.unread if tailer.unread > _FAR else 0


def container_facts(log: str) -> dict[str, str]:
    """Return what Docker's file beside the *log* of a container says of it; nothing if it can't."""
    path = docker_config(log)
    if path is None:
        return {}
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # a str, as everywhere here
            return facts_in(file.read(_CONFIG_BYTES))
    except OSError:
        return {}
