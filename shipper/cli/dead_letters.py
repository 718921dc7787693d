"""``shipper dead-letters``: what could not be delivered, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import orjson

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
    from shipper.store.dead_letters import DeadLetter, Selection
    from shipper.store.store import Store

_reason_option = click.option("--reason", help="Only those with this reason.")
_source_option = click.option("--source", help="Only those of this source.")


def _ago(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Return the moment that lies *value* back, in milliseconds since 1970."""
    from shipper.config.units import seconds

    if value is None:
        return None
    try:
        return int((time.time() - seconds(value)) * 1000)
    except ValueError as error:
        raise click.BadParameter("write a duration, such as 30m, 1h or 7d") from error


_since_option = click.option(
    "--since",
    "since_ms",
    callback=_ago,
    metavar="DURATION",
    help="Only those of the last 1h, 7d, …",
)
_before_option = click.option(
    "--before",
    "before_ms",
    callback=_ago,
    metavar="DURATION",
    help="Only those older than 1h, 7d, …",
)


@click.group("dead-letters")
def dead_letters() -> None:
    """See to records and events that could not be delivered.

    All of these work while `shipper run` is running.
    """


@dead_letters.command("list")
@config_option
@_reason_option
@_source_option
@_since_option
@_before_option
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True)
@json_option
def list_(
    *,
    config_file: Path,
    reason: str | None,
    source: str | None,
    since_ms: int | None,
    before_ms: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List dead letters, oldest first, below their counts by source and reason.

    \b
    Examples:
      shipper dead-letters list -c shipper.yaml --since 1h --reason no_match
      shipper dead-letters list -c shipper.yaml --limit 0      # the counts alone
    """
    chosen = _selection((), reason, source)._replace(since_ms=since_ms, before_ms=before_ms)
    with _store(config_file) as store:
        counts = store.dead_letters.reasons(chosen)
        letters = store.dead_letters.page(chosen, limit=limit)
    if as_json:
        for letter in letters:
            click.echo(orjson.dumps(_as_json(letter)))
        return
    for of, why, count in counts:
        click.echo(f"{count:>8}  {of}: {why}")
    for letter in letters:
        click.echo(
            f"#{letter.id} {_when(letter)} {_place(letter)} {letter.reason}: {letter.detail}"
        )
        click.echo(f"    {_shown(letter.raw or letter.event or b'', 160)}")
    if not counts:
        click.echo("no dead letters")


@dead_letters.command()
@config_option
@json_option
@click.argument("number", type=int)
def show(config_file: Path, as_json: bool, number: int) -> None:
    """Show dead letter NUMBER whole: record, place, why, event.

    The detail says how far the grammar that came furthest got and what it expected there, or
    which status and words the collector answered with.
    """
    with _store(config_file) as store:
        letters = store.dead_letters.page(_selection((number,), None, None))
    if not letters:
        raise DataError(f"there is no dead letter {number}", "shipper dead-letters list")
    (letter,) = letters
    if as_json:
        click.echo(orjson.dumps(_as_json(letter), option=orjson.OPT_INDENT_2))
        return
    for key, value in _as_json(letter).items():
        if value is not None:
            click.echo(f"{key + ':':<12} {value}")


@dead_letters.command()
@config_option
@_reason_option
@_source_option
@click.option("--all", "everything", is_flag=True, help="Replay all dead letters.")
@click.argument("numbers", nargs=-1, type=int)
def replay(
    config_file: Path,
    reason: str | None,
    source: str | None,
    everything: bool,
    numbers: tuple[int, ...],
) -> None:
    """Put dead letters NUMBERS back into the queue, after what was wrong has been mended.

    Events that the collector refused are sent again as they are; records that no grammar took
    are parsed anew, with the ids that they would have had. What fails again stays.
    """
    from shipper.service.replay import replay as replay_letters

    if not (numbers or everything or reason or source):
        raise UsageError("nothing is named to replay", "give numbers, --reason, --source or --all")
    config = load(config_file)
    with _store(config_file) as store:
        letters = store.dead_letters.each(_selection(numbers, reason, source))
        done = replay_letters(config, store, letters, int(time.time() * 1000))
    click.echo(f"{done.queued} queued, {done.failed} failed again")
    if done.failed:
        raise DataError(f"{done.failed} dead letters failed again", "shipper dead-letters list")


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
@_reason_option
@_source_option
@click.option("--all", "everything", is_flag=True, help="Reparse all records.")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would parse; change nothing.")
@click.argument("numbers", nargs=-1, type=int)
def reparse(
    *,
    config_file: Path,
    names: str | None,
    directories: tuple[Path, ...],
    reason: str | None,
    source: str | None,
    everything: bool,
    dry: bool,
    numbers: tuple[int, ...],
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

    if not (numbers or everything or reason or source or dry):
        raise UsageError("nothing is named to reparse", "give numbers, --reason, --source or --all")
    config = load(config_file)
    how = Reparse([name.strip() for name in (names or "").split(",") if name], directories, dry)
    with _store(config_file) as store:
        letters = store.dead_letters.each(_selection(numbers, reason, source))
        done = reparse_letters(config, store, letters, int(time.time() * 1000), how)
    for line in _reparsed(done):
        click.echo(line)
    failed = sum(done.failed.values())
    if failed and not dry:
        what = "1 record" if failed == 1 else f"{failed:,} records"
        raise DataError(f"{what} failed again", "shipper dead-letters list")


def _reparsed(done: Reparsed) -> Iterator[str]:
    for name in sorted({*done.parsed, *done.failed}):
        parsed, count = done.parsed[name], done.parsed[name] + done.failed[name]
        yield f"{name}: {parsed:,} of {count:,} records parse now ({100 * parsed / count:.1f} %)"
    if not done.parsed and not done.failed:
        yield "no record among these dead letters"
    if done.first is not None:
        letter, reason, detail = done.first
        yield f"still failing, for one: #{letter.id} {_place(letter)} {reason}: {detail}"
        yield f"    {_shown(letter.raw, 160)}"


@dead_letters.command()
@config_option
@_reason_option
@_source_option
@_since_option
@_before_option
@click.option("-o", "--output", type=click.File("wb"), default="-", help="A file; - for stdout.")
def export(
    *,
    config_file: Path,
    reason: str | None,
    source: str | None,
    since_ms: int | None,
    before_ms: int | None,
    output: IO[bytes],
) -> None:
    """Write dead letters as NDJSON, one object each; they stay where they are.

    \b
    Example:
      shipper dead-letters export -c shipper.yaml --reason rejected -o rejected.ndjson
    """
    chosen = _selection((), reason, source)._replace(since_ms=since_ms, before_ms=before_ms)
    with _store(config_file) as store:
        for letter in store.dead_letters.each(chosen):
            output.write(orjson.dumps(_as_json(letter)) + b"\n")


@dead_letters.command()
@config_option
@_reason_option
@_source_option
@_before_option
@click.option("--all", "everything", is_flag=True, help="Discard all dead letters.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("numbers", nargs=-1, type=int)
def discard(
    *,
    config_file: Path,
    reason: str | None,
    source: str | None,
    before_ms: int | None,
    everything: bool,
    yes: bool,
    numbers: tuple[int, ...],
) -> None:
    """Delete dead letters NUMBERS for good. Export them first if in doubt.

    Refused events among them are counted as discarded, so that the audit adds up.

    \b
    Examples:
      shipper dead-letters discard -c shipper.yaml 17 18
      shipper dead-letters discard -c shipper.yaml --before 90d --yes
    """
    if not (numbers or everything or reason or source or before_ms):
        raise UsageError("nothing is named to discard", "give numbers, filters or --all")
    chosen = _selection(numbers, reason, source)._replace(before_ms=before_ms)
    with _store(config_file) as store:
        # What comes while somebody thinks it over is not meant.
        before = int(time.time() * 1000) + 1 if before_ms is None else before_ms
        chosen = chosen._replace(before_ms=before)
        count = sum(count for _, _, count in store.dead_letters.reasons(chosen))
        if count and not yes:
            click.confirm(f"delete {count} dead letters for good?", abort=True)
        gone = 0
        while step := store.dead_letters.discard(chosen):
            gone += step
    click.echo(f"{gone} discarded")


@contextmanager
def _store(config_file: Path) -> Iterator[Store]:
    store = open_store(load(config_file))
    try:
        yield store
    finally:
        store.close()


def _selection(ids: tuple[int, ...], reason: str | None, source: str | None) -> Selection:
    from shipper.store.dead_letters import Selection

    return Selection(ids, reason, source)


def _as_json(letter: DeadLetter) -> dict[str, Any]:
    """Return *letter* for people and programs; raw bytes that are no UTF-8 are escaped."""
    return {
        "id": letter.id,
        "time": _when(letter),
        "source": letter.source,
        "path": letter.path,
        "offset": letter.offset,
        "grammar": letter.grammar,
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "raw": letter.raw.decode("utf-8", "backslashreplace"),
        "event": _event(letter),
    }


def _event(letter: DeadLetter) -> Any:
    if letter.event is None or letter.reason == "damaged":
        return None
    return orjson.loads(letter.event)


def _when(letter: DeadLetter) -> str:
    at = datetime.fromtimestamp(letter.created_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _place(letter: DeadLetter) -> str:
    return f"{letter.path}:{letter.offset}" if letter.path else letter.source


def _shown(data: bytes, width: int) -> str:
    """Return the start of *data* on one line, harmless for a terminal."""
    text = printable(data[: width * 4].decode("utf-8", "backslashreplace"))
    return text if len(text) <= width else text[: width - 1] + "…"
