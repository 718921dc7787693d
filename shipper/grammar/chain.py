"""Grammars inside grammars: what `then` makes of a field, or of the whole record.

Rule 1: the record has the name and the schema of the outer grammar, and the fields of both. Where
both give a field, the inner one's counts: it is nearer to what happened. The same for the time; the
outer one's can become a field of its own.
Rule 2: the schema has the fields of the outer grammar and of all inner ones, as wide as each of
them asks. Fields that can't be one column, such as a number here and a truth value there, are
refused when the grammar is loaded.
Rule 3: a key that a grammar keeps without listing it, but that another of the chain lists, is typed
as that one says, or left out. So rule 1 of the schemas holds here too.
Rule 4: the inner grammars are tried in order, each on the whole text. If none takes it the record
is refused, unless `otherwise: keep` lets it pass without them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from shipper.grammar.conversion import Convert, text_converter, value_converter
from shipper.grammar.grammar import Grammar, furthest
from shipper.grammar.search import search, steps_by_first
from shipper.grammar.spans import Span, moved
from shipper.grammar.spec import FieldSpec, GrammarSpec, ThenSpec
from shipper.grammar.wording import iso_time
from shipper.model import Dropped, Mismatch, Parsed


class Reader(Protocol):
    """Reads records by one grammar, without what `then` adds."""

    def parse(self, text: str, now_us: int) -> Parsed | None:
        """Return what *text* says, or None if it is no such record."""

    def explain(self, text: str, now_us: int) -> Mismatch:
        """Return why *text* is refused."""

    def start_of(self, text: str, field: str) -> int:
        """Return the offset in *text* at which *field* begins, 0 if unknown."""

    def spans(self, text: str, now_us: int) -> list[Span]:
        """Return where the fields of *text* stand."""


class WholeReader:
    """Reads any record as nothing but its text: the outer grammar of a `then` without field."""

    def __init__(self, name: str, field: str) -> None:
        self._name = name
        self._field = field

    def parse(self, text: str, now_us: int) -> Parsed | None:
        """Return the text as a field."""
        return Parsed(self._name, {self._field: text}, None)

    def explain(self, text: str, now_us: int) -> Mismatch:
        """Never asked: every text is read."""
        return Mismatch(self._name, len(text) + 1, "end of line")

    def start_of(self, text: str, field: str) -> int:
        """Return 0: the field is the text."""
        return 0

    def spans(self, text: str, now_us: int) -> list[Span]:
        """Return the whole *text*."""
        return [Span(0, len(text), self._field)]


class _Plan(NamedTuple):
    """What the hot path needs: see `Chain`."""

    field: str
    keep: bool
    outer_time: str | None
    own: Convert | None
    loose: bool


class Chain:
    """Reads records by an outer reader and, of one of its fields, by inner grammars."""

    def __init__(
        self, spec: GrammarSpec, outer: Reader, inner: Sequence[Grammar], field: str
    ) -> None:
        """*spec* is the outer grammar's own, before the fields of *inner* are added to it."""
        then: ThenSpec = spec.then  # type: ignore[assignment]  # who calls has seen it
        described = spec.fields.get(field)
        self._name = spec.name
        self._outer = outer
        self._inner = tuple(inner)
        self._steps = steps_by_first(inner)
        self._parsers = {grammar.name: grammar.parse for grammar in inner}
        self._droppable = described is not None and described.on_error == "drop"
        self._plan = _Plan(
            field,
            then.otherwise == "keep",
            then.outer_time,
            text_converter(described) if described else None,
            spec.extra == "keep" or any(grammar.spec.extra == "keep" for grammar in inner),
        )
        self._listed = {
            spec.name: frozenset(spec.fields),
            **{grammar.name: frozenset(grammar.spec.fields) for grammar in inner},
        }
        self._typed = _converters(merged_fields(spec.fields, inner))

    def parse(self, text: str, now_us: int) -> Parsed | None:
        """Return what *text* says, or None if the outer or every inner grammar refuses it."""
        outer = self._outer.parse(text, now_us)
        if outer is None or isinstance(outer, Dropped):
            return outer
        inner = self._read_inner(outer.fields, now_us)
        if inner is None and not self._plan.keep:
            return None
        if not self._restore(outer.fields):
            return None
        return outer if inner is None else self._merge(outer, inner)

    def explain(self, text: str, now_us: int) -> Mismatch:
        """Return why *text* is refused: by the outer grammar, or by the inner that got furthest."""
        outer = self._outer.parse(text, now_us)
        if outer is None:
            return self._outer.explain(text, now_us)
        field = self._plan.field
        body = _text_of(outer.fields.get(field))
        start = self._outer.start_of(text, field)
        if body is None:
            return Mismatch(self._name, start + 1, f"the field {field}")
        if self._first(body, now_us) is not None:  # so its own limits refuse it
            return Mismatch(self._name, start + 1, "a shorter text", "bad_value", field)
        near = [grammar for grammar in self._inner if grammar.prefilter.passes(body)]
        miss = furthest(near or self._inner[:1], body, now_us)
        column = min(start + miss.column, len(text) + 1)
        return Mismatch(self._name, column, miss.expected, miss.reason, miss.field)

    def start_of(self, text: str, field: str) -> int:
        """Return the offset in *text* at which *field* begins, 0 if unknown."""
        return self._outer.start_of(text, field)

    def spans(self, text: str, now_us: int) -> list[Span]:
        """Return where the fields of *text* stand: the inner grammar's in place of its text."""
        spans, field = self._outer.spans(text, now_us), self._plan.field
        outer = self._outer.parse(text, now_us)
        body = _text_of(outer.fields.get(field)) if outer is not None else None
        start = next((span.start for span in spans if span.field == field), None)
        if body is None or start is None or not text.startswith(body, start):
            return spans
        parses = ((grammar, grammar.parse(body, now_us)) for grammar in self._inner)
        taker = next((grammar for grammar, parsed in parses if parsed is not None), None)
        if taker is None:
            return spans
        inner = moved(taker.spans(body, now_us), start)
        return [span for span in spans if span.field != field] + inner

    def _read_inner(self, fields: Mapping[str, Any], now_us: int) -> Parsed | None:
        body = _text_of(fields.get(self._plan.field))
        return None if body is None else self._first(body, now_us)

    def _first(self, body: str, now_us: int) -> Parsed | None:
        """Return what the first inner grammar that takes *body* makes of it."""
        if len(self._inner) == 1:
            return self._inner[0].parse(body, now_us)
        return search(self._steps, body, now_us, self._parsers)

    def _restore(self, fields: dict[str, Any]) -> bool:
        """Type the field that the inner grammars have read, or take it out; False if it is bad."""
        field, _, _, own, _ = self._plan
        value = fields.get(field)
        if value is None:
            return True
        typed = own(_text_of(value) or "") if own else None
        if typed is not None and typed != "":
            fields[field] = typed
            return True
        del fields[field]
        return own is None or typed == "" or self._droppable

    def _merge(self, outer: Parsed, inner: Parsed) -> Parsed:
        outer_fields, inner_fields = outer.fields, inner.fields
        if self._plan.loose:
            outer_fields = self._settled(outer_fields, self._name)
            inner_fields = self._settled(inner_fields, inner.grammar)
        fields = {**outer_fields, **inner_fields}
        time_us = outer.time_us if inner.time_us is None else inner.time_us
        name = self._plan.outer_time
        if name and outer.time_us is not None and inner.time_us is not None:
            fields[name] = iso_time(outer.time_us)
        return (Dropped if isinstance(inner, Dropped) else Parsed)(self._name, fields, time_us)

    def _settled(self, fields: dict[str, Any], grammar: str) -> dict[str, Any]:
        """Type what *grammar* gave without listing it, where another one lists it (rule 3)."""
        listed = self._listed[grammar]
        settled = {}
        for name, value in fields.items():
            foreign = name in self._typed and name not in listed
            kept = self._typed[name](value) if foreign else value
            if kept is not None:
                settled[name] = kept
        return settled


