"""Reads nginx's ``log_format`` directive.

Rule 1: strings are joined as nginx joins them: one after the other, with nothing between.
Rule 2: a variable without a value is ``-``; with ``escape=json`` or ``none`` it is nothing at all.
Rule 3: by default a quote, a backslash and what is not ASCII come as ``\\xHH``, so a value holds
        neither; with ``escape=json`` they have a backslash before them; with ``none`` they stand
        as they are.
Rule 4: a name that nginx does not know may be the user's own, made by `map` or `set`: it has to be
        named to us, for a slip of the pen looks the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

from shipper.grammar.format_strings.kinds import request_slot, slot, target
from shipper.grammar.format_strings.nginx_variables import PREFIXES, TIMES, VARIABLES
from shipper.grammar.format_strings.parts import (
    FieldDraft,
    FormatStringError,
    Layout,
    Part,
    Slot,
    Text,
)
from shipper.grammar.suggest import did_you_mean

_ATOMIC: Final = {"ip": "client_ip", "ua": "user_agent", "refr": "referrer"}
_ESCAPES: Final = ("default", "json", "none")
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>\#[^\n]*)|(?P<end>;)
    |"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s;"'][^\s;]*)""",
    re.VERBOSE | re.DOTALL,
)
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[^}]*)\}|(?P<plain>[A-Za-z0-9_]*))", re.ASCII)
_TARGET = re.compile(r"\$(?:document_)?uri\$is_args\$(?:args|query_string)")
_WRITTEN = {"t": "\t", "r": "\r", "n": "\n", '"': '"', "'": "'", "\\": "\\"}


class _Signs(NamedTuple):
    """The text of a format, and for each character the column where it was written."""

    text: str
    columns: tuple[int, ...]

    def column(self, index: int) -> int:
        return self.columns[index] if index < len(self.columns) else len(self.columns) + 1


def read_log_format(source: str, own: Collection[str] = ()) -> Layout:
    """Read ``log_format NAME [escape=…] STRING…;`` or the bare format. Raises FormatStringError.

    *own* are variables that the user's configuration makes.
    """
    name, escape, signs = _directive(source)
    parts = tuple(_joined(list(_parts(signs, escape, own)), escape))
    label = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return Layout(
        server="nginx",
        name=f"nginx_{label}" if label else "nginx_custom",
        title=f"nginx, log_format {name}" if name else "nginx, a format of your own",
        source=signs.text,
        parts=parts,
        atomic=_ATOMIC,
        # Otherwise a quote in a value is not escaped as JSON has it, and patterns read it better.
        keyed=escape == "json" and signs.text.strip().startswith("{"),
    )


def _directive(source: str) -> tuple[str, str, _Signs]:
    """Return the format's name, its way of escaping, and its text."""
    if not re.match(r"\s*log_format\s", source):
        start = len(source) - len(source.lstrip())
        text = source.strip()
        return "", "default", _Signs(text, tuple(range(start + 1, start + len(text) + 1)))
    words = list(_words(source))[1:]
    if not words:
        raise FormatStringError("log_format has no name", "write: log_format NAME 'STRING'", 1)
    name, rest = words[0].text, words[1:]
    escape = "default"
    if rest and rest[0].text.startswith("escape="):
        escape = rest[0].text.removeprefix("escape=")
        if escape not in _ESCAPES:
            remedy = did_you_mean(escape, _ESCAPES)
            raise FormatStringError(f"unknown escape={escape}", remedy, rest[0].columns[0])
        rest = rest[1:]
    if not any(word.text for word in rest):
        remedy = "put the format in quotes behind the name"
        raise FormatStringError(f"log_format {name} has no format", remedy, len(source))
    columns = tuple(column for word in rest for column in word.columns)
    return name, escape, _Signs("".join(word.text for word in rest), columns)


def _words(source: str) -> Iterator[_Signs]:
    """Cut a directive into words, as nginx reads its configuration."""
    position = 0
    while position < len(source):
        found = _TOKEN.match(source, position)
        if found is None:
            what = f"the quote {source[position]} is not closed"
            raise FormatStringError(what, "close it", position + 1)
        if found.lastgroup == "end":
            return
        if found.lastgroup in ("double", "single", "bare"):
            group = found.lastgroup
            yield _unescaped(found[group], found.start(group))
        position = found.end()


def _unescaped(text: str, start: int) -> _Signs:
    out, columns = [], []
    for found in re.finditer(r"\\(.)|.", text, re.DOTALL):
        sign = found[1] and _WRITTEN.get(found[1])
        for index, character in enumerate(sign or found[0]):
            out.append(character)
            columns.append(start + found.start() + 1 + index)
    return _Signs("".join(out), tuple(columns))


def _parts(signs: _Signs, escape: str, own: Collection[str]) -> Iterator[Part]:
    position = 0
    for found in _VARIABLE.finditer(signs.text):
        if found.start() > position:
            yield Text(signs.text[position : found.start()], signs.column(position))
        position = found.end()
        yield _variable(found, signs.column(found.start()), escape, own)
    if position < len(signs.text):
        yield Text(signs.text[position:], signs.column(position))


def _variable(found: re.Match[str], column: int, escape: str, own: Collection[str]) -> Slot:
    name = found["braced"] if found["braced"] is not None else found["plain"]
    if not name:
        remedy = "name a variable: nginx has no way to write a dollar sign"
        raise FormatStringError("a '$' without a name", remedy, column)
    directive = f"${name}"
    if name in TIMES:
        return _time(directive, name, column)
    more: dict[str, Any] = {"backslash": escape == "json", "never": _never(escape)}
    none = ("-", "") if escape == "default" else ("",)
    if name == "request":
        odd = r"\u0016\u0003\u0001" if escape == "json" else r"\x16\x03\x01"
        return request_slot(directive, column, odd, none=none, **more)
    field, kind, description = _meaning(name, own, column)
    absent = {"none": none} if kind.endswith("?") else {}
    return slot(
        directive, column, field, kind.rstrip("?"), description, otherwise=name, **absent, **more
    )


def _never(escape: str) -> str:
    return {"default": '"\n', "json": '"\n'}.get(escape, "\n")


def _time(directive: str, name: str, column: int) -> Slot:
    description = {"msec": "time of the log in seconds"}.get(name, "time of the log")
    draft = FieldDraft(name=name, description=description)
    return Slot(fields=(draft,), directive=directive, column=column, time=TIMES[name], filled=True)


def _meaning(name: str, own: Collection[str], column: int) -> tuple[str, str, str]:
    """Return field, kind and description of the variable *name*."""
    if name in VARIABLES:
        return VARIABLES[name]
    field = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "variable"
    if name in own:
        return field, "text?", f"variable ${name} of the configuration"
    for prefix, description in PREFIXES.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return field, "text?", description.format(name.removeprefix(prefix))
    near = did_you_mean(name, [*VARIABLES, *TIMES, "request"])
    ours = f"if map or set makes it: --variable {name}"
    raise FormatStringError(
        f"unknown variable ${name}", "; ".join(filter(None, [near, ours])), column
    )


def _joined(parts: Sequence[Part], escape: str) -> Iterator[Part]:
    """Yield *parts*, with ``$uri$is_args$args`` as what they are together: the request target."""
    index = 0
    while index < len(parts):
        run = parts[index : index + 3]
        names = "".join(part.directive if isinstance(part, Slot) else " " for part in run)
        if _TARGET.fullmatch(names) and isinstance(first := run[0], Slot):
            description = "request target after rewriting, with its query"
            yield target(first, description, dash=escape == "default")
            index += 3
        else:
            yield run[0]
            index += 1
