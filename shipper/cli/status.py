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
    running = f"running, pid {now.pid}" if now.pid else "not running"
    life = now.sign_of_life_seconds
    stuck = now.pid and not now.healthy and life is not None
    click.echo(f"shipper:   {running}" + (f", no sign of life for {life:.0f} s" if stuck else ""))
    oldest = f", the oldest for {now.oldest_seconds:.0f} s" if now.oldest_seconds else ""
    click.echo(f"queue:     {now.queued_events:,} events wait{oldest}")
    click.echo(f"state:     {now.state_bytes:,} bytes on disk")
    for source, ledger in now.ledgers.items():
        delivered = now.delivered.get(source, 0)
        click.echo(
            f"source:    {source}: {ledger.lines_read:,} lines read, {delivered:,} delivered"
        )
    for source, reason, count in now.dead_letters:
        click.echo(f"dead:      {source}: {count:,} {reason}")
    for file in now.files[:_FILES]:
        click.echo(f"file:      {file.unread:>12,} of {file.size:,} bytes unread  {file.path}")
    if len(now.files) > _FILES:
        click.echo(f"           … and {len(now.files) - _FILES} more files (see --json)")
