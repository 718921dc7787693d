"""Where in a line its fields stand, as the playground colours them."""

from __future__ import annotations

import pytest

from shipper.grammar.grammar import Grammar
from shipper.grammar.library import Library
from shipper.grammar.loader import parse_grammar
from shipper.grammar.spans import Span

LIBRARY = Library()
NOW_US = 1_795_000_000_000_000


def grammar(text: str) -> Grammar:
    return parse_grammar(text, "test", LIBRARY.book, LIBRARY)


def texts(of: Grammar, line: str) -> dict[str, str]:
    """Return what stands in *line* at the span of each field."""
    return {span.field: line[span.start : span.end] for span in of.spans(line, NOW_US)}


HEAD = "name: t\ntitle: t\nschema: iglu:com.example/t/jsonschema/1-0-0\n"


@pytest.mark.parametrize("name", LIBRARY.names())
def test_spans_of_a_shipped_grammar_hold_its_values(name: str) -> None:
    """Each span lies within the line; a text that is given as it was written is its span's."""
    of = LIBRARY.get(name)
    found = 0
    for sample in of.spec.samples:
        parsed = of.parse(sample.line, NOW_US)
        if parsed is None:
            continue
        for start, end, field in of.spans(sample.line, NOW_US):
            assert 0 <= start < end <= len(sample.line)
            found += parsed.fields.get(field) == sample.line[start:end]
    shows_texts = any(
        isinstance(value, str) and value in sample.line
        for sample in of.spec.samples
        for value in (sample.expect or {}).values()
    )
    assert found or not shows_texts


def test_a_pattern_knows_its_places() -> None:
    """The groups of the pattern that took the line; what is empty has none."""
    of = grammar(
        HEAD + "match: ['^(?<a>x*) (?<n>\\d+)$', '^(?<a>\\w+)=(?<b>.*)$']\n"
        "fields: {n: {type: integer, maximum: 9}, a: {}, b: {}}\n"
    )
    assert of.spans("xx 7", NOW_US) == [Span(0, 2, "a"), Span(3, 4, "n")]
    assert of.spans(" 7", NOW_US) == [Span(1, 2, "n")]
    assert of.spans("k=v", NOW_US) == [Span(0, 1, "a"), Span(2, 3, "b")]
    assert of.spans("xx 77", NOW_US) == []  # no value, so no match


def test_names_are_those_of_the_event() -> None:
    """A field that is renamed is shown under its new name."""
    of = grammar(HEAD + "match: ['^(?<a>\\w+)$']\nfields: {a: {}}\nrename: {a: word}\n")
    assert of.spans("hello", NOW_US) == [Span(0, 5, "word")]


def test_json_is_shown_by_its_keys() -> None:
    """Values stand behind their keys; what is written with escapes stands nowhere."""
    line = '{"msg": "level", "level": "warn", "n": 17, "in": {"deep": "x"}, "e": "a\\"b"}'
    assert texts(LIBRARY.get("json_lines"), line) == {
        "msg": "level",
        "level": "warn",
        "n": "17",
        "in.deep": "x",
    }


def test_a_grammar_within_another_shows_its_own_fields() -> None:
    """In the place of the text that was handed to it."""
    of = grammar(
        HEAD + "match: ['^(?<host>\\w+): (?<body>.*)$']\nfields: {host: {}, body: {}}\n"
        "then: {field: body, grammar: logfmt}\n"
    )
    line = 'web: level=warn msg="a b"'
    assert texts(of, line) == {"host": "web", "level": "warn", "msg": "a b"}
