"""``shipper demo``: the whole path with nothing to set up, and a summary at the end."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shipper.errors import ShipperError, UsageError

if TYPE_CHECKING:
    from shipper.config.models import Config
    from shipper.devcollector.server import DevCollector
    from shipper.store.dead_letters import DeadLetter
    from shipper.store.store import Store


@click.command()
@click.option(
    "--lines", type=click.IntRange(min=1), default=2_000, show_default=True, help="Lines a file."
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="A directory for logs and state; they are left there.",
)
def demo(lines: int, keep: Path | None) -> None:
    """See the whole path: sample logs, real queue, embedded collector, a summary.

    It writes five log files, of which one line in a hundred is broken, ships them to a collector
    inside this process, and shows what arrived and what did not, and why.
    """
    from shipper.cli.collector import known_schemas
    from shipper.cli.options import library
    from shipper.cli.sample_logs import write_sample_logs
    from shipper.devcollector.server import DevCollector

    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise UsageError(f"--keep {keep}: is not empty", "name a new directory")
    place = nullcontext(str(keep)) if keep else tempfile.TemporaryDirectory(prefix="shipper-demo-")
    with place as name, DevCollector(known_schemas(library(()))) as collector:
        directory = Path(name).resolve()
        files = write_sample_logs(directory, lines)
        click.echo(f"Wrote {len(files)} log files of {lines:,} lines each to {directory}.")
        click.echo(f"Shipping them to a development collector on {collector.url} …\n")
        config = _config(directory, files, collector.url)
        _ship(config)
        _summary(config, collector, kept=keep is not None)


def _config(directory: Path, files: dict[str, Path], url: str) -> Config:
    from shipper.config.models import Config

    return Config.model_validate(
        {
            "state": directory / "state",
            "namespace": "demo",
            "collector": {"url": url},
            "tracker": {"namespace": "demo", "app_id": "demo"},
            "sources": [
                {"name": grammar, "paths": [str(file)], "grammar": grammar}
                for grammar, file in files.items()
            ],
        }
    )


def _ship(config: Config) -> None:
    from shipper.service.run import Manner, run

    def silence(_name: str, /, **_facts: object) -> None:
        """The summary says it all."""

    run(config, silence, Manner(once=True, give_up=30.0), lambda _snapshot: None)


def _summary(config: Config, collector: DevCollector, *, kept: bool) -> None:
    from shipper.service.status import status_of
    from shipper.store.store import Store

    store = Store.open(config.state)
    try:
        now = status_of(config, store)
        letters = _one_of_each(store)
    finally:
        store.close()
    header = f"{'source':<17}{'lines read':>12}{'delivered':>12}{'dead letters':>14}"
    click.echo(header + "\n" + "-" * len(header))
    for source, ledger in now.ledgers.items():
        dead = sum(count for of, _, count in now.dead_letters if of == source)
        delivered = now.delivered.get(source, 0)
        click.echo(f"{source:<17}{ledger.lines_read:>12,}{delivered:>12,}{dead:>14,}")
    counts = collector.counts()
    click.echo(
        f"\nThe collector counts {counts.total:,} events: {counts.good:,} good, {counts.bad:,} bad."
    )
    click.echo("\nWhat could not be parsed is kept as a dead letter, with the reason:\n")
    for letter in letters:
        _show_letter(letter)
    _check_sum(now.ledgers.values(), counts)
    if kept:
        click.echo(f"\nThe state is kept in {config.state}.")
    click.echo("\nNext: `shipper grammar list`, or your own logs with configs/demo.yaml.")


def _one_of_each(store: Store) -> list[DeadLetter]:
    first: dict[tuple[str, str], DeadLetter] = {}
    for letter in store.dead_letters.each():
        first.setdefault((letter.source, letter.reason), letter)
    return list(first.values())


def _show_letter(letter: DeadLetter) -> None:
    text = letter.raw.decode("utf-8", "replace")
    click.echo(f"  {letter.source}, {letter.reason}: {letter.detail}")
    click.echo(f"    {text if len(text) <= 90 else text[:89] + '…'}")


def _check_sum(ledgers: Any, counts: Any) -> None:
    """Prove that no line is unaccounted for. Raises ShipperError."""
    read = sum(ledger.lines_read for ledger in ledgers)
    emitted = sum(ledger.lines_emitted for ledger in ledgers)
    rejected = sum(ledger.lines_rejected for ledger in ledgers)
    sound = all(ledger.adds_up() for ledger in ledgers) and counts.good == emitted
    if counts.bad or not sound:
        raise ShipperError(f"the sum is wrong: {read} read, {emitted} emitted, {counts} arrived")
    click.echo(
        f"\nEvery line is accounted for: {read:,} read = {emitted:,} delivered "
        f"+ {rejected:,} dead letters."
    )
