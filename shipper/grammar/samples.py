"""Runs the samples of a grammar: its own test.

Rule 1: `expect` is everything that the line gives, fields and `time`; one field more or less, or
another type, and the sample fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shipper.grammar.grammar import Grammar
from shipper.grammar.spec import Sample
from shipper.grammar.time_limit import SlowMatchError
from shipper.grammar.times import TimeReader
from shipper.grammar.wording import iso_time
from shipper.model import Dropped, Parsed


@dataclass(frozen=True, slots=True)
class SampleResult:
    """How one sample went: its number, from 1, its line, and what differed, empty if nothing."""

    number: int
    line: str
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Say whether the line gave what was expected."""
        return not self.differences

    def __str__(self) -> str:
        verdict = "; ".join(self.differences) or "as expected"
        return f"sample {self.number}: {self.line[:200]!r}: {verdict}"


def run_samples(grammar: Grammar) -> list[SampleResult]:
    """Parse each sample of *grammar* and compare."""
    return [
        SampleResult(number, sample.line, tuple(_differences(grammar, sample)))
        for number, sample in enumerate(grammar.spec.samples, 1)
    ]


def as_expected(parsed: Parsed) -> dict[str, Any]:
    """Return *parsed* as a sample's `expect` writes it: the fields, and the time in UTC."""
    if parsed.time_us is None:
        return dict(parsed.fields)
    return {**parsed.fields, "time": iso_time(parsed.time_us)}


def _differences(grammar: Grammar, sample: Sample) -> Iterator[str]:
    now_us = TimeReader(["iso8601"]).read(sample.now, 0) or 0
    try:
        parsed = grammar.parse(sample.line, now_us)
    except SlowMatchError as slow:
        yield str(slow)
        return
    if parsed is None:
        if sample.expect is not None:
            mismatch = grammar.explain(sample.line, now_us)
            yield f"does not match: column {mismatch.column}, expected {mismatch.expected}"
    elif sample.filtered not in (None, isinstance(parsed, Dropped)):
        yield "gives an event" if sample.filtered else "gives no event: it is filtered"
    elif sample.expect is None:
        yield f"matches, but must be refused: {as_expected(parsed)}"
    else:
        yield from _compare(sample.expect, as_expected(parsed))


def _compare(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[str]:
    for name in [*expected, *(name for name in actual if name not in expected)]:
        if name not in actual:
            yield f"{name}: expected {expected[name]!r}, got no such field"
        elif name not in expected:
            yield f"{name}: not expected, got {actual[name]!r}"
        elif not _same(expected[name], actual[name]):
            yield f"{name}: expected {expected[name]!r}, got {actual[name]!r}"


def _same(expected: Any, actual: Any) -> bool:
    """Compare as JSON does: true is not 1, and 1 is not "1"; but 1 and 1.0 are one number."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            _same(value, actual[key]) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(_same, expected, actual))
    return isinstance(expected, bool) == isinstance(actual, bool) and bool(expected == actual)
