"""``shipper audit``: proof that everything that was read is accounted for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from shipper.cli.options import config_option, json_option, load, open_store
from shipper.errors import DataError

if TYPE_CHECKING:
    from shipper.service.audit import Audit, Sum
    from shipper.store.store import Account

_FATES = ("emitted", "filtered", "rejected", "oversize", "blank")
_FAULTS = 20


@click.command()
@config_option
@json_option
@click.option("--all", "every", is_flag=True, help="Show each file that has ended, too.")
@click.argument("paths", nargs=-1)
def audit(config_file: Path, as_json: bool, every: bool, paths: tuple[str, ...]) -> None:
    """Show what became of each file, and whether it adds up. Exit 65 if it does not.

    Of files that have ended (deleted, truncated, or rotated out of sight) the sums by source are
    shown, and each one with --all or --json. The rows of those that ended long ago are collected:
    only their sums are left.

    PATHS limits what is shown to files, ended or not, whose path contains one of these texts;
    whether it adds up is always said of all files.
    """
    from shipper.service.audit import audit as look

    store = open_store(load(config_file))
    try:
        found = look(store)
    finally:
        store.close()
    faults = list(found.faults())
    named = [a for a in found.accounts if not paths or any(text in a.path for text in paths)]
    if as_json:
        click.echo(orjson.dumps(_as_json(found, named, faults)))
    else:
        shown = [a for a in named if every or paths or a.state == "open"]
        click.echo("\n".join(_lines(found, shown, sums=not paths)))
    if faults:
        raise DataError("it does not add up:\n  " + "\n  ".join(_few(faults)), "please report this")


def _as_json(found: Audit, accounts: Iterable[Account], faults: list[str]) -> dict[str, Any]:
    return {
        "adds_up": not faults,
        "faults": faults,
        "made": found.made,
        "received": found.received,
        "replayed": found.replayed,
        "delivered": found.delivered,
        "queued": found.queued,
        "refused": found.refused,
        "dropped": found.dropped,
        "discarded": found.discarded,
        "forgotten": found.forgotten,
        "accounts": [
            {
                **account._asdict(),
                "held": account.held.lines,
                "bytes_held": account.held.width,
                "ledger": account.ledger._asdict(),
            }
            for account in accounts
        ],
        "collected": [
            {"source": source, **each._asdict(), "ledger": each.ledger._asdict()}
            for source, each in found.collected.items()
        ],
    }


def _lines(found: Audit, shown: list[Account], *, sums: bool) -> Iterator[str]:
    from shipper.service.audit import Sum

    for account in shown:
        yield f"{account.path} ({account.source}, {account.state})"
        yield f"  bytes {account.start:,} to {account.offset:,}"
        yield from _sum_lines(Sum.of([account]))
    if sums:
        for source, ended in _by_source(found.accounts, shown):
            yield f"{source}: {len(ended):,} files that have ended (--all shows each)"
            yield from _sum_lines(Sum.of(ended))
        for source, collected in found.collected.items():
            yield f"{source}: {collected.generations:,} files that ended long ago (collected)"
            yield from _sum_lines(Sum.of_collected(collected))
    yield (
        f"{found.made:,} events made "
        + (f"+ {found.received:,} received " if found.received else "")
        + f"+ {found.replayed:,} replayed = {found.delivered:,} delivered "
        f"+ {found.queued:,} queued + {found.refused:,} refused"
        + "".join(f" + {events:,} dropped ({why})" for why, events in found.dropped.items())
        + (f" + {found.discarded:,} discarded" if found.discarded else "")
        + (f" + {found.forgotten:,} lost from the books" if found.forgotten else "")
    )


def _by_source(
    accounts: list[Account], shown: list[Account]
) -> Iterator[tuple[str, list[Account]]]:
    """Group by source the accounts of files that have ended, unless all are shown."""
    if len(shown) < len(accounts):
        ended = defaultdict(list)
        for account in accounts:
            if account.state != "open":
                ended[account.source].append(account)
        yield from sorted(ended.items())


def _sum_lines(total: Sum) -> Iterator[str]:
    ledger = total.ledger._asdict()
    for unit, held in (("lines", total.lines_held), ("bytes", total.bytes_held)):
        fates = [(fate, ledger[f"{unit}_{fate}"]) for fate in _FATES]
        terms = [f"{count:,} {fate}" for fate, count in [*fates, ("held", held)] if count]
        yield f"  {ledger[f'{unit}_read']:,} {unit} read = {' + '.join(terms) or '0'}"
    if total.lost:
        causes = ", ".join(f"{size:,} {why}" for why, size in sorted(total.lost.items()))
        yield f"  {total.ledger.bytes_lost:,} bytes lost before they were read: {causes}"


def _few(faults: list[str]) -> list[str]:
    more = len(faults) - _FAULTS
    return faults if more <= 0 else [*faults[:_FAULTS], f"and {more:,} more (see --json)"]
