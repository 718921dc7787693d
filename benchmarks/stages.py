"""What each stage of the path costs a line, next to its floor: the barest form of the same work.

Stages follow each other, and all of them together are the path. A floor is what the library or the
system below asks for anyway, called without anything around it.
"""

from __future__ import annotations

import http.client
import re
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import orjson
import zstandard

from benchmarks.access_log import access_lines
from benchmarks.charts import Bars, Chart
from benchmarks.context import Context
from benchmarks.figures import Spread
from benchmarks.report import Outcome, Table
from shipper.collector.client import POST_PATH, Address, HttpCollector
from shipper.event.batch import pack, unpack
from shipper.event.builder import Envelope, event_builder
from shipper.event.chunk import Parse, parse_chunk
from shipper.event.entities import Origin
from shipper.event.express import Express, Place
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.formats.fingerprint import NOTHING
from shipper.formats.framing import split_lines
from shipper.grammar.library import Library
from shipper.grammar.plain import PlainPattern
from shipper.protocol.envelope import post_body
from shipper.store.store import Progress, Store
from shipper.tail.checkpoint import Node, Sighting

_CHUNK = 256 * 1024
_MAX_BYTES = 500_000
_ROUNDS = 5
_PATH = "/var/log/access.log"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage and its floor; what the stages `within` its work cost is taken off."""

    name: str
    work: Callable[[], object]
    floor_name: str
    floor: Callable[[], object]
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of processor time a line."""

    name: str
    us: float
    floor_name: str
    floor_us: float

    @property
    def distance(self) -> float:
        """Return how many times the floor it costs."""
        return self.us / self.floor_us


class Material:
    """Lines in every form that a stage begins with."""

    def __init__(self, lines: int) -> None:
        data = "".join(access_lines(lines)).encode()
        self.lines = lines
        self.chunks = chunks_of(data)
        self.raws = data.split(b"\n")[:-1]
        self.texts = [raw.decode() for raw in self.raws]
        self.grammar = Library().get("nginx_access")
        self.envelope = Envelope(max_bytes=_MAX_BYTES)
        self.recipe = Recipe([self.grammar], self.envelope)
        self.eid = EventIds(uuid.UUID(int=0))
        self.origin = Origin(self.eid, _PATH)
        self.plain, self.express = self._short_way()
        self.parses = self.read()
        self.batches = [batch for parse in self.parses for batch in parse.batches]
        self.joined = [unpack(batch) for batch in self.batches]
        self.bodies = [post_body(joined.split(b"\n"), 1) for joined in self.joined]
        if sum(parse.ledger.events for parse in self.parses) != lines:
            raise RuntimeError("a line gave no event")

    def _short_way(self) -> tuple[PlainPattern, Express]:
        plain = self.grammar.plain and self.grammar.plain()
        express = self.recipe.express
        if plain is None or express is None:
            raise RuntimeError("nginx_access has lost its short way from a line to its event")
        return plain, express

    def read(self) -> list[Parse]:
        """Do all of reading, from chunks to batches."""
        chunks, recipe, origin = self.chunks, self.recipe, self.origin
        return [parse_chunk(chunk, base, recipe, origin, 0) for base, chunk in chunks]


def chunks_of(data: bytes) -> list[tuple[int, bytes]]:
    """Cut *data* into chunks of whole lines; each comes with its offset."""
    chunks, start = [], 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + _CHUNK) + 1
        chunks.append((start, data[start:end]))
        start = end
    return chunks


def stages(context: Context) -> Outcome:
    """Measure all stages, each in turn with its floor."""
    context.progress.say("stages: lines in all forms")
    material = Material(context.sizes.stage_lines)
    with ExitStack() as stack:
        edges = [
            stack.enter_context(_committing(material)),
            stack.enter_context(_posting(material, context.target.port)),
        ]
        costs: list[Cost] = []
        for stage in (*_pure(material), *edges):
            context.progress.say(f"stages: {stage.name}")
            costs.append(_cost(stage, material.lines, costs))
    context.progress.say("stages: all of reading")
    whole = _microseconds(material.read, material.lines)
    long_way = _microseconds(lambda: _long_way(material), material.lines)
    return outcome(costs, whole, long_way, material.lines)


