"""What each stage of the path costs a line, next to a bare match of the same expression."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import regex

from shipper.event.batch import pack, unpack
from shipper.event.builder import Envelope, event_builder
from shipper.event.chunk import Recipe, parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import event_ids
from shipper.formats.framing import split_lines
from shipper.grammar.library import Library
from shipper.protocol.envelope import post_body

_CHUNK = 256 * 1024
_MAX_BYTES = 500_000


def stages(log: Path) -> dict[str, float]:
    """Return µs of CPU a line, by stage."""
    grammar = Library().get("nginx_access")
    chunks = chunks_of(log.read_bytes())
    texts = [text for base, chunk in chunks for text in split_lines(chunk, base)[1]]
    recipe = Recipe([grammar], Envelope(max_bytes=_MAX_BYTES))
    build = event_builder(grammar, Envelope(max_bytes=_MAX_BYTES))
    eid = event_ids(uuid.UUID(int=0))
    origin = Origin(eid, str(log))
    match = regex.compile(grammar.expressions[0]).fullmatch
    parsed = [p for p in (grammar.parse(text, 0) for text in texts) if p is not None]
    events = [build(p, "0" * 36, 0) for p in parsed]
    batches = list(pack(events, _MAX_BYTES))
    raws = [text.encode() for text in texts]
    return {
        name: _cost(work, len(texts))
        for name, work in {
            "bare match and groups()": lambda: [m.groups() for m in map(match, texts) if m],
            "framing": lambda: [split_lines(chunk, base) for base, chunk in chunks],
            "grammar": lambda: [grammar.parse(text, 0) for text in texts],
            "id": lambda: [eid(0, raw) for raw in raws],
            "event": lambda: [build(p, "0" * 36, 0) for p in parsed],
            "pack (zstd)": lambda: list(pack(events, _MAX_BYTES)),
            "all of reading": lambda: [parse_chunk(c, b, recipe, origin, 0) for b, c in chunks],
            "unpack and join": lambda: [post_body(unpack(batch), 1) for batch in batches],
        }.items()
    }


def _cost(work: Callable[[], object], lines: int) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best / lines * 1e6


def chunks_of(data: bytes) -> list[tuple[int, bytes]]:
    """Cut *data* into chunks of whole lines; each comes with its offset."""
    chunks, start = [], 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + _CHUNK) + 1
        chunks.append((start, data[start:end]))
        start = end
    return chunks
