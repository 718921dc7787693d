"""From a grammar file to a Grammar: read, validate, compile, check; all problems at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from shipper.errors import GrammarError, Problem
from shipper.formats import located_yaml
from shipper.formats.located_yaml import Located, LocatedYamlError
from shipper.grammar.build import NOTHING, Shelf, build, inner_grammars
from shipper.grammar.checks import check_atomic, check_captures, check_spec
from shipper.grammar.fault import Fault
from shipper.grammar.grammar import Grammar
from shipper.grammar.grok import Compiled, Patterns, compile_grok
from shipper.grammar.patterns import Definition, PatternBook
from shipper.grammar.prefix import OPENINGS
from shipper.grammar.reference import GrokError
from shipper.grammar.shaping import shaped_spec
from shipper.grammar.shaping_checks import check_shaping
from shipper.grammar.shaping_spec import (
    CriterionSpec,
    PageViewSpec,
    RedactSpec,
    SampleSpec,
    StructSpec,
)
from shipper.grammar.spec import FieldSpec, GrammarSpec, Sample, ThenSpec, TimeSpec
from shipper.grammar.suggest import did_you_mean


class _Loading(NamedTuple):
    """What a grammar is loaded with: see `load_grammar`."""

    book: PatternBook
    shelf: Shelf
    timezone: str = "UTC"
    proven: bool = False


_MEMBERS: Final = ("int", "float", "bool", "str")


def load_grammar(
    file: Path,
    book: PatternBook,
    shelf: Shelf = NOTHING,
    *,
    timezone: str = "UTC",
    proven: bool = False,
) -> Grammar:
    """Load the grammar in *file*, with the patterns of *book*. Raises GrammarError.

    Grammars that it names are those of *shelf*; *timezone* is that of times that name none, where
    the grammar names none either. The expressions of a *proven* one are known to be valid, and each
    is compiled when it is first needed.
    """
    try:
        located = located_yaml.load(file)
    except LocatedYamlError as error:
        raise GrammarError(error.problems) from error
    except OSError as error:
        what = f"can't be read: {error.strerror}"
        raise GrammarError([Problem(str(file), "", what, "check path and permissions")]) from error
    return _build(located, _Loading(book, shelf, timezone, proven))


def parse_grammar(text: str, name: str, book: PatternBook, shelf: Shelf = NOTHING) -> Grammar:
    """Load the grammar in *text*; *name* stands for the file in messages. Raises GrammarError."""
    try:
        located = located_yaml.parse(text, name)
    except LocatedYamlError as error:
        raise GrammarError(error.problems) from error
    return _build(located, _Loading(book, shelf))


def _build(located: Located, how: _Loading) -> Grammar:
    spec = _validate(located)
    patterns, faults = _compile_all(spec, located, how)
    faults += check_spec(spec)
    if spec.then is None:  # else it depends on the other grammars too
        faults += [*check_atomic(shaped_spec(spec)), *check_shaping(spec, how.book)]
    if spec.match and len(patterns.match) == len(spec.match):
        faults += check_captures(spec, patterns.match)
    inner, more = inner_grammars(spec, how.shelf)
    faults += more
    if not faults:
        grammar, faults = build(
            _in_zone(spec, how.timezone), patterns, inner, how.book, located.name
        )
        if grammar is not None:
            return grammar
    raise GrammarError([_problem(located, fault) for fault in faults])


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
    path: tuple[str | int, ...] = tuple(detail["loc"])
    if path and path[-1] in _MEMBERS and detail["type"].endswith(("_type", "_error")):
        path = path[:-1]  # of a union
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
        ("then", 2): ThenSpec,
        ("samples", 3): Sample,
        ("sample", 2): SampleSpec,
        ("sample", 5): CriterionSpec,
        ("drop_when", 4): CriterionSpec,
        ("redact", 3): RedactSpec,
        ("page_view", 2): PageViewSpec,
        ("struct", 2): StructSpec,
    }
    return inner.get((path[0], len(path)), GrammarSpec)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _problem(located: Located, fault: Fault) -> Problem:
    key = ".".join(map(str, fault.path))
    return Problem(located.where(fault.path), key, fault.what, fault.remedy)


def _in_zone(spec: GrammarSpec, timezone: str) -> GrammarSpec:
    """Return *spec* with *timezone* wherever a time has none."""
    more: dict[str, Any] = {
        "fields": {
            name: field.model_copy(update={"timezone": field.timezone or timezone})
            if field.type == "timestamp"
            else field
            for name, field in spec.fields.items()
        }
    }
    if spec.time:
        zone = spec.time.timezone or timezone
        more["time"] = spec.time.model_copy(update={"timezone": zone})
    return spec.model_copy(update=more)


def _compile_all(
    spec: GrammarSpec, located: Located, how: _Loading
) -> tuple[Patterns, list[Fault]]:
    own = {
        name: Definition(text, located.where(("patterns", name)))
        for name, text in spec.patterns.items()
    }
    full = how.book.plus(own)
    faults: list[Fault] = []
    opening = OPENINGS.get(spec.parse or "", "")

    def compiled(key: str, texts: Sequence[str]) -> Iterator[Compiled]:
        for index, text in enumerate(texts):
            try:
                yield compile_grok(text, full, proven=how.proven)
            except GrokError as error:
                faults.append(Fault((key, index), error.what, error.remedy))

    patterns = Patterns(
        match=tuple(compiled("match", spec.match or ())),
        prefix=tuple(compiled("prefix", [f"(?:{text}){opening}" for text in spec.prefix])),
        ignore=tuple(compiled("ignore", spec.ignore)),
    )
    return patterns, faults
