"""Writes the grammar file for a grammar of another shipper, and proves it.

Rule 1: what is handed out loads, and its samples pass: that is tried here, each time.
Rule 2: a pattern that the other shipper searches in a line is written as one that takes the whole
        line only if every sample that it is found in is taken as a whole, with the same fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from shipper.errors import DataError, GrammarError
from shipper.grammar.foreign.onigmo import anchors, searched
from shipper.grammar.foreign.parts import FieldType, Foreign
from shipper.grammar.format_strings.draft import flow, scalar
from shipper.grammar.format_strings.samples import strangers
from shipper.grammar.grammar import Grammar
from shipper.grammar.grok import compile_grok
from shipper.grammar.lint.grammars import compiled_patterns
from shipper.grammar.lint.patterns import lint_pattern
from shipper.grammar.loader import parse_grammar
from shipper.grammar.patterns import Definition, PatternBook
from shipper.grammar.reference import GrokError
from shipper.grammar.samples import as_expected, run_samples
from shipper.grammar.time_limit import SlowMatchError
from shipper.grammar.times import TimeReader
from shipper.model import Dropped, Parsed
from shipper.protocol.iglu import OWN_VENDOR

LONG: Final = 16_384
_KEPT: Final = 3
_NOW: Final = "2026-07-01T12:00:00Z"  # as samples that name no time have it


@dataclass(frozen=True, slots=True)
class Made:
    """A grammar file; `fits` are the sample lines that it takes, `notes` are for its reader."""

    name: str
    text: str
    fits: frozenset[str]
    notes: tuple[str, ...] = ()


def write(
    foreign: Foreign,
    book: PatternBook,
    lines: Sequence[str] = (),
    *,
    vendor: str = OWN_VENDOR,
    zone: str = "",
) -> Made:
    """Return the grammar file for *foreign*, with samples out of *lines*.

    *book* are the patterns that every grammar may use. *zone* holds for times that name none.
    Raises DataError if no grammar can be made of it.
    """
    if not foreign.match:
        return _made(foreign, _load(foreign, [], book, vendor, zone), book, lines)
    loose = [searched(text) for text in foreign.match]
    text, grammar = _load(foreign, loose, book, vendor, zone)
    strict = [anchors(pattern).body for pattern in foreign.match]
    if loose == strict:
        return _made(foreign, (text, grammar), book, lines)
    whole = _load(foreign, strict, book, vendor, zone)
    if lines and _all_the_same(grammar, whole[1], lines):
        return _made(foreign, whole, book, lines)
    note = (
        "it is searched in a line, as before, with .* around it; one that takes whole lines is "
        "quicker and stricter: give --sample FILE with lines of the log, or write it with ^ and $"
    )
    made = _made(foreign, (text, grammar), book, lines)
    return replace(made, notes=(note, *made.notes))


def _all_the_same(loose: Grammar, strict: Grammar, lines: Sequence[str]) -> bool:
    """Say whether *strict* reads each of *lines* as *loose* does, and there is one."""
    found = [(line, parsed) for line in lines if (parsed := _parsed(loose, line)) is not None]
    return bool(found) and all(_parsed(strict, line) == parsed for line, parsed in found)


def _parsed(grammar: Grammar, line: str) -> Parsed | None:
    try:
        found = grammar.parse(line, TimeReader(["iso8601"]).read(_NOW, 0) or 0)
    except SlowMatchError:
        return None
    return None if isinstance(found, Dropped) else found


def _made(
    foreign: Foreign, loaded: tuple[str, Grammar], book: PatternBook, lines: Sequence[str]
) -> Made:
    """Add samples to the grammar that was *loaded*, and prove it."""
    text, grammar = loaded
    taken: dict[str, Parsed] = {}
    for line in lines:
        parsed = _parsed(grammar, line)
        if parsed is not None:
            taken[line] = parsed
    samples = "".join(f"{row}\n" for row in _samples(grammar, taken, lines))
    if samples:
        text += f"samples:\n{samples}"
        _prove(parse_grammar(text, foreign.name, book), foreign)
    return Made(foreign.name, text, frozenset(taken), tuple(_slow(grammar, book, list(taken))))


def _slow(grammar: Grammar, book: PatternBook, lines: list[str]) -> Iterator[str]:
    """Yield what is slow in the patterns, as `shipper grammar lint` would tell it."""
    for key, index, compiled in compiled_patterns(grammar, book):
        for finding in lint_pattern(compiled, lines[:_KEPT], whole=True, most=1):
            yield f"{key}.{index} can be slow: {finding}: shipper grammar lint shows a line for it"


def _prove(grammar: Grammar, foreign: Foreign) -> None:
    wrong = [str(result) for result in run_samples(grammar) if not result.ok]
    if wrong:
        raise DataError(f"{foreign.where}: does not stand its own test: {'; '.join(wrong)}")


def _samples(grammar: Grammar, taken: Mapping[str, Parsed], lines: Sequence[str]) -> Iterator[str]:
    shapes: dict[tuple[str, ...], str] = {}
    for line, parsed in taken.items():
        shapes.setdefault(tuple(parsed.fields), line)
    chosen = [*shapes.values(), *(line for line in taken if line not in shapes.values())][:_KEPT]
    for line in chosen:
        yield f"  - line: {scalar(line)}"
        yield f"    expect: {flow(as_expected(taken[line]))}"
    refused = (line for line in lines if line and line not in taken)
    for line in (*refused, *strangers(chosen[0] if chosen else "")):
        if _parsed(grammar, line) is None:
            yield f"  - line: {scalar(line)}"
            yield "    expect: null"
            return


def _load(
    foreign: Foreign, match: Sequence[str], book: PatternBook, vendor: str, zone: str
) -> tuple[str, Grammar]:
    """Return the text of the grammar without samples, and the grammar."""
    captured = _captures(foreign, match, book)
    needed = dict(_needed(foreign, match))
    lines = [*_head(foreign, match, vendor), *_patterns(needed)]
    lines += [*_fields(foreign, captured), *_time(foreign, match, book, zone), *_shape(foreign)]
    text = "\n".join([*lines, ""])
    try:
        return text, parse_grammar(text, foreign.name, book)
    except GrammarError as error:
        problems = "; ".join(
            f"{p.what} ({p.remedy})" if p.remedy else p.what for p in error.problems
        )
        raise DataError(f"{foreign.where}: {foreign.name}: {problems}") from error


def _book(foreign: Foreign, book: PatternBook) -> PatternBook:
    return book.plus(
        {name: Definition(text, foreign.where) for name, text in foreign.patterns.items()}
    )


def _captures(foreign: Foreign, match: Sequence[str], book: PatternBook) -> dict[str, str | None]:
    """Return the fields of the patterns, each with the type that is written there."""
    found: dict[str, str | None] = {}
    for pattern in match:
        try:
            compiled = compile_grok(pattern, _book(foreign, book))
        except GrokError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            raise DataError(f"{foreign.where}: {foreign.name}: {error.what}{remedy}") from error
        for capture in compiled.captures:
            found[capture.field] = found.get(capture.field) or capture.type
    if match and not found:
        raise DataError(f"{foreign.where}: {foreign.name}: names no field")
    return found


def _needed(foreign: Foreign, match: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield those of the grammar's own named expressions that its patterns lead to."""
    waiting, seen = list(match), set[str]()
    while waiting:
        for name in re.findall(r"%\{([\w-]+)", waiting.pop()):
            if name in foreign.patterns and name not in seen:
                seen.add(name)
                yield name, foreign.patterns[name]
                waiting.append(foreign.patterns[name])


