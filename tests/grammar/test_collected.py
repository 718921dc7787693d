"""The shipped grammars at the far end: what they make of their samples, over HTTP, is good there.

The registry is written by the command, and the collector knows no schema but those in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from click.testing import CliRunner

from shipper.cli import cli
from shipper.collector.client import Address, HttpCollector
from shipper.collector.verdict import Delivered
from shipper.devcollector.schemas import Directory
from shipper.devcollector.server import DevCollector
from shipper.event.builder import Envelope
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.grammar.grammar import Grammar
from shipper.model import Dropped
from shipper.protocol.envelope import post_body
from tests.grammar.shelf import NOW_US, library

VENDOR = "org.example.wares"
STM_MS = NOW_US // 1000


def events_of(it: Grammar) -> Iterator[bytes]:
    """Make the events of the samples of *it*, as a source with that grammar does."""
    envelope = Envelope(namespace=it.name, vendor=VENDOR)
    (step,) = Recipe([it], envelope).steps
    eid = EventIds(UUID(int=7))
    for number, sample in enumerate(it.spec.samples):
        parsed = step.parse(sample.line, NOW_US)
        if parsed is not None and not isinstance(parsed, Dropped):
            yield step.build(parsed, eid(number, sample.line.encode()), NOW_US)


def faults(it: Grammar, client: HttpCollector, server: DevCollector) -> Iterator[str]:
    """Send the events of *it* as one request; tell what the collector has against them."""
    server.reset()
    events = list(events_of(it))
    answer = client.post(post_body(events, STM_MS))
    if not isinstance(answer, Delivered):
        yield f"{it.name}: {answer}"
    yield from (f"{it.name}: {item['errors']}" for item in server.bad())
    if not len(events) == server.counts().good > 0:
        yield f"{it.name}: {len(events)} events were sent, {server.counts()} came"


def test_events_of_all_samples_are_good_at_the_collector(tmp_path: Path) -> None:
    """Each sample that gives an event gives a good one, by the schemas that the command wrote."""
    command = ["grammar", "schema", "--out", str(tmp_path), "--vendor", VENDOR]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    with DevCollector(Directory([tmp_path])) as server:
        client = HttpCollector(Address(url=server.url))
        told = [fault for it in library().all() for fault in faults(it, client, server)]
        client.close()
    assert told == []
