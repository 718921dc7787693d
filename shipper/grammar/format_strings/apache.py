"""Reads Apache's ``LogFormat`` and ``CustomLog`` directives.

Rule 1: a value that is missing is ``-``, in every directive; so is one that a list of statuses
        (``%!200{Referer}i``) leaves out.
Rule 2: in a value a quote and a backslash have a backslash before them, and what can't be printed
        comes as ``\\xhh``.
Rule 3: times that stand side by side, as in ``%{%F %T}t.%{msec_frac}t``, are one time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from shipper.grammar.format_strings.apache_directives import (
    ARGUMENTS,
    FRACTIONS,
    HEADERS,
    HEADERS_OUT,
    LETTERS,
    NAMED,
    SECOND,
    SSL,
    STRFTIME,
    Meaning,
)
from shipper.grammar.format_strings.kinds import request_slot, slot, target, without_day
from shipper.grammar.format_strings.parts import (
    Example,
    FieldDraft,
    FormatStringError,
    Layout,
    Part,
    Slot,
    Text,
)

_ATOMIC: Final = {"ip": "client_ip", "ua": "user_agent", "refr": "referrer"}
_DIRECTIVE = re.compile(r"\s*(LogFormat|CustomLog|TransferLog)\s+", re.IGNORECASE)
_WORD = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S+))""", re.DOTALL)
_ITEM = re.compile(
    r"%(?:%|(?P<flags>[<>!\d,]*)(?:\{(?P<argument>[^}]*)\})?(?P<more>[<>!\d,]*)"
    r"(?P<letter>\^[A-Za-z]{2}|[A-Za-z]|))"
)
_COMMON_TIME: Final = "%d/%b/%Y:%H:%M:%S %z"
_EPOCHS: Final = {"sec": "%s", "msec": "epoch_ms", "usec": "epoch_us"}
_SIGNS: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def read_log_format(source: str) -> Layout:
    """Read ``LogFormat "…" NAME``, ``CustomLog FILE "…"`` or the bare format.

    Raises FormatStringError.
    """
    name, text, columns = _directive(source)
    parts = tuple(_joined(_timed(list(_parts(text, columns)))))
    label = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return Layout(
        server="Apache",
        name=f"apache_{label}" if label else "apache_custom",
        title=f"Apache, LogFormat {name}" if name else "Apache, a format of your own",
        source=text,
        parts=parts,
        atomic=_ATOMIC,
    )


def _directive(source: str) -> tuple[str, str, list[int]]:
    """Return the format's name, its text, and the column of each of its characters."""
    found = _DIRECTIVE.match(source)
    if found is None:
        text, start = source.strip(), len(source) - len(source.lstrip())
        return "", *_unescaped(text, start)
    words = [word for word in _WORD.finditer(source, found.end()) if word[0].strip()]
    wanted = 1 if found[1].lower() == "customlog" else 0
    if len(words) <= wanted:
        remedy = 'write: LogFormat "FORMAT" NAME'
        raise FormatStringError(f"{found[1]} has no format", remedy, len(source))
    word = words[wanted]
    name = words[1][0].strip().strip("\"'") if wanted == 0 and len(words) > 1 else ""
    group = word.lastindex or 3
    if group == 3 and "%" not in word[3]:
        what = f"{word[3]} is the name of a format, not a format"
        remedy = "give the LogFormat line that defines it"
        raise FormatStringError(what, remedy, word.start(3) + 1)
    return name, *_unescaped(word[group], word.start(group))


def _unescaped(text: str, start: int) -> tuple[str, list[int]]:
    out, columns = [], []
    for found in re.finditer(r"\\(.)|.", text, re.DOTALL):
        sign = found[1] and _SIGNS.get(found[1])
        for index, character in enumerate(sign or found[0]):
            out.append(character)
            columns.append(start + found.start() + 1 + index)
    return "".join(out), columns


def _parts(text: str, columns: Sequence[int]) -> Iterator[Part]:
    position = 0
    for found in _ITEM.finditer(text):
        if found.start() > position:
            yield Text(text[position : found.start()], columns[position])
        position = found.end()
        column = columns[found.start()]
        if found[0] == "%%":
            yield Text("%", column)
        elif found["letter"] == "t" and not found["argument"]:
            yield from (Text("[", column), _item(found, column), Text("]", column))
        else:
            yield _item(found, column)
    if position < len(text):
        yield Text(text[position:], columns[position])


def _item(found: re.Match[str], column: int) -> Slot:
    directive, letter, argument = found[0], found["letter"], found["argument"]
    flags = (found["flags"] or "") + (found["more"] or "")
    sometimes = any(sign.isdigit() for sign in flags)
    if letter == "t":
        return _time(directive, argument, column)
    if letter == "r":
        odd = r"\x16\x03\x01"
        return request_slot(directive, column, odd, none=("-",), **_signs())
    field, kind, description = _meaning(directive, letter, argument, column)
    other = SECOND.get(letter, field)
    if letter == "s":
        other = "final_status" if ">" in flags else "original_status"
    none = ("-", "") if sometimes or kind.endswith("?") else ()  # a header may come empty
    more: dict[str, Any] = {"otherwise": other, "none": none, **_signs()}
    return _shaped(slot(directive, column, field, kind.rstrip("?"), description, **more), letter)


