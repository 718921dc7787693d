"""``shipper init``: finds log files, guesses their grammars, and writes a first configuration."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from shipper.cli.options import directories_option, library
from shipper.cli.pointing import printable
from shipper.errors import ConfigError, DataError, UsageError

if TYPE_CHECKING:
    from shipper.service.setup.write import Answers, Find

_ENOUGH = 50.0  # percent of the lines: what is below is not chosen without being asked for


@click.command()
@click.option("--collector", metavar="URL", help="The collector's address; else it is asked for.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default=Path("shipper.yaml"),
    show_default=True,
    metavar="FILE",
    help="The configuration to write; - prints it.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--yes", is_flag=True, help="Ask nothing: take every log that is understood.")
@click.option(
    "--start",
    type=click.Choice(["beginning", "end"]),
    help="Ship what the files hold already, or only what comes; else it is asked for.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="Directory of queue and reading positions; by default /var/lib/shipper, or one below "
    "the home directory where that can't be made.",
)
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False),
    default="/",
    show_default=True,
    help="Where the file system of the machine is mounted.",
)
@directories_option
@click.argument("paths", nargs=-1, metavar="[PATHS]…", type=click.Path())
def init(
    *,
    collector: str | None,
    output: Path,
    force: bool,
    yes: bool,
    paths: tuple[str, ...],
    **how: Any,
) -> None:
    """Find log files, guess the grammar of each, and write a configuration.

    Looks into the well-known places of web servers, syslog, databases, Docker and Kubernetes, or
    at PATHS: files, directories, globs. The last lines of the files are parsed, and the share that
    a grammar takes is told. On a terminal it asks what to ship and where to.

    \b
    Examples:
      shipper init
      shipper init /srv/app/logs --collector https://collector.example.com
      shipper init --yes --collector https://collector.example.com --output - '/logs/**/*.log'
    """
    ask = not yes and sys.stdin.isatty() and sys.stderr.isatty()
    _refuse_to_overwrite(output, force=force)
    if collector is None and not ask:
        raise UsageError("there is no collector", "say --collector URL")
    if collector is not None:
        _require_url(collector)
    finds, blind = _look(paths, how["root"], how["directories"])
    for line in (*_table(finds), *_unseen(finds, blind)):
        click.echo(line, err=True)
    if ask:
        finds = _chosen(finds)
        collector = collector or _asked_url()
        how["start"] = how["start"] or _asked_start()
    _require_some(finds, blind)
    text = _text(finds, _answers(collector or "", how))
    _write(output, text, force=force)
    for line in _next_steps(output, finds):
        click.echo(line, err=True)


def _refuse_to_overwrite(output: Path, *, force: bool) -> None:
    if str(output) != "-" and not force and os.path.lexists(output):
        raise UsageError(f"{output} is there already", "say --force, or --output FILE")
    if not output.parent.is_dir():
        raise UsageError(f"{output} can't be written: no such directory", "make it")


def _require_url(url: str) -> None:
    """Raise UsageError unless *url* can be a collector's."""
    from pydantic import ValidationError

    from shipper.config.collector import CollectorConfig

    try:
        CollectorConfig.model_validate({"url": url})
    except ValidationError as error:
        told = error.errors()[0].get("ctx", {})
        what = str(told.get("what") or error.errors()[0]["msg"])
        remedy = str(told.get("remedy") or "write it like https://collector.example.com")
        raise UsageError(f"the collector's address {what}", remedy) from error


