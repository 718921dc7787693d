"""``shipper run``: the main job."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipper.cli.options import config_option, load, log_format_option, verbose_option

if TYPE_CHECKING:
    from shipper.cli.progress import ProgressBar
    from shipper.cli.progress_lines import LogLines


@click.command(
    epilog="Examples:\n\n  shipper run -c shipper.yaml\n\n  shipper run -c a.yaml --once"
    "\n\n  app | shipper run -c stdin.yaml"
)
@config_option
@log_format_option
@verbose_option
@click.option(
    "--once", is_flag=True, help="Ship to the end of all there is, empty the queue, exit."
)
@click.option(
    "--give-up",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="With --once: exit 69 when nothing could be delivered for so long.",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long stopping may take.",
)
def run(
    config_file: Path,
    log_format: str,
    verbose: bool,
    once: bool,
    give_up: float,
    grace: float,
) -> None:
    """Ship log files to the collector: the main job.

    Reads all files that the configuration names, from where it left off, and streams to their
    end; queues events on disk; delivers them; stops in good order at SIGTERM or Ctrl-C. Exit
    codes: 0 done, 69 the collector is unavailable (--once), 73 the state can't be used, 78 the
    configuration is wrong.
    """
    with _uncollected():
        from shipper.service import logs
        from shipper.service.reload import Reloader
        from shipper.service.run import Manner
        from shipper.service.run import run as run_service
        from shipper.status.page import StatusPage

        config = load(config_file)
    on_terminal = once and sys.stderr.isatty() and log_format == "text"
    display = _bars() if on_terminal else _lines(every=10.0 if once else 60.0)
    with display:
        # Inside: while a bar is on the terminal, lines have to go above it.
        logs.configure(log_format, verbose=verbose)
        manner = Manner(once=once, give_up=give_up, grace=grace)
        reloader = None if once else Reloader(config_file, os.environ, logs.report)
        page = StatusPage(logs.report)
        last = run_service(config, logs.report, manner, display.show, reloader, page)
    if once:
        click.echo(
            f"delivered {last.delivered} events, {last.buried} refused, {last.queued} queued"
        )
        if last.lag.unfinished:
            click.echo(
                f"{last.lag.unfinished} bytes stay in their files: last lines without an end"
            )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector off what a block loads: it stays, and looking through it is slow.

    Each look takes 10 ms and more, in which no line is read.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _bars() -> ProgressBar:
    from shipper.cli.progress import ProgressBar

    return ProgressBar()


def _lines(every: float) -> LogLines:
    from shipper.cli.progress_lines import LogLines

    return LogLines(every=every)
