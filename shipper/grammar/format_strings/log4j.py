"""Reads the conversion patterns of log4j 1, log4j 2 and logback.

Rule 1: a stack trace follows the message on lines of its own, whatever the pattern says, unless
        it says ``%nopex`` or ``%ex{none}``: frameworks add it by themselves.
Rule 2: colours may be there or not: they depend on the terminal, not on the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from shipper.grammar.format_strings import log4j_words as words
from shipper.grammar.format_strings.java_time import read_java_time
from shipper.grammar.format_strings.kinds import slot, without_day
from shipper.grammar.format_strings.log4j_scan import Conversion, scan, unwrapped
from shipper.grammar.format_strings.parts import (
    Example,
    FieldDraft,
    Filler,
    FormatStringError,
    Layout,
    Part,
    Perhaps,
    Slot,
    Text,
)
from shipper.grammar.zones import find_zone

_BREAK: Final = Filler(r"\r?\n", "\n")
_COLOUR: Final = Filler(r"(?:\x1b\[[\d;]*+m)?+", "", "COLOUR")
_TRACE: Final = (
    r"(?:[\w$]++\.)++(?:[\w$]*?(?:Exception|Error)(?::|\n|\Z)"
    r"|[\w$]++(?::[^\n]*+)?+\n\s++at [^\s(]++\()"
)
_MESSAGE: Final = rf"(?:[^\n]++|\n(?!{_TRACE}))*+"
_LONGEST_TRACE: Final = 65_535
_NO_DAY: Final = "no conversion writes a day: events get the time at which they are read"
_DEFAULT_TIME: Final = "ISO8601"


def read_pattern(source: str) -> Layout:
    """Read a conversion pattern, bare or as it stands in a configuration.

    Raises FormatStringError.
    """
    text, start = unwrapped(source.strip())
    items = list(scan(text, start))
    parts = _trimmed(list(_parts(items)))
    notes = () if any(isinstance(part, Slot) and part.time for part in parts) else (_NO_DAY,)
    silent = any(isinstance(item, Conversion) and _is_silent(item) for item in items)
    if parts and isinstance(last := parts[-1], Slot) and last.fields[0].name == "message":
        parts[-1] = replace(last, pattern=r"(?s:.*+)" if silent else _MESSAGE, loose=True)
    return Layout(
        server="log4j or logback",
        name="log4j_custom",
        title="log4j or logback, a pattern of your own",
        source=text,
        parts=parts if silent else [*parts, _trace(len(source))],
        notes=notes,
        zone=next((zone for item in items if (zone := _zone(item))), ""),
    )


def _is_silent(item: Conversion) -> bool:
    off = item.word in words.THROWABLE and item.options[:1] in (("none",), ("0",))
    return off or item.word in words.NO_THROWABLE


def _trimmed(parts: list[Part]) -> list[Part]:
    """Return *parts* without the line break at the end, and the blanks before a trace."""
    while parts and (parts[-1] is _BREAK or _is_blank(parts[-1])):
        parts.pop()
    return parts


def _is_blank(part: Part) -> bool:
    return isinstance(part, Text) and part.text.isspace()


def _parts(items: Sequence[Text | Conversion]) -> Iterator[Part]:
    for item in items:
        if isinstance(item, Text):
            yield item
        elif item.inner is not None:
            yield from _wrapped(item, item.inner)
        elif item.word not in words.THROWABLE | words.NO_THROWABLE:
            yield _converted(item)


def _wrapped(item: Conversion, inner: str) -> list[Part]:
    made = list(_parts(list(scan(inner, item.column))))
    if item.word in words.OPTIONAL:
        return [Perhaps(tuple(made))]
    if item.word in words.COLOURS:
        made = [_COLOUR, *made, _COLOUR]
    if item.width and len(made) == 1 and isinstance(only := made[0], Slot):
        return [replace(only, width=item.width)]
    if item.width:
        padding = Filler(f" {{0,{abs(item.width)}}}", " ")
        return [padding, *made] if item.width > 0 else [*made, padding]
    return made


def _converted(item: Conversion) -> Part:
    word = item.word
    if word == words.BREAK:
        return _BREAK
    if word in words.DATE:
        return _time(item)
    if word in words.CALLER:
        return _caller(item)
    if word in words.MESSAGE:
        return _plain(item, "message", "text", "the message", ())
    if word in words.KEYED and item.options and "," not in item.options[0]:
        return _keyed(item, item.options[0])
    if word in words.WORDS:
        return _plain(item, *words.WORDS[word])
    what = f"{item.directive} has nothing to write"
    raise FormatStringError(what, f"write {item.directive}{{…}}", item.column)


def _plain(
    item: Conversion, field: str, kind: str, description: str, none: tuple[str, ...]
) -> Slot:
    made = slot(item.directive, item.column, field, kind, description, none=none)
    return replace(made, width=item.width, filled=made.filled and field != "message")


def _keyed(item: Conversion, option: str) -> Slot:
    key, _, default = option.partition(":-")
    field = re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key).lower())
    description = words.KEYED[item.word].format(key)
    return _plain(item, field.strip("_") or "value", "short", description, (default, ""))


def _time(item: Conversion) -> Slot:
    text, _zone = _split(item)
    draft = FieldDraft(
        name="time",
        description="time of the event",
        max_length=64,
        otherwise="time_2",
    )
    return without_day(
        Slot(
            fields=(draft,),
            directive=item.directive,
            column=item.column,
            time=read_java_time(text or _DEFAULT_TIME, item.column),
            filled=True,
            width=item.width,
        )
    )


def _zone(item: Text | Conversion) -> str:
    return _split(item)[1] if isinstance(item, Conversion) and item.word in words.DATE else ""


def _split(item: Conversion) -> tuple[str, str]:
    """Return pattern and zone of a date: in braces of its own, or behind the last comma."""
    text = item.options[0] if item.options else ""
    if len(item.options) > 1:
        return text, item.options[1]
    head, comma, zone = text.rpartition(",")
    if comma and zone.strip() and find_zone(zone.strip()):
        text = head
        return text.strip().strip('"'), zone.strip()
    return text.strip('"'), ""


def _caller(item: Conversion) -> Slot:
    names = {
        "class": ("class that logged", "string", 1024),
        "function": ("method that logged", "string", 1024),
        "file": ("source file", "string", 1024),
        "line": ("line of the source file", "integer", None),
    }
    fields = tuple(
        FieldDraft(
            name=name,
            description=description,
            type=type_,
            minimum=0 if type_ == "integer" else None,
            maximum=2**53 - 1 if type_ == "integer" else None,
            max_length=longest,
        )
        for name, (description, type_, longest) in names.items()
    )
    values = {"class": "com.example.Cart", "function": "add", "file": "Cart.java", "line": 42}
    return Slot(
        fields=fields,
        directive=item.directive,
        column=item.column,
        width=item.width,
        label="caller",
        pattern=(
            r"(?:(?<class>(?:[\w$]++\.)*[\w$]++)\.(?<function>[\w$<>]++)"
            r"\((?:(?<file>[^:()]++)(?::(?<line>\d++))?+)?+\)|\?)"
        ),
        examples=(Example("com.example.Cart.add(Cart.java:42)", values), Example("?")),
    )


def _trace(column: int) -> Perhaps:
    draft = FieldDraft(
        name="stack_trace",
        description="stack trace of the exception, with its causes",
        max_length=_LONGEST_TRACE,
    )
    text = "java.io.IOException: gone\n\tat com.example.Cart.add(Cart.java:42)"
    trace = Slot(
        fields=(draft,),
        directive="the stack trace",
        column=column,
        pattern=rf"(?s:(?={_TRACE}).*+)",
        examples=(Example(text, {"stack_trace": text}), Example("")),
    )
    return Perhaps((_BREAK, trace))