def _signs() -> dict[str, Any]:
    return {"never": '"\n', "backslash": True}


def _shaped(made: Slot, letter: str) -> Slot:
    """Return the slot with what is special about two letters: %q and %u."""
    (draft,) = made.fields
    if letter == "q":  # a question mark comes with the query, or neither
        pattern = f"(?:\\?(?<{draft.name}>(?:<solid>)?+))?+"
        usual = Example("?a=1&b=2", {draft.name: "a=1&b=2"})
        return replace(made, pattern=pattern, label=draft.name, examples=(usual, Example("")))
    if letter == "u":  # a name that is empty is written as two quotes
        draft = replace(draft, none=("-", '""'))
        return replace(made, fields=(draft,), pattern='""|<value>')
    return made


def _meaning(
    directive: str, letter: str, argument: str | None, column: int
) -> tuple[str, str, str]:
    """Return field, kind and description."""
    if argument is None and letter in LETTERS:
        return LETTERS[letter]
    if argument is not None and (letter, argument) in ARGUMENTS:
        return ARGUMENTS[letter, argument]
    if argument and letter in NAMED:
        return _named(letter, argument)
    if letter in NAMED:
        remedy = f"write %{{NAME}}{letter}"
        raise FormatStringError(f"{directive} names nothing", remedy, column)
    choice = [f"%{{{known}}}{letter}" for of, known in ARGUMENTS if of == letter]
    remedy = f"known: {', '.join(choice)}" if choice else "see Apache's mod_log_config; %% for a %"
    raise FormatStringError(f"unknown directive {directive}", remedy, column)


def _named(letter: str, argument: str) -> Meaning:
    prefix, description = NAMED[letter]
    known = {"i": HEADERS, "o": HEADERS_OUT, "x": SSL, "c": SSL}.get(letter, {})
    if (name := argument.lower()) in known:
        return known[name]
    return f"{prefix}{_snake(argument)}", "text?", description.format(argument)


def _snake(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _time(directive: str, argument: str | None, column: int) -> Slot:
    what = "request began"
    when, _, rest = (argument or "").partition(":")
    if when in ("begin", "end"):
        what = "request began" if when == "begin" else "request ended"
    else:
        when, rest = "time", argument or ""
    name = when if when == "time" else f"{when}_time"
    draft = FieldDraft(
        name=name, description=f"when the {what}", otherwise=f"{name}_2", max_length=64
    )
    return Slot(
        fields=(draft,),
        directive=directive,
        column=column,
        time=_format(directive, rest, column) if rest else _COMMON_TIME,
        filled=True,
    )


def _format(directive: str, text: str, column: int) -> str:
    """Return Apache's time format in our letters."""
    if text in _EPOCHS:
        return _EPOCHS[text]
    if text in FRACTIONS:
        return FRACTIONS[text]
    out = []
    for part in re.split(r"(%.?)", text):
        if not part.startswith("%"):
            out.append(part)
        elif part[1:] in STRFTIME:
            out.append(STRFTIME[part[1:]])
        else:
            known = " ".join(f"%{letter}" for letter in STRFTIME)
            what = f"the letter {part} of {directive} is not known"
            raise FormatStringError(what, f"known: {known}", column)
    return "".join(out)


def _timed(parts: Sequence[Part]) -> list[Part]:
    """Make one time of those that stand side by side, and plain fields of those without a day."""
    out: list[Part] = []
    for part in parts:
        out.append(part)
        while (merged := _merged(out)) is not None:
            out[-merged[0] :] = [merged[1]]
    return [without_day(part) if isinstance(part, Slot) else part for part in out]


def _merged(parts: Sequence[Part]) -> tuple[int, Slot] | None:
    """Return how many parts at the end are one time, and that time."""
    if len(parts) < 2 or not _is_clock(last := parts[-1]):
        return None
    between = parts[-2]
    text = between.text if isinstance(between, Text) and len(between.text) <= 3 else ""
    count = 3 if text else 2
    first = parts[-count] if len(parts) >= count else None
    if not (_is_clock(first) and isinstance(first, Slot) and isinstance(last, Slot)):
        return None
    letters = re.findall(r"%\d?(.)", first.time)
    if set(letters) & set(re.findall(r"%\d?(.)", last.time)):
        return None  # each is a time of its own
    whole = f"{first.time}{text}{last.time}"
    directive = f"{first.directive}{text}{last.directive}"
    return count, replace(first, time=whole, directive=directive)


def _is_clock(part: Part | None) -> bool:
    return isinstance(part, Slot) and bool(part.time) and not part.time.startswith("epoch_")


def _joined(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield *parts*, with ``%U%q`` as what they are together: the request target."""
    index = 0
    while index < len(parts):
        run = parts[index : index + 2]
        names = [part.directive if isinstance(part, Slot) else "" for part in run]
        if names == ["%U", "%q"] and isinstance(first := run[0], Slot):
            yield target(first, "path of the request, with its query")
            index += 2
        else:
            yield run[0]
            index += 1