def _look(
    paths: tuple[str, ...], root: str, directories: tuple[Path, ...]
) -> tuple[list[Find], dict[str, OSError]]:
    """Return what was found, and what could not be looked at. Raises DataError, GrammarError."""
    from shipper.grammar.auto import NAME, Auto
    from shipper.service.setup.guess import guess
    from shipper.service.setup.places import Places
    from shipper.service.setup.write import Find

    places = Places()
    there = list(places.named(paths) if paths else places.known(root))
    if not there:
        return [], places.blind
    auto = library(directories).named(NAME)
    assert isinstance(auto, Auto)  # noqa: S101  # the name says so
    finds = []
    for each in there:
        found = guess(each.files, auto, each.container, time.time_ns() // 1000)
        finds.append(Find(each, found, chosen=found.percent >= _ENOUGH))
    return finds, places.blind


def _table(finds: Sequence[Find]) -> Iterator[str]:
    rows = [("", "source", "files", "grammar", "lines that match")]
    for number, find in enumerate(finds, 1):
        grammars = ",".join(find.guess.grammars) or "-"
        lines = find.guess.lines
        share = f"{find.guess.percent:.1f} % of {lines:,}" if lines else "-"
        count = str(len(find.candidate.files))
        rows.append((str(number), find.candidate.name, count, grammars, share))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows if finds else ():
        yield "  ".join(map(str.ljust, row, widths)).rstrip()


def _unseen(finds: Sequence[Find], blind: dict[str, OSError]) -> Iterator[str]:
    """Yield a line for each file that could not be looked at, but for archives."""
    reasons = {path: error.strerror or str(error) for path, error in blind.items()}
    for find in finds:
        reasons |= find.guess.unread
    for path, why in sorted(reasons.items()):
        yield f"not looked at: {printable(path)}: {why}"


def _chosen(finds: list[Find]) -> list[Find]:
    """Ask which of *finds* to ship."""
    from dataclasses import replace

    default = ",".join(str(n) for n, find in enumerate(finds, 1) if find.chosen) or "none"
    while finds:
        answer = click.prompt("Ship which of them", default=default, err=True)
        numbers = _numbers(answer, len(finds))
        if numbers is not None:
            return [replace(find, chosen=n in numbers) for n, find in enumerate(finds, 1)]
        click.echo(f"Write numbers from 1 to {len(finds)}, such as 1,3-4, or all", err=True)
    return finds


def _numbers(answer: str, most: int) -> set[int] | None:
    """Return the numbers in *answer*, None if it makes no sense."""
    if answer.strip() in ("all", "none"):
        return set(range(1, most + 1)) if answer.strip() == "all" else set()
    numbers: set[int] = set()
    for part in answer.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            return None
        numbers |= set(range(int(first), min(int(last or first), most + 1) + 1))
    return numbers if numbers <= set(range(1, most + 1)) and numbers else None


def _asked_url() -> str:
    while True:
        url = str(click.prompt("Collector URL", err=True)).strip()
        try:
            _require_url(url)
        except UsageError as error:
            click.echo(f"{error.message}: {error.remedy}", err=True)
        else:
            return url


def _asked_start() -> Literal["beginning", "end"]:
    all_of_it = click.confirm("Ship what the files hold already", default=True, err=True)
    return "beginning" if all_of_it else "end"


def _require_some(finds: Sequence[Find], blind: dict[str, OSError]) -> None:
    if any(find.chosen for find in finds):
        return
    if finds:
        remedy = "see what the lines look like with shipper coverage -g auto FILE"
        if all(find.guess.unread for find in finds):
            remedy = "run it as a user who may read them"
        raise DataError("none of these logs is to be shipped", remedy)
    what = "no log files were found"
    if blind:
        raise DataError(f"{what} that this user may read", "run it as a user who may, or say PATHS")
    raise DataError(what, "say where they are: shipper init PATHS")


def _answers(collector: str, how: dict[str, Any]) -> Answers:
    from shipper.service.setup.machine import local_zone, state_directory
    from shipper.service.setup.write import Answers

    state: Path = how["state"] or state_directory(os.environ)
    return Answers(
        collector=collector,
        state=state.absolute(),
        start=how["start"] or "beginning",
        zone=local_zone(Path(how["root"]), os.environ),
        directories=how["directories"],
    )


def _text(finds: Sequence[Find], answers: Answers) -> str:
    from shipper.service.setup.write import configuration

    try:
        return configuration(finds, answers)
    except ConfigError as error:
        raise UsageError("; ".join(p.what for p in error.problems), "mend what you gave") from error


def _write(output: Path, text: str, *, force: bool) -> None:
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(
            f"{output} can't be written: {error.strerror}", "check the path"
        ) from error


def _next_steps(output: Path, finds: Sequence[Find]) -> Iterator[str]:
    """Yield the commands to go on with."""
    yield ""
    yield "Next:" if str(output) == "-" else f"wrote {output}. Next:"
    file = shlex.quote("FILE" if str(output) == "-" else str(output))
    yield f"  shipper check -c {file}"
    chosen = [find for find in finds if find.chosen]
    plain = next((find for find in chosen if find.guess.container == "none"), None)
    if plain is not None:
        names = ",".join(plain.guess.grammars) or "auto"
        log = shlex.quote(printable(plain.candidate.files[0]))
        yield f"  shipper parse -g {names} {log} | head -3"
    named = {name for find in chosen for name in find.guess.grammars}
    known = "" if "auto" in named or not named else f" {' '.join(sorted(named))}"
    yield f"  shipper grammar schema --out registry{known}"
    yield f"  shipper run -c {file}"