def merged_fields(outer: Mapping[str, FieldSpec], inner: Sequence[Grammar]) -> dict[str, FieldSpec]:
    """Return the fields of all, each as wide as any of them asks. Raises ClashError."""
    merged = dict(outer)
    for grammar in inner:
        for name, field in grammar.spec.fields.items():
            known = merged.get(name)
            both = field if known is None else union(known, field)
            if both is None:
                raise ClashError(name, grammar.name)
            merged[name] = both
    return merged


class ClashError(ValueError):
    """The field `field` of the inner grammar `grammar` can't be one column with the others'."""

    def __init__(self, field: str, grammar: str) -> None:
        super().__init__(f"{field} of {grammar}")
        self.field = field
        self.grammar = grammar


_NUMERIC = ("integer", "number", "duration")


def union(one: FieldSpec, two: FieldSpec) -> FieldSpec | None:
    """Return a field that takes what either of two takes, or None if there is none."""
    if one.type in _NUMERIC and two.type in _NUMERIC:
        (low, high), (other_low, other_high) = one.limits(), two.limits()
        type_ = "integer" if one.type == two.type == "integer" else "number"
        limits = {"minimum": min(low, other_low), "maximum": max(high, other_high)}
        return one.model_copy(update={"type": type_, "unit": None, **limits})
    if one.type == two.type == "boolean":
        return one
    if "boolean" in (one.type, two.type) or one.type in _NUMERIC or two.type in _NUMERIC:
        return None
    if one.values is not None and two.values is not None:
        values = tuple(dict.fromkeys((*one.values, *two.values)))
        return one.model_copy(update={"type": "string", "values": values, "derive": None})
    if one.type == two.type and one.type in ("ip", "uuid", "timestamp"):
        return one
    longest = max(_longest(one), _longest(two))
    text = {"type": "string", "values": None, "derive": None, "max_length": longest}
    return one.model_copy(update=text)


def _longest(field: FieldSpec) -> int:
    return field.longest() if field.values is None else max(map(len, field.values))


def _converters(fields: Mapping[str, FieldSpec]) -> dict[str, Callable[[Any], Any]]:
    """Return how to type each field; a time needs more than its value, and is left out."""
    return {
        name: (lambda _value: None) if field.type == "timestamp" else value_converter(field)
        for name, field in fields.items()
    }


def _text_of(value: Any) -> str | None:
    """Return *value* as an inner grammar reads it: without a line end, and JSON as its text."""
    if isinstance(value, str):
        return value.removesuffix("\n").removesuffix("\r") or None
    return None if value is None else orjson.dumps(value).decode()
