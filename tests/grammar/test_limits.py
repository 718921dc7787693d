"""Schemas hold what grammars emit, at the limits too: values go through the real converters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from shipper.grammar.conversion import text_converter, time_converter, value_converter
from shipper.grammar.grammar import Grammar
from shipper.grammar.iglu import iglu_schema
from shipper.grammar.iglu_lint import lint_schema
from shipper.grammar.loader import parse_grammar
from shipper.grammar.spec import DOUBLE, INT64, FieldSpec
from shipper.model import Dropped
from tests.grammar.shelf import NOW_US, SHIPPED, core, grammar, library
from tests.grammar.test_docs import BLOCKS

EVERY_TYPE = """
parse: json
extra: drop
fields:
  whole: {type: integer}
  small: {type: integer, minimum: -3, maximum: 300}
  cut: {type: integer, minimum: 0, maximum: 9, on_error: clamp}
  real: {type: number}
  share: {type: number, minimum: 0.25, maximum: 0.75, on_error: drop}
  truth: {type: boolean}
  text: {}
  short: {max_length: 3}
  cropped: {max_length: 3, on_long: truncate}
  one: {values: [a, b]}
  peer: {type: ip}
  key: {type: uuid}
  at: {type: timestamp, formats: [epoch_ms, iso8601]}
  took: {type: duration, unit: ms}
  level: {map: {30: info}, values: [info, warn]}
"""


@cache
def validator(name: str) -> Draft4Validator:
    it = grammar(EVERY_TYPE) if name == "it" else library().get(name)
    schema = iglu_schema(it)
    del schema["$schema"]
    return Draft4Validator(schema)


def check(it: Grammar, line: str) -> bool:
    """Parse *line*; what comes out has to be valid. Returns whether anything did."""
    parsed = it.parse(line, NOW_US)
    if parsed is not None and not isinstance(parsed, Dropped):
        validator(it.name).validate(orjson.loads(orjson.dumps(parsed.fields)))
    return parsed is not None


@pytest.mark.parametrize("name", SHIPPED)
def test_the_samples_are_valid(name: str) -> None:
    """Every line that a grammar shows as its own gives an event that its schema takes."""
    it = library().get(name)
    for sample in it.spec.samples:
        assert check(it, sample.line) == (sample.expect is not None), sample.line


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0])
def test_the_examples_of_the_page_are_valid(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grammars inside grammars, shaped ones, all formats: events and schemas agree."""
    monkeypatch.setenv("PEPPER", "pepper")
    it = parse_grammar(block, "page.yaml", core(), library())
    schema = iglu_schema(it)
    assert [str(fault) for fault in lint_schema(schema)] == []
    del schema["$schema"]
    of_schema = Draft4Validator(schema)
    for sample in it.spec.samples:
        parsed = it.parse(sample.line, NOW_US)
        if parsed is not None:
            of_schema.validate(orjson.loads(orjson.dumps(parsed.fields)))


def edges(spec: FieldSpec) -> Iterator[str]:
    """Yield texts at the limits of a field, just inside and just outside."""
    low, high = spec.limits()
    for edge in (low, high, *INT64, *DOUBLE):
        if math.isfinite(edge):
            whole = int(edge)
            yield from (str(whole), str(whole - 1), str(whole + 1), repr(float(edge)))
            yield repr(math.nextafter(edge, math.inf))
            yield repr(math.nextafter(edge, -math.inf))
    for size in (spec.longest() - 1, spec.longest(), spec.longest() + 1):
        yield from ("x" * size, "é" * size, "\U0001f600" * size)
    yield from (*(spec.values or ()), *spec.map, *spec.none)
    yield from ("", "0", "-0", "1e400", "-1", "9" * 50, "true", "off", "nan", "1.5s", "00:00:01")
    yield from (
        "192.0.2.1",
        "2001:db8::1",
        "fe80::1%" + "e" * 60,
        "0e0b5a7c-5a0f-4b57-9c1f-" + "0" * 12,
    )


@pytest.mark.parametrize("name", [*SHIPPED, "it"])
def test_values_at_the_limits_are_valid(name: str) -> None:
    """Whatever a converter lets through the schema takes: at each limit and on both sides of it."""
    it = grammar(EVERY_TYPE) if name == "it" else library().get(name)
    for field, spec in it.spec.fields.items():
        rule = validator(name).schema["properties"][field]  # type: ignore[index]  # a mapping
        of_property = Draft4Validator(rule)
        texts = list(edges(spec))
        values = [text_converter(spec)(text) for text in texts]
        values += [value_converter(spec)(orjson.loads(text)) for text in texts if is_json(text)]
        if spec.type == "timestamp":
            stamp = time_converter(spec)
            values = [stamp(time, NOW_US) for time in (*texts, "2026-11-23T06:55:44.123456Z")]
        for value in values:
            if value is not None and value != "":
                of_property.validate(orjson.loads(orjson.dumps(value)))


def is_json(text: str) -> bool:
    try:
        return orjson.loads(text) is not None
    except orjson.JSONDecodeError:
        return False


def spans(it: Grammar) -> list[tuple[str, int, int, FieldSpec]]:
    """Where the fields of the samples stand in their lines, as far as that can be seen."""
    return [
        (sample.line, start, start + len(str(value)), it.spec.fields[field])
        for sample in it.spec.samples
        for field, value in (sample.expect or {}).items()
        if field in it.spec.fields and str(value)
        for start in [sample.line.find(str(value))]
        if start >= 0
    ]


@pytest.mark.parametrize("name", SHIPPED)
@settings(max_examples=40)
@given(data=st.data())
def test_lines_with_a_value_at_its_limit_are_valid(name: str, data: st.DataObject) -> None:
    """A sample in which one field's text is another: through pattern, converter and schema."""
    it = library().get(name)
    places = spans(it)
    if not places:
        pytest.skip(f"{name} has no field whose value stands in a sample as it is")
    line, start, end, spec = data.draw(st.sampled_from(places))
    text = data.draw(st.sampled_from(list(edges(spec))) | st.text(max_size=8))
    check(it, line[:start] + text + line[end:])


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["info", 30, "::1", "1.5s", "a", 0.25, 0.75, "2026-11-23", 1_795_416_944_000]),
    st.lists(st.integers(), max_size=2),
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(grammar(EVERY_TYPE).spec.fields)), VALUES))
def test_json_of_every_type_is_valid(record: dict[str, Any]) -> None:
    """Any JSON value under any field of any type: an event that is valid, or none."""
    import json

    check(grammar(EVERY_TYPE), json.dumps(record))