def outcome(costs: Sequence[Cost], whole: float, long_way: float, lines: int) -> Outcome:
    """Return what the *costs* say; *whole* is that of all of reading, in one.

    *long_way* is what match, convert and encode cost for a line that is not plain.
    """
    dearest = max(costs, key=lambda cost: cost.us)
    farthest = max(costs, key=lambda cost: cost.us - cost.floor_us)
    total, floors = sum(cost.us for cost in costs), sum(cost.floor_us for cost in costs)
    rows = [
        (
            each.name,
            f"{each.us:.2f}",
            each.floor_name,
            f"{each.floor_us:.2f}",
            f"{each.distance:.1f} ×",
        )
        for each in costs
    ]
    rows.append(("all", f"{total:.2f}", "", f"{floors:.2f}", f"{total / floors:.1f} ×"))
    bars = {
        f"{whose}: {each.name}": Spread(us, us, us)
        for each in costs
        for whose, us in (("shipper", each.us), ("floor", each.floor_us))
    }
    return Outcome(
        title="Where the time goes",
        tables=[Table(head=("stage", "µs a line", "floor", "µs a line", "distance"), rows=rows)],
        charts=[
            Chart(
                name="stages",
                panels=[Bars(title="Stages and their floors", unit="µs a line", values=bars)],
            )
        ],
        notes=[
            f"{lines:,} lines in one process, without start-up; the best of {_ROUNDS} rounds.",
            f"The stage that costs most is {dearest.name}: {dearest.us:.2f} µs, "
            f"{dearest.distance:.1f} times its floor. Farthest above its floor is "
            f"{farthest.name}, by {farthest.us - farthest.floor_us:.2f} µs. "
            f"All of reading in one, from chunk to batches: {whole:.2f} µs. A line that is not "
            f"plain, by a backslash for one, costs {long_way:.2f} µs to match, convert and encode.",
        ],
    )


def _cost(stage: Stage, lines: int, before: Sequence[Cost]) -> Cost:
    best, floor = float("inf"), float("inf")
    for _ in range(_ROUNDS):
        floor = min(floor, _microseconds(stage.floor, lines, rounds=1))
        best = min(best, _microseconds(stage.work, lines, rounds=1))
    best -= sum(cost.us for cost in before if cost.name in stage.within)
    return Cost(name=stage.name, us=best, floor_name=stage.floor_name, floor_us=floor)


def _microseconds(work: Callable[[], object], lines: int, rounds: int = _ROUNDS) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best / lines * 1e6


# Stages that compute


def _pure(it: Material) -> Iterator[Stage]:
    yield Stage(
        name="framing",
        work=lambda: [split_lines(chunk, base) for base, chunk in it.chunks],
        floor_name="split and decode",
        floor=lambda: [chunk.decode().split("\n") for _, chunk in it.chunks],
    )
    yield _matching(it)
    yield Stage(
        name="id",
        work=lambda: it.eid.of_all((0, raw) for raw in it.raws),
        floor_name="BLAKE2b of the line",
        floor=lambda: [blake2b(raw, digest_size=16).hexdigest() for raw in it.raws],
    )
    yield _encoding(it)
    yield from _packing(it)


def _matching(it: Material) -> Stage:
    match, more = it.plain.fullmatch, it.plain.more
    everywhere = re.compile(rf"^{it.grammar.expressions[0]}$", re.ASCII | re.MULTILINE)
    texts = [chunk.decode() for _, chunk in it.chunks]

    def floor() -> None:
        if (found := sum(len(everywhere.findall(text)) for text in texts)) != it.lines:
            raise RuntimeError(f"findall took {found} of {it.lines} lines")

    return Stage(
        name="match",
        work=lambda: [match(text, *more).groups() for text in it.texts],
        floor_name="findall over a chunk",
        floor=floor,
    )


