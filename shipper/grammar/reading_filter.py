"""The prefilter of a grammar, from how it reads records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from shipper.grammar.grammar import Grammar
from shipper.grammar.grok import Compiled, Patterns
from shipper.grammar.prefilter import ANY, Literals, Prefilter, either, of_expressions
from shipper.grammar.spec import FieldSpec, GrammarSpec

_BEGINS: Final = {"json": frozenset("{ \t\r\n"), "cef": frozenset("C"), "leef": frozenset("L")}
_OPENS: Final = {"cef": ("cef:",), "leef": ("leef:",)}
_KEYS: Final = {"json": '"{}"', "logfmt": "{}=", "kv": "{}{}"}
_UNESCAPED = re.compile(r"[A-Za-z0-9 _.:;,()=\[\]+*#@!?-]+")  # the same inside JSON


def prefilter(spec: GrammarSpec, patterns: Patterns, inner: Sequence[Grammar]) -> Prefilter:
    """Return what every text has that the grammar takes.

    A key of JSON is taken to be written without escapes, as every program does.
    """
    if spec.match:
        found = _of(patterns.match)
    elif spec.parse:
        found = _of_parse(spec, patterns.prefix)
    else:
        found = either([grammar.prefilter for grammar in inner])
    if spec.then and spec.then.field and spec.then.otherwise == "refuse" and inner:
        needs = either([grammar.prefilter for grammar in inner]).needs
        found = found.also(needs if spec.match else filter(_stays_in_json, needs))
    return either([found, _of(patterns.ignore)]) if patterns.ignore else found


def _of(patterns: Sequence[Compiled]) -> Prefilter:
    return of_expressions([compiled.expression for compiled in patterns])


def _of_parse(spec: GrammarSpec, prefix: Sequence[Compiled]) -> Prefilter:
    format_ = spec.parse or ""
    first = _BEGINS.get(format_, ANY)
    if prefix:
        first |= _of(prefix).first
    if format_ in _OPENS:
        return Prefilter(first, (_OPENS[format_],))
    if format_ == "w3c":  # a directive, or a row
        return Prefilter(first, (("#", spec.separator or " "),))
    if format_ == "csv":
        several = (spec.min_columns or len(spec.columns or ())) > 1
        return Prefilter(first, ((spec.separator or ",",),) if several else ())
    before = {capture.field for compiled in prefix for capture in compiled.captures}
    asked = {n: f for n, f in spec.fields.items() if f.required and n not in before}
    keys = [_keys(spec, name, field) for name, field in asked.items()]
    return Prefilter(first, tuple(each for each in keys if each))


def _keys(spec: GrammarSpec, name: str, field: FieldSpec) -> Literals:
    """Return how the keys of a required field are written, of which one has to be there."""
    form = _KEYS[spec.parse or ""]
    written = []
    for path in field.keys(name):
        named = [part for part in path.split(".") if not part.isdigit()] or [path]
        whole = path if spec.parse != "json" else named[-1]
        written.append(form.format(whole, spec.assign or "="))
        if spec.parse == "json" and whole != path:
            written.append(form.format(path))
    return tuple(dict.fromkeys(key.lower() for key in written if key.isascii()))


def _stays_in_json(literals: Literals) -> bool:
    return all(_UNESCAPED.fullmatch(literal) for literal in literals)
