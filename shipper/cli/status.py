"""``shipper status``: what runs, what waits, what is behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from shipper.cli.options import config_option, json_option, load, open_store

if TYPE_CHECKING:
    from shipper.config.models import Config
    from shipper.service.status import Status

_FILES = 20


@click.command()
@config_option
@json_option
@click.option("--health", is_flag=True, help="Print nothing; exit 0 if a shipper runs well, or 1.")
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.2, max=3600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="With --watch: how long a look holds.",
)
def status(config_file: Path, as_json: bool, health: bool, watch: bool, interval: float) -> int:
    """Show what runs, what waits in the queue, what is behind, and what went wrong.

    It reads the state only, so it works while `shipper run` is running, and when it is not.
    """
    if as_json + health + watch > 1:
        raise click.UsageError("--json, --health and --watch exclude each other")
    config = load(config_file)
    if watch and sys.stdout.isatty():
        from shipper.cli.watching import watch as go_on

        go_on(config, interval)
        return 0
    if watch:
        click.echo("standard output is no terminal: this is one look, as without --watch", err=True)
    now = _look(config)
    if health:
        return 0 if now.healthy else 1
    if as_json:
        click.echo(orjson.dumps(now.as_json(), option=orjson.OPT_INDENT_2))
    else:
        _show(now)
    return 0


def _look(config: Config) -> Status:
    from shipper.service.status import status_of

    store = open_store(config)
    try:
        return status_of(config, store)
    finally:
        store.close()


def _show(now: Status) -> None:
    from shipper.cli import status_words as words
    from shipper.cli.pointing import printable

    click.echo(f"shipper:   {words.running(now)}")
    click.echo(f"queue:     {words.waiting(now)}")
    if now.set_aside_events:
        click.echo(f"set aside: {words.set_aside(now)}")
    if now.paused:
        click.echo(f"paused:    {printable(now.paused)}")
    if now.trouble:
        click.echo(f"trouble:   {printable(now.trouble)}")
    click.echo(f"behind:    {words.behind(now)}")
    click.echo(f"state:     {now.state_bytes:,} bytes on disk")
    _show_sources(now)
    for file in now.files[:_FILES]:
        unread = f"{file.unread:>12,} of {file.size:,} bytes unread"
        click.echo(f"file:      {unread}  {printable(file.path)}")
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
