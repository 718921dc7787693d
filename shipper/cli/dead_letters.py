"""``shipper dead-letters``: what could not be delivered, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import orjson

from shipper.cli.letters import as_json as in_json
from shipper.cli.letters import beginning, counted, failing, named, place, when, whole
from shipper.cli.options import (
    complete_names,
    config_option,
    directories_option,
    json_option,
    load,
    open_store,
)
from shipper.cli.pointing import printable
from shipper.errors import DataError, UsageError

if TYPE_CHECKING:
    from shipper.service.replay import Reparsed
    from shipper.store.dead_letters import Selection
    from shipper.store.store import Store


def _ago(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Return the moment that lies *value* back, in milliseconds since 1970."""
    from shipper.config.units import seconds

    if value is None:
        return None
    try:
        return int((time.time() - seconds(value)) * 1000)
    except ValueError as error:
        raise click.BadParameter("write a duration, such as 30m, 1h or 7d") from error


_FILTERS = (
    click.option("--reason", help="Only those with this reason."),
    click.option("--source", help="Only those of this source."),
    click.option(
        "--since",
        "since_ms",
        callback=_ago,
        metavar="DURATION",
        help="Only those of the last 1h, 7d, …",
    ),
    click.option(
        "--before",
        "before_ms",
        callback=_ago,
        metavar="DURATION",
        help="Only those older than 1h, 7d, …",
    ),
)


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* the options that choose among dead letters, as its parameter `chosen`."""

    @wraps(command)
    def choosing(
        *,
        reason: str | None,
        source: str | None,
        since_ms: int | None,
        before_ms: int | None,
        numbers: tuple[int, ...] = (),
        **others: Any,
    ) -> None:
        from shipper.store.dead_letters import Selection

        command(chosen=Selection(numbers, reason, source, since_ms, before_ms), **others)

    for option in reversed(_FILTERS):
        choosing = option(choosing)
    return choosing


@click.group("dead-letters")
def dead_letters() -> None:
    """See to records and events that could not be delivered.

    All of these work while `shipper run` is running. Exit codes: 0 done, 65 some failed again or
    are not there, 73 the state can't be used, 75 it can't be used just now.
    """


@dead_letters.command("list")
@config_option
@_filtered
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True)
@json_option
def list_(config_file: Path, chosen: Selection, limit: int, as_json: bool) -> None:
    """List dead letters, oldest first, below their counts by source and reason.

    \b
    Examples:
      shipper dead-letters list -c shipper.yaml --since 1h --reason no_match
      shipper dead-letters list -c shipper.yaml --limit 0      # the counts alone
    """
    with _store(config_file) as store:
        counts = store.dead_letters.reasons(chosen)
        letters = store.dead_letters.page(chosen, limit=limit)
        others = [] if counts else store.dead_letters.reasons()
    if as_json:
        for letter in letters:
            click.echo(orjson.dumps(in_json(letter)))
        return
    if not counts:
        click.echo("none of the dead letters is so:" if others else "no dead letters")
    for of, why, count in counts or others:
        click.echo(f"{count:>8}  {printable(of)}: {why}")
    for letter in letters:
        click.echo(
            f"#{letter.id} {when(letter)} {place(letter)} "
            f"{letter.reason}: {printable(letter.detail)}"
        )
        click.echo(f"    {beginning(letter.raw or letter.event or b'', 160)}")
    more = sum(count for _, _, count in counts) - len(letters)
    if letters and more:
        click.echo(f"and {more:,} more: see --limit, or export them")


@dead_letters.command()
@config_option
@json_option
@click.argument("number", type=int)
def show(config_file: Path, as_json: bool, number: int) -> None:
    """Show dead letter NUMBER whole: record, place, why, event.

    The detail says how far the grammar that came furthest got and what it expected there, or
    which status and words the collector answered with.
    """
    from shipper.store.dead_letters import Selection

    with _store(config_file) as store:
        letters = store.dead_letters.page(Selection((number,)))
    if not letters:
        raise _absent([number])
    (letter,) = letters
    if as_json:
        click.echo(orjson.dumps(in_json(letter), option=orjson.OPT_INDENT_2))
        return
    for line in whole(letter):
        click.echo(line)


@dead_letters.command()
@config_option
@_filtered
@click.option("--all", "everything", is_flag=True, help="Replay all dead letters.")
@click.argument("numbers", nargs=-1, type=int)
def replay(config_file: Path, chosen: Selection, everything: bool) -> None:
    """Put dead letters NUMBERS back into the queue, after what was wrong has been mended.

    Events that the collector refused are sent again as they are; records that no grammar took
    are parsed anew, with the ids that they would have had. What fails again stays.
    """
    from shipper.service.replay import replay as replay_letters

    _must_be_named(chosen, "replay", everything=everything)
    config = load(config_file)
    with _store(config_file) as store, _all_there(store, chosen):
        letters = store.dead_letters.each(chosen)
        done = replay_letters(config, store, letters, int(time.time() * 1000))
        click.echo(f"{done.queued} queued, {done.failed} failed again")
        for line in failing(*done.first) if done.first else ():
            click.echo(line)
        if done.failed:
            what = f"{counted(done.failed, 'dead letter')} failed again"
            raise DataError(what, "shipper dead-letters list")


@dead_letters.command()
@config_option
@click.option(
    "-g",
    "--grammar",
    "names",
    metavar="NAME[,NAME…]|auto",
    help="Grammars to parse by instead of those of the source.",
    shell_complete=complete_names,
)
@directories_option
@_filtered
@click.option("--all", "everything", is_flag=True, help="Reparse all records.")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would parse; change nothing.")
@click.argument("numbers", nargs=-1, type=int)
def reparse(
    *,
    config_file: Path,
    names: str | None,
    directories: tuple[Path, ...],
    chosen: Selection,
    everything: bool,
    dry: bool,
) -> None:
    """Parse records among dead letters NUMBERS again, after a grammar was mended.

    What parses now is queued, with the ids that it would have had; what fails again stays, with
    the reason of today. Events that the collector refused are left alone: replay them.

    \b
    Examples:
      shipper dead-letters reparse -c shipper.yaml --dry-run -g shop_access,nginx_error
      shipper dead-letters reparse -c shipper.yaml --reason no_match
    """
    from shipper.service.replay import Reparse
    from shipper.service.replay import reparse as reparse_letters

    _must_be_named(chosen, "reparse", everything=everything or dry)
    config = load(config_file)
    how = Reparse([name.strip() for name in (names or "").split(",") if name], directories, dry)
    with _store(config_file) as store, _all_there(store, chosen):
        letters = store.dead_letters.each(chosen)
        done = reparse_letters(config, store, letters, int(time.time() * 1000), how)
        for line in _reparsed(done):
            click.echo(line)
        failed = sum(done.failed.values())
        if failed and not dry:
            what = f"{counted(failed, 'record')} failed again"
            raise DataError(what, "shipper dead-letters list")


def _reparsed(done: Reparsed) -> Iterator[str]:
    for name in sorted({*done.parsed, *done.failed}):
        parsed, count = done.parsed[name], done.parsed[name] + done.failed[name]
        yield f"{name}: {parsed:,} of {count:,} records parse now ({100 * parsed / count:.1f} %)"
    if not done.parsed and not done.failed:
        yield "no record among these dead letters"
    if done.first is not None:
        yield from failing(*done.first)


@dead_letters.command()
@config_option
@_filtered
@click.option("-o", "--output", type=click.File("wb"), default="-", help="A file; - for stdout.")
def export(config_file: Path, chosen: Selection, output: IO[bytes]) -> None:
    """Write dead letters as NDJSON, one object each; they stay where they are.

    \b
    Example:
      shipper dead-letters export -c shipper.yaml --reason rejected -o rejected.ndjson
    """
    with _store(config_file) as store:
        for letter in store.dead_letters.each(chosen):
            output.write(orjson.dumps(in_json(letter)) + b"\n")


@dead_letters.command()
@config_option
@_filtered
@click.option("--all", "everything", is_flag=True, help="Discard all dead letters.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("numbers", nargs=-1, type=int)
def discard(config_file: Path, chosen: Selection, everything: bool, yes: bool) -> None:
    """Delete dead letters NUMBERS for good. Export them first if in doubt.

    Refused events among them are counted as discarded, so that the audit adds up.

    \b
    Examples:
      shipper dead-letters discard -c shipper.yaml 17 18
      shipper dead-letters discard -c shipper.yaml --before 90d --yes
    """
    _must_be_named(chosen, "discard", everything=everything)
    with _store(config_file) as store, _all_there(store, chosen):
        if chosen.before_ms is None:  # what comes while somebody thinks it over is not meant
            chosen = chosen._replace(before_ms=int(time.time() * 1000) + 1)
        count = sum(count for _, _, count in store.dead_letters.reasons(chosen))
        if count and not yes:
            click.confirm(f"delete {counted(count, 'dead letter')} for good?", abort=True)
        gone = 0
        while step := store.dead_letters.discard(chosen):
            gone += step
        click.echo(f"{gone} discarded")


def _must_be_named(chosen: Selection, what: str, *, everything: bool) -> None:
    if not everything and not any(chosen):
        remedy = "give numbers, --reason, --source, --since, --before or --all"
        raise UsageError(f"nothing is named to {what}", remedy)


@contextmanager
def _all_there(store: Store, chosen: Selection) -> Iterator[None]:
    """Do what is to be done with *chosen*; say it if letters that are named are not there."""
    absent = set(chosen.ids) - store.dead_letters.there(chosen.ids)
    yield
    if absent:
        raise _absent(absent)


def _absent(numbers: Iterable[int]) -> DataError:
    what = named(numbers)
    verb = "are" if "letters" in what else "is"
    return DataError(f"there {verb} no {what}", "see shipper dead-letters list")


@contextmanager
def _store(config_file: Path) -> Iterator[Store]:
    store = open_store(load(config_file))
    try:
        yield store
    finally:
        store.close()
