"""Which grammars a log is of: by its last lines, and what `auto` makes of them.

Rule 1: a guess is measured. `matched` of `lines` were taken by the very grammars, container format
        and multi-line preset that it names.
Rule 2: lines that give no event, such as directives, are not counted.
Rule 3: what a file says of its lines at its head, as W3C logs do, is read along.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, get_args

from shipper.config.records import Preset
from shipper.formats.containers import detect
from shipper.formats.encodings import UTF_8, split_lines
from shipper.formats.multiline import MultilineRule
from shipper.formats.records import EMPTY, Container, Line, Rules, assemble, flush
from shipper.grammar.auto import BROAD, Auto
from shipper.grammar.auto import NAME as AUTO
from shipper.grammar.grammar import Work, at_work, first_match
from shipper.grammar.time_limit import SlowMatchError
from shipper.model import Dropped, Parsed
from shipper.tail.compressed import kind_of

FILES: Final = 8
LINES: Final = 200
_TAIL: Final = 64 * 1024
_HEAD: Final = 4_096
_SHARE: Final = 0.01  # of the matched lines: what a grammar has to take to be named
_NAMED: Final = 4  # more grammars than this are `auto`
_GAIN: Final = 1.02  # a preset has to bring that many times the lines


@dataclass(frozen=True, slots=True)
class Guess:
    """What a source could say of its lines, and how many of them the grammars take then.

    `grammars` are in the order in which they are to be tried; empty: none takes a line. `unread`
    says by path why a file was left out.
    """

    grammars: tuple[str, ...] = ()
    container: Container = "none"
    preset: Preset | None = None
    lines: int = 0
    matched: int = 0
    unread: dict[str, str] = field(default_factory=dict)

    @property
    def percent(self) -> float:
        """The share of lines that were taken; 0 where there was no line."""
        return 100 * self.matched / self.lines if self.lines else 0.0


def guess(files: Sequence[str], auto: Auto, container: Container, now_us: int) -> Guess:
    """Look at the ends of the first of *files* that can be read.

    *container* is what their place promises; ``none`` lets the lines decide.
    """
    samples, unread = _samples(files)
    if container == "none" and _wrapped(samples):
        container = "auto"
    found = _measured(samples, auto, Guess(container=container), now_us)
    if 0 < found.matched < found.lines:
        presets = [replace(found, preset=preset) for preset in get_args(Preset)]
        tried = [_measured(samples, auto, each, now_us) for each in presets]
        best = max(tried, key=lambda each: each.matched)
        found = best if best.matched > _GAIN * found.matched else found
    return replace(found, unread=unread)


def _samples(files: Sequence[str]) -> tuple[list[list[Line]], dict[str, str]]:
    """Return lines of each file, and why others gave none."""
    samples: list[list[Line]] = []
    unread: dict[str, str] = {}
    for path in files:
        if len(samples) == FILES:
            break
        try:
            lines = _last_lines(path)
        except OSError as error:
            unread[path] = error.strerror or str(error)
        except ValueError as error:
            unread[path] = str(error)
        else:
            if lines:
                samples.append(lines)
    return samples, unread


def _last_lines(path: str) -> list[Line]:
    """Return the last lines of a file, directives of its head first. Raises OSError, ValueError."""
    with open(path, "rb") as stream:  # noqa: PTH123  # a path of a glob, as it is
        head = stream.read(_HEAD)
        if kind_of(head):
            raise ValueError("is compressed, and only looked at when it is shipped")
        encoding, bom = UTF_8.marked(head)
        base = max(0, os.fstat(stream.fileno()).st_size - _TAIL) // 4 * 4
        stream.seek(base)
        chunk = stream.read(_TAIL)
    if encoding.unit == 1 and b"\0" in chunk:
        raise ValueError("is no text: it holds NUL")
    pairs = list(zip(*split_lines(chunk, base, encoding, bom), strict=True))
    if base:  # it begins amid a line
        directives, _ = split_lines(head, 0, encoding, bom)
        above = [(raw, raw.decode("utf-8", "replace")) for raw in directives if raw[:1] == b"#"]
        pairs = above + pairs[1:]
    told = [pair for pair in pairs[:-LINES] if pair[0].startswith(b"#")]
    kept = told + pairs[-LINES:]
    return [Line(0, raw, text, len(raw) + 1) for raw, text in kept if text.strip()]


def _wrapped(samples: Iterable[Iterable[Line]]) -> bool:
    texts = [line.text for lines in samples for line in lines]
    return 2 * sum(detect(text) is not None for text in texts) > len(texts)


def _measured(samples: Sequence[Sequence[Line]], auto: Auto, how: Guess, now_us: int) -> Guess:
    """Return *how* with the grammars that take *samples*, and how many lines they take."""
    rule = MultilineRule.preset(how.preset) if how.preset else None
    rules = Rules(container=how.container, multiline=rule)
    taken: Counter[str] = Counter()
    lines = 0
    for sample in samples:
        works = at_work([auto], {})
        for text, count in _records(sample, rules):
            parsed = _parsed(works, text, now_us)
            if isinstance(parsed, Dropped):
                continue
            lines += count
            if parsed is not None:
                taken[parsed.grammar] += count
    names = _named(taken, auto, mixed=how.container != "none")
    counted = taken if names == (AUTO,) else {name: taken[name] for name in names}
    return replace(how, grammars=names, lines=lines, matched=sum(counted.values()))


def _parsed(works: Sequence[Work], text: str, now_us: int) -> Parsed | None:
    try:
        return first_match(works, text, now_us)
    except SlowMatchError:
        return None


def _records(lines: Sequence[Line], rules: Rules) -> Iterator[tuple[str, int]]:
    """Yield the text of each record, and of how many lines it is."""
    records, held = assemble(lines, EMPTY, rules)
    for record in (*records, *flush(held, rules)):
        yield record.text, record.lines


def _named(taken: Counter[str], auto: Auto, *, mixed: bool) -> tuple[str, ...]:
    """Return the grammars to write down: precise ones first, `auto` where they are many."""
    least = _SHARE * sum(taken.values())
    names = tuple(g.name for g in auto.members if taken[g.name] >= max(least, 1))
    # A container that comes tomorrow may write anything, and so may the next program of a syslog.
    broad = any(g.spec.auto in BROAD for g in auto.members if g.name in names)
    mixed = mixed or (broad and len(names) > 1)
    return (AUTO,) if names and (mixed or len(names) > _NAMED) else names
