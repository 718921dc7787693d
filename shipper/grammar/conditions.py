"""Conditions on the fields of a record: which records to leave out, which to sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from shipper.grammar.fault import Fault
from shipper.grammar.grok import compile_grok
from shipper.grammar.patterns import PatternBook
from shipper.grammar.reference import GrokError
from shipper.grammar.shaping_spec import Condition, CriterionSpec
from shipper.grammar.time_limit import in_time

Holds = Callable[[Mapping[str, Any]], bool]
_Test = Callable[[Any], bool]


def any_holds(conditions: Sequence[Condition], book: PatternBook, name: str) -> Holds:
    """Return the function that says whether one of *conditions* holds for the fields of a record.

    *name* is that of the grammar, for a match that takes too long.
    """
    compiled = [
        [(field, _test(test, book, name)) for field, test in condition.items()]
        for condition in conditions
    ]

    def holds(fields: Mapping[str, Any]) -> bool:
        for tests in compiled:
            for field, test in tests:
                if not test(fields.get(field)):
                    break
            else:
                return True
        return False

    return holds


def check_conditions(conditions: Sequence[Condition], book: PatternBook) -> Iterator[Fault]:
    """Yield what is wrong with *conditions*, by index and field."""
    for index, condition in enumerate(conditions):
        for field, test in condition.items():
            if not test.model_fields_set:
                yield Fault((index, field), "says nothing", "such as {values: [/health]}")
            if test.missing and len(test.model_fields_set) > 1:
                yield Fault((index, field), "is missing, and has a value", "write two conditions")
            try:
                compile_grok(test.matches or "", book)
            except GrokError as error:
                yield Fault((index, field, "matches"), error.what, error.remedy)


def _test(spec: CriterionSpec, book: PatternBook, name: str) -> _Test:
    """Return what tells of a value, None for a field that is not there, whether it is as asked."""
    if spec.missing is not None and spec.model_fields_set == {"missing"}:
        missing = spec.missing
        return lambda value: (value is None) is missing
    tests = list(_tests(spec, book, name))
    return lambda value: value is not None and all(test(value) for test in tests)


def _tests(spec: CriterionSpec, book: PatternBook, name: str) -> Iterator[_Test]:
    if spec.values is not None:
        values = frozenset((type(value) is bool, value) for value in spec.values)
        yield lambda value: _hashable(value) and (type(value) is bool, value) in values
    if spec.matches is not None:
        compiled = compile_grok(spec.matches, book)
        match = in_time(compiled.pattern.fullmatch, compiled.expression, name)
        yield lambda value: isinstance(value, str) and match(value) is not None
    if (above := spec.above) is not None:
        yield lambda value: _is_number(value) and value > above
    if (below := spec.below) is not None:
        yield lambda value: _is_number(value) and value < below


def _hashable(value: Any) -> bool:
    return not isinstance(value, list | dict)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
