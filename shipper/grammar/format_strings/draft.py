"""Writes the grammar file for a format string, and proves it before it is handed out.

Rule 1: what is handed out loads, and its samples pass: that is tried here, each time.
Rule 2: every text is written so that YAML reads it back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shipper.errors import DataError, GrammarError
from shipper.grammar.format_strings.clock import read_formats
from shipper.grammar.format_strings.compose import Composed, compose
from shipper.grammar.format_strings.keyed import compose_members, json_lines
from shipper.grammar.format_strings.parts import FieldDraft, FormatStringError, Layout
from shipper.grammar.format_strings.samples import Line, lines, strangers
from shipper.grammar.grammar import Grammar
from shipper.grammar.loader import parse_grammar
from shipper.grammar.patterns import PatternBook
from shipper.grammar.samples import run_samples
from shipper.protocol.iglu import OWN_VENDOR

_PLAIN = re.compile(r"[A-Za-z0-9_/+][A-Za-z0-9_/.+()\u2026 -]*[A-Za-z0-9_/.+)-]|[A-Za-z]")
_SHORT: Final = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t"}
_WORDS: Final = frozenset(["true", "false", "null", "yes", "no", "on", "off"])
_PRINTABLE = re.compile(r"[\x20-\x7e\u00a0-\ud7ff]*")


@dataclass(frozen=True, slots=True)
class Draft:
    """A grammar file, and what its reader should know about it."""

    text: str
    name: str
    notes: tuple[str, ...]


def draft(layout: Layout, *, vendor: str = OWN_VENDOR, zone: str = "") -> Draft:
    """Return the grammar for the lines of *layout*.

    *zone* holds for times that name none; empty, it is the source that says it. Raises
    FormatStringError where the format can't be parsed back, and DataError if the grammar does not
    stand its own test.
    """
    zone = layout.zone or zone
    done = compose_members(layout.parts) if layout.keyed else compose(layout.parts)
    if not done.fields and done.time is None:
        raise FormatStringError("has no value that could become a field", "add one", 1)
    write = json_lines if layout.keyed else lines
    made = write(layout.parts, done, zone or "UTC")
    head = [*_head(layout, done, vendor), *_time(done, zone), *_atomic(layout, done)]
    text = "\n".join([*head, *_samples(made), ""])
    refused = _refused(_load(text), made[0].line)
    text += "".join(f"{line}\n" for line in _sample(Line(refused, None)))
    _prove(_load(text))
    return Draft(text, layout.name, (*layout.notes, *done.notes))


def _load(text: str) -> Grammar:
    try:
        return parse_grammar(text, "the grammar that was made", PatternBook({}))
    except GrammarError as error:
        raise DataError(f"no grammar can be made of this format: {error}") from error


def _refused(grammar: Grammar, usual: str) -> str:
    for line in strangers(usual):
        if grammar.parse(line, 0) is None:
            return line
    remedy = "nothing tells its lines from others: a grammar needs a time, a level or signs"
    raise FormatStringError("would take any line whatever", remedy, 1)


def _prove(grammar: Grammar) -> None:
    wrong = [str(result) for result in run_samples(grammar) if not result.ok]
    if wrong:
        what = f"the grammar for this format does not stand its own test: {'; '.join(wrong)}"
        raise DataError(what, "part the values by signs that they can't contain, such as quotes")


def _head(layout: Layout, done: Composed, vendor: str) -> Iterator[str]:
    yield f"name: {layout.name}"
    yield f"title: {scalar(layout.title)}"
    yield f"description: {scalar(f'Lines of {layout.server} in the format {layout.source}')}"
    yield f"schema: iglu:{vendor}/{layout.name}/jsonschema/1-0-0"
    if layout.keyed:
        yield "parse: json"
        yield "extra: drop"
    else:
        yield "match:"
        yield f"  - {scalar(done.match)}"
        yield "patterns:"
        yield from (f"  {name}: {scalar(text)}" for name, text in done.patterns.items())
    if done.fields:
        yield "fields:"
    yield from (f"  {name}: {flow(_keys(name, field))}" for name, field in done.fields.items())


def _keys(name: str, field: FieldDraft) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if field.source not in ("", name):
        keys["from"] = field.source
    if field.type != "string":
        keys["type"] = field.type
    if field.minimum is not None:
        keys |= {"minimum": field.minimum, "maximum": field.maximum}
    if field.max_length is not None:
        keys["max_length"] = field.max_length
        keys["on_long"] = "truncate"
    if field.none:
        keys["none"] = field.none[0] if len(field.none) == 1 else list(field.none)
    return {**keys, "description": field.description}


def _time(done: Composed, zone: str) -> Iterator[str]:
    if done.time is not None:
        time: dict[str, Any] = {
            "field": done.time_name,
            "formats": read_formats(done.time.time),
        }
        if zone:
            time["timezone"] = zone
        if done.timeless:
            time["optional"] = True
        yield f"time: {flow(time)}"


def _atomic(layout: Layout, done: Composed) -> Iterator[str]:
    chosen = {key: name for key, name in layout.atomic.items() if name in done.fields}
    if chosen:
        yield f"atomic: {flow(chosen)}"


def _samples(made: tuple[Line, Line]) -> Iterator[str]:
    yield "samples:"
    for line in made:
        yield from _sample(line)


def _sample(line: Line) -> Iterator[str]:
    yield f"  - line: {scalar(line.line)}"
    yield f"    expect: {'null' if line.expect is None else flow(line.expect)}"


def flow(value: Any) -> str:
    """Return *value*, plain data, as YAML on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(key)}: {flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return scalar(value) if isinstance(value, str) else orjson.dumps(value).decode()


def scalar(text: str) -> str:
    """Return *text* as YAML: plain where nothing could misread it, quoted elsewhere."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text[0].isdigit():
        return text
    if _PRINTABLE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(sign: str) -> str:
    if sign in _SHORT:
        return _SHORT[sign]
    return sign if _PRINTABLE.fullmatch(sign) else f"\\U{ord(sign):08X}"
