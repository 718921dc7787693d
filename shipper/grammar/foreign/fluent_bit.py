"""Fluent Bit's parsers as grammars: formats regex, json, logfmt and ltsv.

Rule 1: a key that is not known, or has no counterpart, is a Loss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shipper.grammar.foreign.fluent_bit_files import Section, read_sections
from shipper.grammar.foreign.onigmo import (
    ASCII_ONLY,
    ascii_only,
    from_slashes,
    ours,
    without_references,
)
from shipper.grammar.foreign.parts import FieldType, Foreign, Lose, Time, grammar_name
from shipper.grammar.foreign.times import from_strptime
from shipper.grammar.reference import GrokError
from shipper.grammar.syntax import pieces
from shipper.grammar.time_formats import TimeFormatError

_TYPES: Final[dict[str, FieldType]] = {
    "integer": "integer",
    "float": "number",
    "bool": "boolean",
    "string": "string",
}
_TRUE: Final = ("on", "true", "yes")
_KNOWN: Final = frozenset(
    ["name", "format", "regex", "types", "time_key", "time_format", "time_keep", "time_offset"]
)
_ASIDE: Final = {
    "decode_field": "fields are not decoded: parse them by a grammar of their own, with then:",
    "decode_field_as": "fields are not decoded: parse them by a grammar of their own, with then:",
    "logfmt_no_bare_keys": "a word without = is true here",
    "time_system_timezone": "name the zone: timezone in the source, or --timezone",
}
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_RULE = re.compile(r'"([^"]*)"\s+"(.*)"\s+"([^"]*)"')


def read_parsers(text: str, file: str, lose: Lose) -> Iterator[Foreign]:
    """Yield the parsers of a file of Fluent Bit's. *lose* is told what was not taken over.

    Raises DataError if it is no such file.
    """
    for section in read_sections(text, file, lose):
        name = section.get("name") or "without a name"
        if section.kind == "multiline_parser":
            lose(section.where, f"multi-line parser {name}", _multiline(section))
        elif section.kind != "parser":
            lose(section.where, f"[{section.kind.upper()}]", "is no parser")
        elif (parser := _parser(section, name, lose)) is not None:
            yield parser


def _parser(section: Section, name: str, lose: Lose) -> Foreign | None:
    made = Foreign(grammar_name(name), f"parser {name} of Fluent Bit", section.where)
    kind = section.get("format").lower()
    if kind == "regex":
        try:
            made.match = [_pattern(section.get("regex"))]
        except GrokError as error:
            remedy = f" ({error.remedy})" if error.remedy else ""
            lose(section.place("regex"), f"parser {name}", f"{error.what}{remedy}")
            return None
        for each in ascii_only(section.get("regex")):
            lose(section.place("regex"), each, ASCII_ONLY)
    elif kind in ("json", "logfmt"):
        made.parse = kind
    elif kind == "ltsv":
        made.parse, made.options = "kv", {"separator": "\t", "assign": ":", "quote": ""}
    else:
        lose(section.place("format"), f"parser {name}", f"the format {kind or 'none'} is not known")
        return None
    made.types = dict(_types(section, lose))
    _set_time(section, made, lose)
    for what, where, why in _rest(section):
        lose(where, what, why)
    return made


def _pattern(text: str) -> str:
    if not text:
        raise GrokError("has no Regex", "write one")
    return ours(without_references(from_slashes(text)))


def _types(section: Section, lose: Lose) -> Iterator[tuple[str, FieldType]]:
    for item in section.get("types").split():
        name, _, kind = item.rpartition(":")
        if name and kind.lower() in _TYPES:
            yield name, _TYPES[kind.lower()]
        else:
            why = "hexadecimal numbers stay text" if kind == "hex" else "is no type that is known"
            lose(section.place("types"), item, why)


def _set_time(section: Section, made: Foreign, lose: Lose) -> None:
    key, written = section.get("time_key"), section.get("time_format")
    if not written:
        if key:
            why = "without Time_Format no time is read from it, as before: it is a field"
            lose(section.place("time_key"), f"Time_Key {key}", why)
        return
    try:
        time = Time(key or "time", from_strptime(written), _zone(section, lose))
    except TimeFormatError as error:
        why = f"{error.what} ({error.remedy}): the time stays a text"
        lose(section.place("time_format"), f"Time_Format {written}", why)
        return
    keep = section.get("time_keep").lower() in _TRUE
    if not made.match:
        made.time, time.keep = time, keep
        return
    if f"(?<{time.field}>" not in made.match[0]:
        why = "the expression names no such group"
        lose(section.place("time_key"), f"Time_Key {time.field}", why)
        return
    if keep:
        made.match = [_twice(made.match[0], time.field)]
        time.field = f"{time.field}_parsed"
    made.time = time


def _zone(section: Section, lose: Lose) -> str:
    written = section.get("time_offset")
    found = _OFFSET.fullmatch(written)
    if written and not found:
        lose(section.place("time_offset"), f"Time_Offset {written}", "is no offset: write +0200")
    return f"{found[1]}{found[2]}:{found[3]}" if found else ""


def _twice(pattern: str, name: str) -> str:
    """Return *pattern* with a second group inside the group *name*: one for the time to take."""
    out, depth, inside = [], 0, -1
    for piece in pieces(pattern):
        depth += piece.kind in ("open", "named")
        text = piece.text
        if text == f"(?<{name}>":
            text, inside = f"{text}(?<{name}_parsed>", depth
        elif piece.kind == "close":
            if depth == inside:
                text, inside = "))", -1
            depth -= 1
        out.append(text)
    return "".join(out)


def _rest(section: Section) -> Iterator[tuple[str, str, str]]:
    """Yield (what, where, why) of keys without a counterpart."""
    for key, value, where in section.entries:
        off = value.lower() not in _TRUE
        if key in _ASIDE and (not off or key.startswith("decode")):
            yield f"{key} {value}", where, _ASIDE[key]
        elif key == "skip_empty_values" and off:
            yield f"{key} {value}", where, "an empty value gives no field"
        elif key == "time_strict" and off:
            yield f"{key} {value}", where, "a record whose time can't be read is refused"
        elif key not in _KNOWN | _ASIDE.keys() | {"skip_empty_values", "time_strict"}:
            yield f"{key} {value}", where, "is not known"


def _multiline(section: Section) -> str:
    """Return what to do about a multi-line parser: a rule of the source, if it can be told."""
    rules = [_RULE.fullmatch(each.value.strip()) for each in section.entries if each.key == "rule"]
    told = "lines are joined by the source: multiline:"
    if len(rules) != 2 or rules[0] is None or rules[1] is None:
        return f"{told} has presets, and patterns of your own"
    (first, second) = (rule.groups() for rule in rules if rule)
    if first[0] != "start_state" or second[0] != first[2] or second[2] != second[0]:
        return f"{told} has presets, and patterns of your own"
    try:
        start, goes_on = (ours(from_slashes(each)) for each in (first[1], second[1]))
    except GrokError as error:
        return f"{told} {error.what}"
    quoted = [each.replace("'", "''") for each in (start, goes_on)]
    return f"{told} {{start: '{quoted[0]}', mode: continue_through, condition: '{quoted[1]}'}}"
