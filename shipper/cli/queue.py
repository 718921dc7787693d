"""``shipper queue``: what waits for the collector, while `run` is running or not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import orjson

from shipper.cli.letters import counted
from shipper.cli.options import config_option, json_option, load, open_store
from shipper.cli.progress_line import no_tick, progress
from shipper.errors import DataError

if TYPE_CHECKING:
    from shipper.config.models import Config
    from shipper.service.transfer import Tick, Waiting
    from shipper.store.store import Store

_source_option = click.option("--source", help="Only those of this source.")


@click.group()
def queue() -> None:
    """See to the events that wait for the collector.

    All of these work while `shipper run` is running. Exit codes: 0 done, 65 what is read is wrong,
    73 the state can't be used, 75 it can't be used just now.
    """


@queue.command(epilog="Example:  shipper queue stats -c shipper.yaml --json | jq .events")
@config_option
@json_option
def stats(config_file: Path, as_json: bool) -> None:
    """Show how much waits, of which sources, since when, and how much room there is."""
    with _opened(config_file) as (config, store):
        facts = _facts(config, store)
    if as_json:
        click.echo(orjson.dumps(facts, option=orjson.OPT_INDENT_2))
        return
    click.echo(f"waiting:   {_events(facts['events'], facts['batches'])}")
    if facts["batches"]:
        each = facts["stored_bytes"] / facts["events"]
        click.echo(f"oldest:    {facts['oldest']}")
        click.echo(f"stored:    {facts['stored_bytes']:,} bytes, {each:.0f} an event")
    click.echo(
        f"state:     {facts['used_bytes']:,} bytes of {facts['max_bytes']:,}, "
        f"{facts['free_bytes']:,} free in the file, {facts['log_bytes']:,} in its log"
    )
    click.echo(f"disk:      {facts['disk_free_bytes']:,} bytes free")
    for each_source in facts["sources"]:
        click.echo(
            f"source:    {each_source['source']}: {each_source['events']:,} events, "
            f"the oldest of {each_source['oldest']}"
        )
    for cause, count in facts["dropped"].items():
        click.echo(f"dropped:   {count:,} events: {cause}")


def _facts(config: Config, store: Store) -> dict[str, Any]:
    from shipper.store.drops import COUNTER

    waiting = store.backlog()
    dropped: dict[str, int] = {}
    for (name, _), count in store.counters().items():
        if name.startswith(COUNTER):
            cause = name.removeprefix(COUNTER)
            dropped[cause] = dropped.get(cause, 0) + count
    return {
        "batches": waiting.batches,
        "events": waiting.events,
        "stored_bytes": waiting.stored_bytes,
        "oldest": _when(waiting.oldest_ms),
        "used_bytes": store.used_bytes(),
        "max_bytes": config.queue.max_bytes,
        "free_bytes": store.space.free_bytes(),
        "log_bytes": store.space.wal_bytes(),
        "disk_free_bytes": store.space.disk().free,
        "sources": [
            {**each._asdict(), "oldest": _when(each.oldest_ms)}
            for each in store.counting.by_source()
        ],
        "dropped": dropped,
    }


@queue.command(epilog="Example:  shipper queue peek -c shipper.yaml --limit 1 | jq .event")
@config_option
@_source_option
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True)
def peek(config_file: Path, source: str | None, limit: int) -> None:
    """Print the events that are sent next, one JSON object a line."""
    with _opened(config_file) as (_, store):
        for each in islice(_waiting(store, source, no_tick), limit):
            click.echo(each.line())


@queue.command(epilog="Example:  shipper queue export -c shipper.yaml -o backlog.ndjson")
@config_option
@_source_option
@click.option("-o", "--output", type=click.File("wb"), default="-", help="A file; - for stdout.")
def export(config_file: Path, source: str | None, output: IO[bytes]) -> None:
    """Write the events that wait as NDJSON, one object each; they stay in the queue.

    What is sent meanwhile may be left out, and what comes may be in it.
    """
    with _opened(config_file) as (_, store), progress("exporting") as tick:
        for each in _waiting(store, source, tick):
            output.write(each.line() + b"\n")


@queue.command("import", epilog="Example:  shipper queue import -c shipper.yaml backlog.ndjson")
@config_option
@click.argument("file", type=click.File("rb"))
def import_(config_file: Path, file: IO[bytes]) -> None:
    """Put exported events at the end of the queue, with the ids and bytes that they had.

    FILE is what `queue export` has written, or - for standard input. Events that were delivered
    already come again with their ids. Exit code 65 names the first line that is wrong. Where there
    is no state yet, as on a new machine, it is made: import as the user that runs shipper.
    """
    from shipper.service.transfer import take_in
    from shipper.store.store import Store

    config = load(config_file)
    with closing(Store.open(config.state)) as store:
        store.space.bound(config.queue.max_bytes)
        count = take_in(store, file, config.collector.max_bytes, int(time.time() * 1000))
    click.echo(f"{counted(count, 'event')} put into the queue")


@queue.command(epilog="Example:  shipper queue check -c shipper.yaml && echo sound")
@config_option
@json_option
def check(config_file: Path, as_json: bool) -> None:
    """Count the queue and open each batch; exit code 65 if something is wrong.

    A batch that can't be opened becomes a dead letter when its turn comes, with its bytes.
    """
    from shipper.service.transfer import check as look

    with _opened(config_file) as (_, store), progress("checking") as tick:
        found = look(store, tick)
    if as_json:
        counts = {"on_record": found.on_record._asdict(), "counted": found.counted._asdict()}
        click.echo(orjson.dumps({**counts, "faults": found.faults}))
    else:
        click.echo(_events(found.counted.events, found.counted.entries))
    if found.faults:
        raise DataError("\n  ".join(["the queue is not sound:", *found.faults[:20]]))


@queue.command(epilog="Example:  shipper queue compact -c shipper.yaml")
@config_option
@json_option
def compact(config_file: Path, as_json: bool) -> None:
    """Give all free space of the state file back to the disk, in short steps."""
    with _opened(config_file) as (_, store), progress("compacting") as tick:
        before = total = store.space.free_bytes()
        while left := store.space.compact():
            tick(total - left, total)
            total = max(total, left)
        short = store.space.write_back(least=1)
    if as_json:
        click.echo(orjson.dumps({"freed_bytes": before, "log_written_back": short}))
        return
    click.echo(f"{before:,} bytes given back to the disk" if before else "nothing was free")
    if not short:
        click.echo("the file shrinks when nobody reads the state any more")


@contextmanager
def _opened(config_file: Path) -> Iterator[tuple[Config, Store]]:
    config = load(config_file)
    store = open_store(config)
    try:
        yield config, store
    finally:
        store.close()


def _events(events: int, batches: int) -> str:
    of = "1 batch" if batches == 1 else f"{batches:,} batches"
    return f"{counted(events, 'event')} in {of}"


def _waiting(store: Store, source: str | None, tick: Tick) -> Iterator[Waiting]:
    """Go through the events that wait; where there are none, say so beside the lines."""
    from shipper.service.transfer import waiting

    found = False
    for each in waiting(store, source, tick):
        found = True
        yield each
    if found:
        return
    if sources := ", ".join(each.source for each in store.counting.by_source()):
        click.echo(f"nothing of source {source} waits; what waits is of {sources}", err=True)
    else:
        click.echo("nothing waits", err=True)


def _when(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
