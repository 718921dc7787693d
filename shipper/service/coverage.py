"""Which lines of files no grammar takes: how many, of what shapes, and a pattern for each shape.

Rule 1: lines that no grammar takes are put aside in a temporary file, compressed, so memory does
        not grow with the files.
Rule 2: a shape's pattern is compiled and tried on every line put aside before it is shown, and the
        shape's count is the number of lines that it took.
Rule 3: each line counts once. A shape whose lines all fit the pattern of one that is ten times as
        large belongs to that one.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple

import regex
import zstandard

from shipper.errors import DataError
from shipper.grammar.coverage.clusters import Cluster, Clusters
from shipper.grammar.coverage.suggestion import suggest_pattern
from shipper.grammar.grammar import Works, at_work, first_match, furthest
from shipper.grammar.grok import compile_grok
from shipper.grammar.patterns import PatternBook
from shipper.grammar.reference import GrokError
from shipper.model import Mismatch

_HEAD: Final = struct.Struct("<IIQI")  # cluster, file, line number, length
_TRIED: Final = 100
_MUCH_LARGER: Final = 10
_TIME_LIMIT: Final = 0.1


class Place(NamedTuple):
    """A line: its file, its number from 1, its text."""

    file: str
    number: int
    text: str


@dataclass(slots=True)
class Shape:
    """Lines of one shape: how many, the first of them, why it was refused, and a pattern."""

    pattern: str
    count: int = 0
    example: Place | None = None
    mismatch: Mismatch | None = None


@dataclass(slots=True)
class Coverage:
    """What came of all lines. `others` are lines of no shape that was met often enough."""

    lines: int = 0
    blank: int = 0
    grammars: Counter[str] = field(default_factory=Counter)
    shapes: list[Shape] = field(default_factory=list)
    others: int = 0
    other: Place | None = None

    @property
    def matched(self) -> int:
        """How many lines a grammar took."""
        return sum(self.grammars.values())

    @property
    def percent(self) -> float:
        """The share of lines that a grammar took; 100 where there is no line."""
        seen = self.lines - self.blank
        return 100 * self.matched / seen if seen else 100.0


def cover(
    grammars: Sequence[Works],
    book: PatternBook,
    files: Iterable[tuple[str, IO[bytes]]],
    now_us: int,
    progress: Callable[[int], None] = lambda _size: None,
) -> Coverage:
    """Try *grammars* on every line of *files*, pairs of name and stream.

    *progress* is told the bytes read since it was told last. Raises DataError for a file that
    can't be read to its end.
    """
    done, clusters = Coverage(), Clusters()
    with tempfile.TemporaryFile() as file:
        aside = _Aside(file)
        for name, stream in files:
            works = at_work(grammars, {})  # what a file says of its lines holds for that file
            for line, size in _lines(name, stream):
                progress(size)
                done.lines += 1
                if not line.text or line.text.isspace():
                    done.blank += 1
                elif (parsed := first_match(works, line.text, now_us)) is not None:
                    done.grammars[parsed.grammar] += 1
                else:
                    aside.put(clusters.add(line.text), line)
        _sort_out(done, _patterns(clusters.found(), book), aside.all())
    for shape in done.shapes:
        if shape.example is not None:
            shape.mismatch = furthest(grammars, shape.example.text, now_us)
    return done


def _lines(name: str, stream: IO[bytes]) -> Iterator[tuple[Place, int]]:
    """Yield the lines, decoded as the shipper does it, and the bytes read for each."""
    try:
        for number, raw in enumerate(stream, 1):
            text = raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")
            yield Place(name, number, text), len(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(name, error) from error


def unreadable(name: str, error: Exception) -> DataError:
    """Return the failure to read the file *name*."""
    why = getattr(error, "strerror", None) or str(error)
    return DataError(f"{name} can't be read: {why}", "check the path, or gzip -t")


class _Aside:
    """Lines put aside in a temporary file, each with the number of its cluster."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._names: list[str] = []
        self._writer = zstandard.ZstdCompressor(level=1).stream_writer(file, closefd=False)

    def put(self, cluster: int, line: Place) -> None:
        """Put *line* aside."""
        if line.file not in self._names[-1:]:
            self._names.append(line.file)
        raw = line.text.encode("utf-8", "surrogatepass")
        self._writer.write(_HEAD.pack(cluster, len(self._names) - 1, line.number, len(raw)) + raw)

    def all(self) -> Iterator[tuple[int, Place]]:
        """Yield the lines in the order in which they were put aside; no more can be put."""
        self._writer.flush(zstandard.FLUSH_FRAME)
        self._file.seek(0)
        with zstandard.ZstdDecompressor().stream_reader(self._file, closefd=False) as reader:
            while head := _exactly(reader, _HEAD.size):
                cluster, file, number, length = _HEAD.unpack(head)
                text = _exactly(reader, length).decode("utf-8", "surrogatepass")
                yield cluster, Place(self._names[file], number, text)


