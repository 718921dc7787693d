"""``shipper grammar from-…``: a server's own format string becomes a grammar."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shipper.cli.options import Decorator, vendor_option, zone_option
from shipper.cli.pointing import pointed
from shipper.errors import DataError, UsageError

if TYPE_CHECKING:
    from shipper.grammar.format_strings.parts import FormatStringError, Layout

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SHOWN = 76

_OPTIONS: list[Decorator] = [
    click.argument("source", metavar="FORMAT"),
    click.option("--name", help="The name of the grammar; by default from the format or FILE."),
    vendor_option,
    zone_option,
    click.option(
        "-o",
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write FILE, a .yaml in a directory of grammars, instead of printing.",
        metavar="FILE",
    ),
]


def _format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("from-nginx")
@_format_options
@click.option(
    "--variable",
    "own",
    multiple=True,
    metavar="NAME",
    help="A variable that map or set makes; may be given several times.",
)
def from_nginx(own: tuple[str, ...], source: str, **options: Any) -> None:
    """Make a grammar of nginx's log_format directive, or of the format string alone.

    FORMAT is the directive as it stands in nginx.conf; - reads it from standard input. The
    grammar has typed fields, the time, and samples; `shipper grammar test` proves it.

    \b
    Examples:
      shipper grammar from-nginx '$remote_addr [$time_local] "$request" $status $request_time'
      shipper grammar from-nginx - --out grammars/shop_access.yaml < log_format.conf
    """
    from shipper.grammar.format_strings.nginx import read_log_format

    _make(source, lambda text: read_log_format(text, {name.lstrip("$") for name in own}), options)


@click.command("from-apache")
@_format_options
def from_apache(source: str, **options: Any) -> None:
    """Make a grammar of Apache's LogFormat or CustomLog directive, or of the format alone.

    \b
    Examples:
      shipper grammar from-apache 'LogFormat "%v %h %u %t \\"%r\\" %>s %b %D" shop'
      shipper grammar from-apache '%h %l %u %t "%r" %>s %b "%{Referer}i"' --name shop_access
    """
    from shipper.grammar.format_strings.apache import read_log_format

    _make(source, read_log_format, options)


@click.command("from-postgres")
@_format_options
def from_postgres(source: str, **options: Any) -> None:
    """Make a grammar of PostgreSQL's log_line_prefix.

    With --timezone, times are of that zone, and the abbreviation behind them is not read.

    \b
    Examples:
      shipper grammar from-postgres "log_line_prefix = '%m [%p] %q%u@%d '"
      shipper grammar from-postgres '%t:%r:%u@%d:[%p]: ' --timezone Asia/Kolkata
    """
    from shipper.grammar.format_strings.postgres import read_log_line_prefix

    _make(source, lambda text: read_log_line_prefix(text, options["zone"]), options)


@click.command("from-log4j")
@_format_options
def from_log4j(source: str, **options: Any) -> None:
    """Make a grammar of a conversion pattern of log4j 1, log4j 2 or logback.

    A stack trace becomes a field of its own; have the source join its lines, with
    `multiline: {preset: java}`.

    \b
    Examples:
      shipper grammar from-log4j '%d{ISO8601} [%t] %-5p %c{1}:%L - %m%n'
      shipper grammar from-log4j '<pattern>%d{HH:mm:ss.SSS} %-5level %logger - %msg%n</pattern>'
    """
    from shipper.grammar.format_strings.log4j import read_pattern

    _make(source, read_pattern, options)


COMMANDS = (from_nginx, from_apache, from_postgres, from_log4j)


def _make(source: str, read: Callable[[str], Layout], options: dict[str, Any]) -> None:
    """Read the format, write the grammar. Raises UsageError, DataError."""
    from dataclasses import replace

    from shipper.grammar.format_strings.draft import draft
    from shipper.grammar.format_strings.parts import FormatStringError
    from shipper.protocol.iglu import OWN_VENDOR

    out: Path | None = options["out"]
    _check(options)
    text = sys.stdin.read().strip() if source == "-" else source
    try:
        layout = read(text)
        name = options["name"] or (out.stem if out else layout.name)
        made = draft(
            replace(layout, name=name),
            vendor=options["vendor"] or OWN_VENDOR,
            zone=options["zone"],
        )
    except FormatStringError as error:
        raise _drawn(error, text) from error
    for note in dict.fromkeys(made.notes):
        click.echo(f"note: {note}", err=True)
    if out is None:
        click.echo(made.text, nl=False)
    else:
        write_grammar(out, made.text)
        click.echo(f"{out}: try it with: shipper parse -d {out.parent} -g {name} FILE")


def _check(options: dict[str, Any]) -> None:
    out: Path | None = options["out"]
    name = options["name"] or (out.stem if out else None)
    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a grammar", "use a to z, 0 to 9 and _")
    if out is not None and (out.suffix not in (".yaml", ".yml") or out.stem != name):
        raise UsageError(f"{out} can't hold the grammar {name}", f"name the file {name}.yaml")


def write_grammar(out: Path, text: str) -> None:
    """Write the grammar *text* to the new file *out*. Raises UsageError."""
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise UsageError(f"{out} is there already", "remove it, or name another file") from error
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror}", "check the path") from error


def _drawn(error: FormatStringError, source: str) -> DataError:
    """Return *error* with the format shown, and a caret under the place."""
    index = min(max(error.column - 1, 0), len(source))
    start = source.rfind("\n", 0, index) + 1
    line = source[start:].split("\n", 1)[0]
    shown, blanks = pointed(line, index - start + 1, _SHOWN)
    where = f"column {error.column}" if "\n" not in source else _line_and_column(source, index)
    what = f"{where}: {error.what}\n  {shown}\n  {blanks}^"
    return DataError(what, error.remedy)


def _line_and_column(source: str, index: int) -> str:
    before = source[:index]
    return f"line {before.count(chr(10)) + 1}, column {index - before.rfind(chr(10))}"
