"""From a grammar file to a Grammar: read, validate, compile, check; all problems at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from shipper.errors import GrammarError, Problem
from shipper.formats import located_yaml
from shipper.formats.located_yaml import Located, LocatedYamlError
from shipper.grammar.checks import Fault, check_captures, check_spec
from shipper.grammar.derive import TABLES
from shipper.grammar.grammar import Grammar
from shipper.grammar.grok import Compiled, GrokError, compile_grok
from shipper.grammar.json_text import read_object
from shipper.grammar.keyed_reader import KeyedReader
from shipper.grammar.logfmt import read_pairs
from shipper.grammar.match_reader import MatchReader
from shipper.grammar.patterns import Definition, PatternBook
from shipper.grammar.shape import Shape
from shipper.grammar.spec import FieldSpec, GrammarSpec, Sample, TimeSpec
from shipper.grammar.suggest import did_you_mean

_READERS = {"json": read_object, "logfmt": read_pairs}


def load_grammar(file: Path, book: PatternBook) -> Grammar:
    """Load the grammar in *file*, with the patterns of *book*. Raises GrammarError."""
    try:
        located = located_yaml.load(file)
    except LocatedYamlError as error:
        raise GrammarError(error.problems) from error
    except OSError as error:
        what = f"can't be read: {error.strerror}"
        raise GrammarError([Problem(str(file), "", what, "check path and permissions")]) from error
    return _build(located, book)


def parse_grammar(text: str, name: str, book: PatternBook) -> Grammar:
    """Load the grammar in *text*; *name* stands for the file in messages. Raises GrammarError."""
    try:
        located = located_yaml.parse(text, name)
    except LocatedYamlError as error:
        raise GrammarError(error.problems) from error
    return _build(located, book)


def _build(located: Located, book: PatternBook) -> Grammar:
    spec = _validate(located)
    patterns, faults = _compile(spec, located, book)
    faults += check_spec(spec)
    if spec.match and len(patterns) == len(spec.match):
        faults += check_captures(spec, patterns)
    if faults:
        raise GrammarError([_problem(located, fault) for fault in faults])
    spec = _resolve(spec, patterns)
    shape = Shape(spec)
    reader = (
        KeyedReader(shape, _READERS[spec.parse]) if spec.parse else MatchReader(shape, patterns)
    )
    return Grammar(
        spec=spec,
        where=located.name,
        expressions=tuple(compiled.expression for compiled in patterns),
        always=_always(spec, patterns),
        atomic=MappingProxyType(dict(spec.atomic)),
        parse=reader.parse,
        explain=reader.explain,
    )


def _validate(located: Located) -> GrammarSpec:
    if not isinstance(located.data, dict):
        problem = Problem(located.where(()), "", "is no grammar", "write a mapping: name: …")
        raise GrammarError([problem])
    try:
        return GrammarSpec.model_validate(located.data)
    except ValidationError as error:
        faults = [_fault(dict(detail)) for detail in error.errors(include_url=False)]
        once = {fault.path: fault for fault in reversed(faults)}  # a union fails once a member
        raise GrammarError([_problem(located, once[path]) for path in reversed(once)]) from error


def _fault(detail: Mapping[str, Any]) -> Fault:
    """Turn one of pydantic's errors into our words."""
    path = tuple(part for part in detail["loc"] if part not in ("int", "float"))
    match detail["type"]:
        case "extra_forbidden":
            known = _keys(_model_at(path))
            return Fault(path, "unknown key", did_you_mean(str(path[-1]), known))
        case "missing":
            return Fault(path, "is missing", "add it")
        case "literal_error":
            return Fault(path, f"is {detail['input']!r}", f"use {detail['ctx']['expected']}")
        case _:
            return Fault(path, f"{detail['msg'][:1].lower()}{detail['msg'][1:]}")


def _model_at(path: Sequence[str | int]) -> type[BaseModel]:
    inner: dict[tuple[str | int, int], type[BaseModel]] = {
        ("fields", 3): FieldSpec,
        ("time", 2): TimeSpec,
        ("samples", 3): Sample,
    }
    return inner.get((path[0], len(path)), GrammarSpec)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _problem(located: Located, fault: Fault) -> Problem:
    key = ".".join(map(str, fault.path))
    return Problem(located.where(fault.path), key, fault.what, fault.remedy)


def _compile(
    spec: GrammarSpec, located: Located, book: PatternBook
) -> tuple[list[Compiled], list[Fault]]:
    own = {
        name: Definition(text, located.where(("patterns", name)))
        for name, text in spec.patterns.items()
    }
    compiled, faults = [], []
    for index, text in enumerate(spec.match or ()):
        try:
            compiled.append(compile_grok(text, book.plus(own)))
        except GrokError as error:
            faults.append(Fault(("match", index), error.what, error.remedy))
    return compiled, faults


def _resolve(spec: GrammarSpec, patterns: Sequence[Compiled]) -> GrammarSpec:
    """Fill in what the file left to defaults: types, what to do with extra keys."""
    written = {c.field: c.type for compiled in patterns for c in compiled.captures if c.type}
    fields = {name: _resolve_field(field, written.get(name)) for name, field in spec.fields.items()}
    extra = (spec.extra or "keep") if spec.parse else None
    return spec.model_copy(update={"fields": fields, "extra": extra})


def _resolve_field(field: FieldSpec, written: str | None) -> FieldSpec:
    if field.derive:
        (table,) = field.derive
        return field.model_copy(
            update={"type": "string", "values": tuple(dict.fromkeys(TABLES[table].values()))}
        )
    return field.model_copy(update={"type": field.type or written or "string"})


def _always(spec: GrammarSpec, patterns: Sequence[Compiled]) -> frozenset[str]:
    sets = [{c.field for c in compiled.captures if c.always} for compiled in patterns]
    given = set.intersection(*sets) if sets else set()
    return frozenset(
        name
        for name, field in spec.fields.items()
        if name in given and not field.none and field.on_error == "reject"
    )