def _exactly(reader: zstandard.ZstdDecompressionReader, size: int) -> bytes:
    parts = []
    while size and (part := reader.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class _Tried(NamedTuple):
    """A cluster's pattern, compiled, and what it took."""

    cluster: Cluster
    pattern: regex.Pattern[str]
    shape: Shape


def _patterns(found: Iterable[Cluster], book: PatternBook) -> dict[int, _Tried]:
    """Return the patterns of the largest clusters, by number; two that are equal are one."""
    by_text: dict[str, _Tried] = {}
    tried: dict[int, _Tried] = {}
    for cluster in found:
        text = suggest_pattern(cluster)
        if text not in by_text and len(by_text) < _TRIED:
            try:
                compiled = compile_grok(text, book)
            except GrokError:  # a name that a pattern file of the user's has made unusable
                continue
            by_text[text] = _Tried(cluster, compiled.pattern, Shape(text))
        if text in by_text:
            tried[cluster.number] = by_text[text]
    return tried


def _sort_out(done: Coverage, tried: dict[int, _Tried], aside: Iterable[tuple[int, Place]]) -> None:
    """Count each line put aside for the shape whose pattern takes it."""
    sizes = {id(each.shape): each for each in tried.values()}
    ranked = sorted(sizes.values(), key=lambda each: (-each.cluster.count, each.cluster.number))
    absorbers = _Absorbers(ranked)
    for number, line in aside:
        own = tried.get(number)
        if own is None or not _takes(own.pattern, line.text):
            own = next((each for each in ranked if _takes(each.pattern, line.text)), None)
        if own is None:
            done.others += 1
            done.other = done.other or line
            continue
        own.shape.count += 1
        own.shape.example = own.shape.example or line
        absorbers.see(own, line.text)
    absorbers.merge()
    shapes = [each.shape for each in ranked if each.shape.count]
    done.shapes = sorted(shapes, key=lambda shape: -shape.count)


class _Absorbers:
    """Finds for each shape the much larger one whose pattern takes all of its lines."""

    def __init__(self, ranked: Sequence[_Tried]) -> None:
        self._ranked = ranked
        self._larger: dict[int, _Tried | None] = {}

    def see(self, own: _Tried, text: str) -> None:
        """Take note of a line of *own*."""
        key = id(own.shape)
        if key not in self._larger:
            least = own.cluster.count * _MUCH_LARGER
            near = (each for each in self._ranked if each.cluster.count >= least)
            self._larger[key] = next((each for each in near if _takes(each.pattern, text)), None)
        elif (larger := self._larger[key]) is not None and not _takes(larger.pattern, text):
            self._larger[key] = None

    def merge(self) -> None:
        """Let the larger shapes have the lines of those that fit into them, the smallest first."""
        for own in reversed(self._ranked):
            larger = self._larger.get(id(own.shape))
            if larger is not None and own.shape.count:
                larger.shape.count += own.shape.count
                own.shape.count = 0


def _takes(pattern: regex.Pattern[str], text: str) -> bool:
    try:
        return pattern.fullmatch(text, timeout=_TIME_LIMIT) is not None
    except TimeoutError:
        return False