def _encoding(it: Material) -> Stage:
    take = it.express.bind(Place((), 0, {}))
    pairs = [(text, "0" * 36) for text in it.texts]
    objects = [orjson.loads(event) for joined in it.joined for event in joined.split(b"\n")]
    inner = [orjson.loads(each["ue_pr"]) for each in objects]

    def floor() -> None:
        for event, record in zip(objects, inner, strict=True):
            orjson.dumps(record)
            orjson.dumps(event)

    return Stage(
        name="convert and encode",
        work=lambda: list(take(pairs, smooth=True)),
        within=("match",),
        floor_name="orjson of record and event",
        floor=floor,
    )


def _packing(it: Material) -> Iterator[Stage]:
    groups = [
        [event for batch in parse.batches for event in unpack(batch).split(b"\n")]
        for parse in it.parses
    ]
    level, plain = zstandard.ZstdCompressor(level=1), zstandard.ZstdDecompressor()
    yield Stage(
        name="compress",
        work=lambda: [list(pack(group, _MAX_BYTES)) for group in groups],
        floor_name="zstd of joined events",
        floor=lambda: [level.compress(joined) for joined in it.joined],
    )
    yield Stage(
        name="join",
        work=lambda: [post_body(unpack(batch).split(b"\n"), 1) for batch in it.batches],
        floor_name="zstd, the other way",
        floor=lambda: [plain.decompress(batch.body) for batch in it.batches],
    )


def _long_way(it: Material) -> None:
    parse, build = it.grammar.parse, event_builder(it.grammar, it.envelope)
    for text in it.texts:
        if (parsed := parse(text, 0)) is not None:
            build(parsed, "0" * 36, 0)


# Stages that touch the world


@contextmanager
def _committing(it: Material) -> Iterator[Stage]:
    with (
        tempfile.TemporaryDirectory(prefix="shipper-bench-") as name,
        closing(Store.open(Path(name) / "state")) as store,
        closing(sqlite3.connect(Path(name) / "bare.db", isolation_level=None)) as bare,
    ):
        bare.execute("PRAGMA journal_mode = WAL")
        bare.execute("PRAGMA synchronous = NORMAL")
        bare.execute("CREATE TABLE batch (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        first = store.begin(_sighting(_PATH), uuid.UUID(int=0), 1)

        def commit() -> None:
            for (base, chunk), parse in zip(it.chunks, it.parses, strict=True):
                end = base + len(chunk)
                store.commit([Progress(first.at(end, chunk[-64:], end), parse)], 1)

        def insert() -> None:
            for parse in it.parses:
                bare.execute("BEGIN IMMEDIATE")
                rows = [(batch.body,) for batch in parse.batches]
                bare.executemany("INSERT INTO batch (body) VALUES (?)", rows)
                bare.execute("COMMIT")

        yield Stage(name="commit", work=commit, floor_name="insert of the same bytes", floor=insert)


def _sighting(path: str) -> Sighting:
    return Sighting(
        source="web",
        path=path,
        canonical=path,
        node=Node(1, 1),
        head=NOTHING,
        tail=NOTHING,
        first_line=b"",
        start=0,
        size=0,
    )


@contextmanager
def _posting(it: Material, port: int) -> Iterator[Stage]:
    collector = HttpCollector(Address(url=f"http://127.0.0.1:{port}"))
    with closing(collector), closing(http.client.HTTPConnection("127.0.0.1", port)) as bare:

        def post() -> None:
            for body in it.bodies:
                bare.request("POST", POST_PATH, body, {"Content-Type": "application/json"})
                bare.getresponse().read()

        yield Stage(
            name="POST",
            work=lambda: [collector.post(body) for body in it.bodies],
            floor_name="http.client",
            floor=post,
        )
