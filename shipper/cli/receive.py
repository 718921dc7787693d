"""``shipper receive``: the local daemon without the log files."""

from __future__ import annotations

import os
from pathlib import Path

import click

from shipper.cli.options import config_option, load, log_format_option, verbose_option


@click.command(epilog="Example:\n\n  shipper receive -c shipper.yaml")
@config_option
@log_format_option
@verbose_option
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long stopping may take.",
)
def receive(config_file: Path, log_format: str, verbose: bool, grace: float) -> None:
    """Take events from trackers, in any language, and deliver them to the collector.

    Does what `shipper run` does for the `receiver` of the configuration, and reads no log files.
    Trackers point at it as at a collector; 200 means that their events are on the disk. Exit codes:
    0 stopped, 69 an address can't be listened on, 73 the state can't be used, 78 the configuration
    is wrong.
    """
    from shipper.cli.progress_lines import LogLines
    from shipper.service import logs
    from shipper.service.receiving import receiver_only
    from shipper.service.reload import Reloader
    from shipper.service.run import Manner
    from shipper.service.run import run as run_service
    from shipper.status.page import StatusPage

    config = receiver_only(load(config_file), str(config_file))
    with LogLines(every=60.0) as display:
        logs.configure(log_format, verbose=verbose)
        reloader = Reloader(config_file, os.environ, logs.report, receiver_only)
        manner, page = Manner(grace=grace), StatusPage(logs.report)
        run_service(config, logs.report, manner, display.show, reloader, page)
