"""Reads a grok reference: ``%{NAME}``, ``%{NAME:field:type}``, ``%{NAME:field=definition}``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from shipper.grammar.suggest import did_you_mean

TYPES: Final = {
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
    "string": "string",
}

_REF = re.compile(
    r"%\{(?P<name>[\w-]+)(?::(?P<field>[^:{}=]+?))?(?::(?P<type>\w+))?\s*"
    r"(?:=(?P<definition>.*))?\}",
    re.ASCII | re.DOTALL,
)
_NESTED = re.compile(r"\[([^\[\]]+)\]")


class GrokError(ValueError):
    """A pattern can't be compiled. `what` says why, `remedy` what to do about it."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class Reference(NamedTuple):
    """What a reference says; what it leaves out is None."""

    name: str
    field: str | None
    type: str | None
    definition: str | None


def read_reference(text: str) -> Reference:
    """Return what the reference *text* says. Raises GrokError."""
    parts = _REF.fullmatch(text)
    if parts is None:
        raise GrokError(f"{text!r} is no grok reference", "write %{NAME}, %{NAME:field}")
    type_ = parts["type"]
    if type_ is not None and type_ not in TYPES:
        raise GrokError(f"unknown type {type_!r} in {text!r}", did_you_mean(type_, TYPES))
    return Reference(parts["name"], parts["field"], TYPES.get(type_ or ""), parts["definition"])


def field_name(text: str) -> str:
    """Turn Logstash's ``[a][b]`` into ``a.b``; other names stay."""
    inner = _NESTED.findall(text)
    name = ".".join(inner) if inner and re.fullmatch(r"(?:\[[^\[\]]+\])+", text) else text
    if not re.fullmatch(r"[A-Za-z_@][\w.@-]*", name, re.ASCII):
        raise GrokError(f"{text!r} is no field name", "use letters, digits, '_', '.', '-', '@'")
    return name
