"""``shipper audit``: proof that everything that was read is accounted for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from shipper.cli.options import config_option, json_option, load, open_store
from shipper.errors import DataError

if TYPE_CHECKING:
    from shipper.service.audit import Audit
    from shipper.store.store import Account

_FATES = ("emitted", "filtered", "rejected", "oversize", "blank")


@click.command()
@config_option
@json_option
@click.argument("paths", nargs=-1)
def audit(config_file: Path, as_json: bool, paths: tuple[str, ...]) -> None:
    """Show what became of each file, and whether it adds up. Exit 65 if it does not.

    PATHS limits what is shown to files whose path contains one of these texts; the sums are
    always those of all files.
    """
    from shipper.service.audit import audit as look

    store = open_store(load(config_file))
    try:
        found = look(store)
    finally:
        store.close()
    shown = [a for a in found.accounts if not paths or any(text in a.path for text in paths)]
    if as_json:
        accounts = [
            {**a._asdict(), "held": a.held.lines, "ledger": a.ledger._asdict()} for a in shown
        ]
        click.echo(orjson.dumps({**asdict(found), "accounts": accounts, "adds_up": found.adds_up}))
    else:
        _show(found, shown)
    if faults := list(found.faults()):
        raise DataError("it does not add up:\n  " + "\n  ".join(faults), "please report this")


def _show(found: Audit, shown: list[Account]) -> None:
    for account in shown:
        ledger = account.ledger._asdict()
        fates = [
            f"{ledger[f'lines_{fate}']:,} {fate}" for fate in _FATES if ledger[f"lines_{fate}"]
        ]
        fates += [f"{account.held.lines} held"] if account.held.lines else []
        click.echo(f"{account.path} ({account.source}, {account.state})")
        click.echo(f"  bytes {account.start:,} to {account.offset:,}")
        click.echo(f"  {account.ledger.lines_read:,} lines read = {' + '.join(fates) or '0'}")
        if account.ledger.bytes_lost:
            click.echo(f"  {account.ledger.bytes_lost:,} bytes lost before they were read")
    click.echo(
        f"{found.made:,} events made + {found.replayed:,} replayed = {found.delivered:,} delivered "
        f"+ {found.queued:,} queued + {found.refused:,} refused"
    )
