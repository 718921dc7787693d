"""``python -m benchmarks.sizing``: what so many nodes ask of a collector, by arithmetic.

The sizes are measured on nginx's access log (benchmarks/access_log.py): bytes of a line, of its
event, and of an event in a request and in the queue. They follow from the bytes alone, so they are
the same on every machine. The rest is multiplication, of a node that writes so many lines a second.
"""

from __future__ import annotations

import argparse
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from benchmarks.access_log import write_access_log
from shipper.event.batch import unpack
from shipper.event.builder import Envelope
from shipper.event.piece import Piece, parse_piece
from shipper.event.recipe import Recipe
from shipper.grammar.library import Library
from shipper.protocol.envelope import post_size

NODES = (1, 10, 100, 1_000, 10_000)
LINGER = (0.02, 1.0)  # the default, and one for fleets
_LINES = 20_000
_NOW_US = 1_795_000_000_000_000
_MEGABYTE, _GIGABYTE, _HOUR, _DAY = 1e6, 1e9, 3_600, 86_400


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bytes of one line, on average, as it goes its way."""

    line: float
    event: float
    sent: float
    queued: float


def measure(lines: int = _LINES) -> Sizes:
    """Return the sizes of *lines* lines of an access log."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "access.log")
        write_access_log(file, lines)
        data = file.read_bytes()
    recipe = Recipe([Library().get("nginx_access")], Envelope())
    piece = Piece("web", uuid.UUID(int=1), "/access.log", data, 0, len(data), _NOW_US)
    batches = parse_piece(piece, recipe).batches
    events = sum(batch.events for batch in batches)
    assert events == lines
    return Sizes(
        line=len(data) / events,
        event=sum(len(unpack(batch)) for batch in batches) / events,
        sent=sum(post_size(batch.events, batch.size) for batch in batches) / events,
        queued=sum(len(batch.body) for batch in batches) / events,
    )


def requests(rate: float, linger: float, full: float) -> float:
    """Return requests a second of a node with *rate* events a second.

    A request leaves *linger* seconds after its first event, or when it holds *full* events.
    `python -m benchmarks.sending` measures the same (docs/delivery.md).
    """
    return rate / min(1 + rate * linger, full)


def table(sizes: Sizes, rate: int, max_bytes: int) -> list[str]:
    """Return the table: a row for each number of nodes, each with *rate* lines a second."""
    full = max_bytes / sizes.sent
    lingers = "| " + " | ".join(f"requests/s, `linger` {linger:g} s" for linger in LINGER)
    rows = [f"| nodes | events/s | MB/s {lingers} | GB of queue, an hour | events a day |"]
    rows.append("|---" * (5 + len(LINGER)) + "|")
    for nodes in NODES:
        events = nodes * rate
        cells = [
            events * sizes.sent / _MEGABYTE,
            *(nodes * requests(rate, linger, full) for linger in LINGER),
            events * sizes.queued * _HOUR / _GIGABYTE,
        ]
        told = " | ".join(f"{cell:,.0f}" if cell >= 10 else f"{cell:.2g}" for cell in cells)
        rows.append(f"| {nodes:,} | {events:,} | {told} | {events * _DAY / 1e6:,.0f} million |")
    return rows


def told(sizes: Sizes, rate: int, max_bytes: int) -> list[str]:
    """Return what is printed: two tables."""
    return [
        "| of one line, on average | bytes |",
        "|---|---|",
        f"| in the log | {sizes.line:.0f} |",
        f"| its event | {sizes.event:.0f} |",
        f"| of a full request | {sizes.sent:.0f} |",
        f"| of the queue on disk, compressed | {sizes.queued:.0f} |",
        "",
        *table(sizes, rate, max_bytes),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.sizing", description=__doc__)
    parser.add_argument("--rate", type=int, default=100, help="lines a second of a node")
    parser.add_argument("--max-bytes", type=int, default=180_000, help="of a request")
    options = parser.parse_args()
    print("\n".join(told(measure(), options.rate, options.max_bytes)))


if __name__ == "__main__":
    main()
