"""``shipper grammar from-logstash``, ``-fluent-bit``, ``-filebeat``: configurations to grammars."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from shipper.cli.grammar_from import write_grammar
from shipper.cli.options import Decorator, patterns_option, vendor_option, zone_option
from shipper.errors import DataError

if TYPE_CHECKING:
    from shipper.grammar.foreign.parts import Foreign, Losses
    from shipper.grammar.foreign.write import Made
    from shipper.grammar.patterns import PatternBook

_MOST_LINES: Final = 10_000
_SHOWN: Final = 5

_OPTIONS: list[Decorator] = [
    click.argument(
        "file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path)
    ),
    click.option(
        "--sample",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Lines of the log: what they give becomes the grammars' own test.",
    ),
    click.option(
        "--only",
        multiple=True,
        metavar="NAME",
        help="A grammar to make; may be given several times.",
    ),
    vendor_option,
    zone_option,
    click.option(
        "-o",
        "--out",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="A directory of grammars to write to, a file each, instead of printing.",
    ),
    click.option("--strict", is_flag=True, help="Exit 65 if anything was not taken over."),
]


def _convert_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("from-fluent-bit")
@_convert_options
def from_fluent_bit(file: Path, **options: Any) -> None:
    """Make grammars of the parsers in a file of Fluent Bit's, classic or YAML.

    Formats regex, json, logfmt and ltsv, with Types, Time_Key and Time_Format. What has no
    counterpart is listed on standard error with its place and the reason.

    \b
    Examples:
      shipper grammar from-fluent-bit parsers.conf --only nginx --sample access.log
      shipper grammar from-fluent-bit parsers.yaml --out grammars
    """
    from shipper.grammar.foreign.fluent_bit import read_parsers

    _convert(lambda text, _book, lose: read_parsers(text, str(file), lose), file, (), options)


@click.command("from-logstash")
@_convert_options
@patterns_option
def from_logstash(file: Path, pattern_directories: tuple[Path, ...], **options: Any) -> None:
    """Make grammars of the filters in a pipeline of Logstash's.

    grok, dissect, json, kv and csv become grammars; date sets their time; of mutate, rename,
    convert, remove_field and add_field are taken over. Conditions and all else are listed on
    standard error with their place and the reason.

    \b
    Examples:
      shipper grammar from-logstash pipeline.conf --sample app.log
      shipper grammar from-logstash pipeline.conf --patterns patterns --out grammars
    """
    from shipper.grammar.foreign.logstash import read_pipeline

    _convert(
        lambda text, book, lose: read_pipeline(text, str(file), book, lose),
        file,
        pattern_directories,
        options,
    )


@click.command("from-filebeat")
@_convert_options
@patterns_option
def from_filebeat(file: Path, pattern_directories: tuple[Path, ...], **options: Any) -> None:
    """Make grammars of Filebeat's processors, or of an ingest pipeline of Elasticsearch's.

    FILE is a filebeat.yml, or one of the pipelines that its modules are made of, YAML or JSON.
    What has no counterpart is listed on standard error with its place and the reason.

    \b
    Examples:
      shipper grammar from-filebeat filebeat.yml --sample app.log
      shipper grammar from-filebeat module/shop/access/ingest/pipeline.yml --out grammars
    """
    from shipper.grammar.foreign.filebeat import read_filebeat

    _convert(
        lambda text, book, lose: read_filebeat(text, str(file), book, lose),
        file,
        pattern_directories,
        options,
    )


COMMANDS = (from_fluent_bit, from_logstash, from_filebeat)


def _convert(
    read: Callable[[str, PatternBook, Losses], Iterable[Foreign]],
    file: Path,
    pattern_directories: tuple[Path, ...],
    options: dict[str, Any],
) -> None:
    """Read the file, write the grammars, tell what was not taken over. Raises DataError."""
    from shipper.cli.options import library
    from shipper.grammar.foreign.parts import Losses
    from shipper.grammar.patterns import read_pattern_directories

    lose = Losses()
    own = read_pattern_directories(pattern_directories)
    book = library(()).book
    lines = _lines(options["sample"])
    found = _renamed(read(_text(file), book.plus(own.definitions), lose))
    chosen = [each for each in found if not options["only"] or each.name in options["only"]]
    for each in chosen:
        each.patterns = {**{name: own[name].text for name in own}, **each.patterns}
    made = list(_made(chosen, book, lines, options, lose))
    _put(made, options["out"])
    for line in (*_notes(made, lines), *(f"not taken over: {loss}" for loss in lose.all())):
        click.echo(line, err=True)
    if not made:
        raise DataError(f"{file} gives no grammar", "see above, for each")
    if options["strict"] and lose.all():
        raise DataError(f"{len(lose.all())} things were not taken over", "see above, for each")


def _text(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is no UTF-8 text"
        raise DataError(f"{file} can't be read: {why}", "check the path") from error


def _lines(file: Path | None) -> list[str]:
    """Return the first lines of the samples, each once."""
    if file is None:
        return []
    with file.open(encoding="utf-8-sig", errors="replace") as stream:
        texts = (line.rstrip("\r\n") for line in islice(stream, _MOST_LINES))
        return list(dict.fromkeys(text for text in texts if text.strip()))


def _renamed(found: Iterable[Foreign]) -> Iterator[Foreign]:
    """Yield what was found, the second of a name under another."""
    taken: set[str] = set()
    for each in found:
        name, number = each.name, 2
        while name in taken:
            name, number = f"{each.name}_{number}", number + 1
        taken.add(name)
        yield replace(each, name=name)


def _made(
    found: Iterable[Foreign],
    book: PatternBook,
    lines: Sequence[str],
    options: dict[str, Any],
    lose: Losses,
) -> Iterator[Made]:
    from shipper.grammar.foreign.write import write
    from shipper.protocol.iglu import OWN_VENDOR

    vendor = options["vendor"] or OWN_VENDOR
    for each in found:
        try:
            yield write(each, book, lines, vendor=vendor, zone=options["zone"])
        except DataError as error:
            lose(each.where, each.origin, error.message.removeprefix(f"{each.where}: "))


def _put(made: Sequence[Made], out: Path | None) -> None:
    for number, each in enumerate(made):
        if out is not None:
            file = out / f"{each.name}.yaml"
            write_grammar(file, each.text)
            click.echo(f"{file}: try it with: shipper parse -d {out} -g {each.name} FILE")
            continue
        if number:
            click.echo("---")
        click.echo(each.text, nl=False)


def _notes(made: Sequence[Made], lines: Sequence[str]) -> Iterator[str]:
    """Yield what the reader of the grammars should know."""
    for each in made:
        yield from (f"note: {each.name}: {note}" for note in each.notes)
        if lines:
            yield f"note: {each.name} takes {len(each.fits):,} of {len(lines):,} sample lines"
    missed = [line for line in lines if not any(line in each.fits for each in made)]
    for line in missed[:_SHOWN]:
        yield f"note: no grammar takes the sample line {line[:120]!r}"
    if len(missed) > _SHOWN:
        yield f"note: nor {len(missed) - _SHOWN:,} others"
