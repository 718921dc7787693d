"""Gives events their shape: renames, constants, redactions, what to leave out.

Rule 1: the order is fixed: the grammar and its inner ones have read the record; then fields are
renamed, constants added, `drop_when` looks at them, values are redacted, fields are dropped.
Rule 2: the schema is shaped with the fields, so it holds for what comes out.
Rule 3: what is left out of an event is left out of Snowplow's own columns too, and so is a value
that was redacted. Dead letters keep the record as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shipper.grammar.conditions import any_holds
from shipper.grammar.grammar import Grammar, Parse, Sampling
from shipper.grammar.patterns import PatternBook
from shipper.grammar.redaction import redacted_field, redactor
from shipper.grammar.spec import FieldSpec, GrammarSpec
from shipper.model import Dropped, Parsed


def shapes(spec: GrammarSpec) -> bool:
    """Say whether *spec* asks for anything beyond what its record gives."""
    return bool(spec.rename or spec.constant or spec.drop or spec.drop_when or spec.redact)


def is_loose(spec: GrammarSpec) -> bool:
    """Say whether records may have fields that *spec* does not list."""
    return spec.extra == "keep" or (spec.extra is None and spec.parse is not None)


def shaped_parse(spec: GrammarSpec, book: PatternBook, parse: Parse) -> Parse:
    """Return *parse* with what *spec*, before it is shaped itself, asks for. Raises SecretError."""
    renamed = tuple(spec.rename.items())
    constants = dict(spec.constant)
    leave_out = any_holds(spec.drop_when, book, spec.name) if spec.drop_when else None
    fields = renamed_fields(spec)
    redacted = [
        (name, redactor(how, fields.get(name, FieldSpec()).longest(), book, spec.name))
        for name, how in spec.redact.items()
    ]
    dropped = spec.drop

    def shape(parsed: Parsed) -> Parsed:
        values = parsed.fields
        if renamed:
            _rename(values, renamed)
        values.update(constants)
        gone = leave_out is not None and leave_out(values)
        for name, redact in redacted:
            if (value := values.get(name)) is not None:
                hidden = redact(value)
                if hidden is None:
                    del values[name]
                else:
                    values[name] = hidden
        for name in dropped:
            values.pop(name, None)
        return Dropped(*parsed) if gone else parsed

    def parse_shaped(text: str, now_us: int) -> Parsed | None:
        parsed = parse(text, now_us)
        return parsed if parsed is None or not parsed.fields else shape(parsed)

    return parse_shaped


def _rename(values: dict[str, Any], renamed: Sequence[tuple[str, str]]) -> None:
    """Rename fields, all at once; a key that is no field but has a new name gives way to it."""
    moved = [(new, values.pop(old, None)) for old, new in renamed]
    for new, value in moved:
        if value is None:
            values.pop(new, None)
        else:
            values[new] = value


def sampling(spec: GrammarSpec, book: PatternBook) -> Sampling | None:
    """Return which events of *spec*, after it was shaped, are only sampled."""
    if spec.sample is None:
        return None
    when = spec.sample.when
    return Sampling(spec.sample.share, any_holds(when, book, spec.name) if when else None)


def shaped_spec(spec: GrammarSpec) -> GrammarSpec:
    """Return *spec* with the fields that its events have."""
    fields = renamed_fields(spec)
    fields |= {name: _constant_field(value) for name, value in spec.constant.items()}
    for name, how in spec.redact.items():
        if name in fields:
            fields[name] = redacted_field(fields[name], how)
    for name in spec.drop:
        fields.pop(name, None)
    return spec.model_copy(update={"fields": fields})


def shaped_always(spec: GrammarSpec, always: frozenset[str]) -> frozenset[str]:
    """Return the fields that every event has, if *always* are those that every record has."""
    sure = {spec.rename.get(name, name) for name in always} | set(spec.constant)
    perhaps = {name for name, how in spec.redact.items() if how.hash is None}
    return frozenset(sure - perhaps - set(spec.drop))


def inherited_atomic(spec: GrammarSpec, inner: Sequence[Grammar]) -> Mapping[str, str]:
    """Return the columns of Snowplow's own that *inner* grammars fill, by fields that are left."""
    atomic: dict[str, str] = {}
    for grammar in reversed(inner):
        atomic.update(grammar.atomic)
    named = {key: spec.rename.get(field, field) for key, field in atomic.items()}
    return {key: field for key, field in named.items() if field not in spec.drop}


def renamed_fields(spec: GrammarSpec) -> dict[str, FieldSpec]:
    """Return the fields of *spec* under their new names."""
    return {spec.rename.get(name, name): field for name, field in spec.fields.items()}


def _constant_field(value: Any) -> FieldSpec:
    said = {"description": f"always {value}"}
    match value:
        case bool():
            return FieldSpec.model_validate({"type": "boolean", **said})
        case int() | float():
            type_ = "integer" if isinstance(value, int) else "number"
            limits = {"minimum": value, "maximum": value}
            return FieldSpec.model_validate({"type": type_, **limits, **said})
        case _:
            return FieldSpec.model_validate({"type": "string", "values": [value], **said})
