"""``shipper coverage``: how much of a log the grammars take, and what the rest looks like."""

from __future__ import annotations

import gzip
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import orjson

from shipper.cli.options import (
    chosen,
    directories_option,
    json_option,
    library,
    names_option,
    patterns_option,
)
from shipper.cli.pointing import pointed
from shipper.errors import DataError

if TYPE_CHECKING:
    from shipper.service.coverage import Coverage, Place, Shape


@click.command()
@names_option
@directories_option
@patterns_option
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Show that many shapes of lines that no grammar takes.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit 65 if the grammars take a smaller share of the lines.",
)
@json_option
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    type=click.Path(allow_dash=True, path_type=Path),
)
def coverage(
    *,
    names: str,
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    top: int,
    fail_under: float | None,
    as_json: bool,
    files: tuple[Path, ...],
) -> None:
    """Say how many lines of FILES each grammar takes, and what the others look like.

    Lines that none takes are put together by shape. Each shape comes with its count, an example
    with the column up to which it was understood, and a pattern that takes all of its lines. - is
    standard input; what ends in .gz is unpacked. Blank lines do not count.

    \b
    Examples:
      shipper coverage -g nginx_access,nginx_error /var/log/nginx/*.log
      shipper coverage -g auto app.log --json
      shipper coverage -d grammars -g shop --fail-under 99.5 shop.log
    """
    from shipper.service.coverage import cover

    shelf = library(directories, pattern_directories)
    grammars = chosen(names, shelf)
    with _progress(files) as advance:
        found = cover(grammars, shelf.book, _open(files), time.time_ns() // 1000, advance)
    if as_json:
        click.echo(orjson.dumps(_as_json(found, top)))
    else:
        for line in _as_text(found, top):
            click.echo(line)
    if fail_under is not None and found.percent < fail_under:
        what = f"the grammars take {_percent(found)} of the lines, less than {fail_under:g} %"
        raise DataError(what, "mend a grammar, or add one with a pattern from above")


def _open(files: tuple[Path, ...]) -> Iterator[tuple[str, IO[bytes]]]:
    from shipper.service.coverage import unreadable

    for file in files:
        if str(file) == "-":
            yield "-", sys.stdin.buffer
            continue
        try:
            with file.open("rb") as raw:
                if file.suffix != ".gz":
                    yield str(file), raw
                    continue
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield str(file), unpacked  # type: ignore[misc]  # it reads as IO does
        except OSError as error:
            raise unreadable(str(file), error) from error


@contextmanager
def _progress(files: tuple[Path, ...]) -> Iterator[Callable[[int], None]]:
    """Draw a bar on a terminal, by the bytes read; do nothing elsewhere."""
    plain = [file for file in files if file.suffix != ".gz" and file.is_file()]
    if not sys.stderr.isatty() or len(plain) < len(files):
        yield lambda _size: None
        return
    with click.progressbar(
        length=sum(os.stat(file).st_size for file in plain),  # noqa: PTH116  # one field of each
        label="reading",
        file=sys.stderr,
        update_min_steps=1 << 20,
    ) as bar:
        yield bar.update


def _percent(found: Coverage) -> str:
    """Return the share, never rounded up to a hundred."""
    percent = found.percent
    return (
        f"{percent:.1f} %" if percent == 100 or percent < 99.95 else f"{min(percent, 99.999):.3f} %"
    )


def _as_text(found: Coverage, top: int) -> Iterator[str]:
    seen = found.lines - found.blank
    blank = f" and {found.blank:,} blank" if found.blank else ""
    yield f"{_lines(seen)}{blank}; {_percent(found)} of them matched"
    for name, count in found.grammars.most_common():
        yield f"{count:>12,}  {100 * count / seen:5.1f} %  {name}"
    missed = seen - found.matched
    if not missed:
        return
    yield f"{missed:>12,}  {100 * missed / seen:5.1f} %  no grammar"
    for shape in found.shapes[:top]:
        yield ""
        yield from _shape(shape)
    hidden = found.shapes[top:]
    if hidden or found.others:
        yield ""
        count = sum(shape.count for shape in hidden) + found.others
        yield f"{_lines(count)} of other shapes{_such_as(found.other) if not hidden else ''}"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _such_as(place: Place | None) -> str:
    return f", such as {place.file}:{place.number}" if place else ""


def _shape(shape: Shape) -> Iterator[str]:
    place, miss = shape.example, shape.mismatch
    yield f"{_lines(shape.count)}{_such_as(place)}"
    if place is not None and miss is not None:
        shown, blanks = pointed(place.text, miss.column)
        yield f"  {shown}"
        yield f"  {blanks}^ column {miss.column}: {miss.grammar} expected {miss.expected}"
    yield f"  pattern: {_yaml(shape.pattern)}"


def _yaml(pattern: str) -> str:
    """Write *pattern* so that it can be pasted into a list of YAML, whatever signs it has."""
    if pattern.isprintable():
        return "'" + pattern.replace("'", "''") + "'"
    return orjson.dumps(pattern).decode()


def _as_json(found: Coverage, top: int) -> dict[str, Any]:
    hidden = sum(shape.count for shape in found.shapes[top:])
    return {
        "lines": found.lines - found.blank,
        "blank": found.blank,
        "matched": found.matched,
        "percent": round(found.percent, 4),
        "grammars": dict(found.grammars.most_common()),
        "shapes": [_shape_as_json(shape) for shape in found.shapes[:top]],
        "others": found.others + hidden,
    }


def _shape_as_json(shape: Shape) -> dict[str, Any]:
    place, miss = shape.example, shape.mismatch
    return {
        "count": shape.count,
        "pattern": shape.pattern,
        "file": place and place.file,
        "line": place and place.number,
        "example": place and place.text[:4096].encode("utf-8", "replace").decode(),
        "grammar": miss and miss.grammar,
        "column": miss and miss.column,
        "expected": miss and miss.expected,
    }