def _head(foreign: Foreign, match: Sequence[str], vendor: str) -> Iterator[str]:
    yield f"name: {foreign.name}"
    yield f"title: {scalar(foreign.origin[:200])}"
    yield f"description: {scalar(f'Converted: {foreign.origin}, {foreign.where}')}"
    yield f"schema: iglu:{vendor}/{foreign.name}/jsonschema/1-0-0"
    if foreign.parse:
        yield f"parse: {foreign.parse}"
    yield from (f"{key}: {flow(value)}" for key, value in foreign.options.items())
    if match:
        yield "match:"
        yield from (f"  - {scalar(pattern)}" for pattern in match)


def _patterns(needed: Mapping[str, str]) -> Iterator[str]:
    if needed:
        yield "patterns:"
        yield from (f"  {name}: {scalar(text)}" for name, text in needed.items())


def _fields(foreign: Foreign, captured: Mapping[str, str | None]) -> Iterator[str]:
    time = "" if foreign.time is None or foreign.time.keep else foreign.time.field
    columns = foreign.options.get("columns", ())
    names = dict.fromkeys([*captured, *columns, *foreign.types])
    wanted = {name: foreign.types.get(name) or captured.get(name) for name in names if name}
    wanted.pop(time, None)
    if wanted:
        yield "fields:"
    for name, type_ in wanted.items():
        yield f"  {scalar(name)}: {flow(_keys(name, type_, foreign.origin))}"


def _keys(name: str, type_: FieldType | str | None, origin: str) -> dict[str, Any]:
    """Return the keys of a field: as lenient as it was before."""
    keys: dict[str, Any] = {}
    if type_ in (None, "string"):
        keys |= {"max_length": LONG, "on_long": "truncate"}
    else:
        keys |= {"type": type_, "on_error": "drop"}
    return {**keys, "description": f"{name}, of the {origin}"[:200]}


def _time(foreign: Foreign, match: Sequence[str], book: PatternBook, zone: str) -> Iterator[str]:
    time = foreign.time
    if time is None:
        return
    keys: dict[str, Any] = {"field": time.field, "formats": time.formats}
    if time.zone or zone:
        keys["timezone"] = time.zone or zone
    everywhere = [time.field in _captures(foreign, [pattern], book) for pattern in match]
    if not match or not all(everywhere):
        keys["optional"] = True
    if time.keep:
        keys["keep"] = True
    yield f"time: {flow(keys)}"


def _shape(foreign: Foreign) -> Iterator[str]:
    time = foreign.time
    gone = time.field if time is not None and not time.keep else None
    rename = {old: new for old, new in foreign.rename.items() if old != gone}
    for key, value in (("rename", rename), ("constant", foreign.constant), ("drop", foreign.drop)):
        if value:
            yield f"{key}: {flow(value)}"
