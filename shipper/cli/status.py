"""``shipper status``: what runs, what waits, what is behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from shipper.cli.options import config_option, json_option, load, open_store

if TYPE_CHECKING:
    from shipper.service.status import Status

_FILES = 20


@click.command()
@config_option
@json_option
@click.option("--health", is_flag=True, help="Print nothing; exit 0 if a shipper runs well, or 1.")
def status(config_file: Path, as_json: bool, health: bool) -> int:
    """Show what runs, what waits in the queue, what is behind, and what went wrong.

    It reads the state only, so it works while `shipper run` is running, and when it is not.
    """
    from shipper.service.status import status_of

    config = load(config_file)
    store = open_store(config)
    try:
        now = status_of(config, store)
    finally:
        store.close()
    if health:
        return 0 if now.healthy else 1
    if as_json:
        click.echo(orjson.dumps(now.as_json(), option=orjson.OPT_INDENT_2))
    else:
        _show(now)
    return 0


def _show(now: Status) -> None:
    click.echo(f"shipper:   {_running(now)}")
    oldest = f", the oldest for {now.oldest_seconds:.0f} s" if now.oldest_seconds else ""
    click.echo(f"queue:     {now.queued_events:,} events wait{oldest}")
    if now.set_aside_events:
        click.echo(f"set aside: {_set_aside(now)}")
    click.echo(f"behind:    {_behind(now)}")
    click.echo(f"state:     {now.state_bytes:,} bytes on disk")
    _show_sources(now)
    for file in now.files[:_FILES]:
        click.echo(f"file:      {file.unread:>12,} of {file.size:,} bytes unread  {file.path}")
    if len(now.files) > _FILES:
        click.echo(f"           … and {len(now.files) - _FILES} more files (see --json)")


def _show_sources(now: Status) -> None:
    for source, ledger in now.ledgers.items():
        delivered = now.delivered.get(source, 0)
        click.echo(
            f"source:    {source}: {ledger.lines_read:,} lines read, {delivered:,} delivered"
        )
    for source, count in now.received.items():
        delivered = now.delivered.get(source, 0)
        click.echo(f"received:  {source}: {count:,} events from trackers, {delivered:,} delivered")
    for source, count in now.dropped.items():
        click.echo(f"dropped:   {source}: {count:,} events, by the limits of the queue")
    for grammar, count in now.slow_grammars.items():
        click.echo(f"slow:      {grammar}: {count:,} records took it longer than a match may")
    for source, reason, count in now.dead_letters:
        click.echo(f"dead:      {source}: {count:,} {reason}")


def _running(now: Status) -> str:
    if not now.pid:
        return "not running"
    life = now.sign_of_life_seconds
    stuck = not now.healthy and life is not None
    return f"running, pid {now.pid}" + (f", no sign of life for {life:.0f} s" if stuck else "")


def _set_aside(now: Status) -> str:
    count, age = now.set_aside_events, _span(now.oldest_set_aside_seconds)
    events = "event fails" if count == 1 else "events fail"
    return f"{count:,} {events} while others pass, the oldest for {age}"


def _behind(now: Status) -> str:
    """Return how much is yet to be read, and how long that takes, as far as it is known."""
    from rich.filesize import decimal

    if not now.unread_bytes:
        return "nothing"
    behind = sum(1 for file in now.files if file.unread)
    files = f" in {behind:,} {'file' if behind == 1 else 'files'}" if behind else ""
    what = f"{decimal(now.unread_bytes)}{files}"
    if now.eta_seconds is not None:
        rate = decimal(round(now.read_bytes_per_second or 0))
        return f"{what}, about {_span(now.eta_seconds)} at {rate}/s"
    return what if now.read_bytes_per_second is None else f"{what}, and nothing is being read"


def _span(seconds: float) -> str:
    """Return a length of time in the largest unit of which there are two, or in seconds."""
    units = ((86_400, "days"), (3_600, "h"), (60, "min"))
    size, name = next((unit for unit in units if seconds >= 2 * unit[0]), (1, "s"))
    return f"{round(seconds / size):,} {name}"
