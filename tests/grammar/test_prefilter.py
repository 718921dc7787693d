"""Prefilters: quick, and never wrong about a text that a grammar takes."""

from __future__ import annotations

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shipper.grammar.grok import FLAGS
from shipper.grammar.prefilter import ANY, OTHER, Prefilter, either, of_expressions
from tests.grammar.shelf import NOW_US, SHIPPED, grammar, library


@pytest.mark.parametrize(
    ("expression", "first", "needs"),
    [
        ("abc", "a", ("abc",)),
        ("ABC", "A", ("abc",)),
        ("(?i:Abc)d", "aA\n", ("abc",)),
        ("a?bcd", "ab", ("bcd",)),
        ("ab?cd", "a", ("cd",)),
        ("ab{2}cde", "a", ("cde",)),
        (r"\[ab\] x", "[", ("[ab] x",)),
        ("(?:ab|cd)ef", "ac", ("ef",)),
        ("(?:abc|def)gh", "ad", ("abc", "def")),
        ("(?:ab|c)(?:efg|hij)", "ac", ("efg", "hij")),
        ("(?:ab)?+cd", "ac", ("cd",)),
        ("(?:ab)+", "a", ("ab",)),
        (r"\d+ sshd\[", "0123456789", (" sshd[",)),
        ("[ab]x(?=yz)", "ab", ()),
        ("(?!q)ab", "a", ("ab",)),
        (r"^ab\bcd$", "a", ("abcd",)),
        ("(?P<f0>ab)cd", "a", ("ab",)),
        ("ab|b", "ab", ()),
        ("sshd|in.sshd|sshd-x", "si", ("sshd",)),
        ("(?i:é)ab", None, ("ab",)),
        ("a(?-i:b)cd", "a", ("cd",)),
        ("(?i)ab", None, ()),
        ("x*", None, ()),
        ("é", "*", ()),
    ],
)
def test_what_is_known_of_an_expression(
    expression: str, first: str | None, needs: tuple[str, ...]
) -> None:
    """Its first characters (* is any beyond ASCII), and literals of which one has to be there."""
    found = of_expressions([expression])
    if first is not None:
        assert found.first == {OTHER if c == "*" else c for c in first}
    assert found.needs == ((needs,) if needs else ())


def test_either_needs_one_of_each() -> None:
    """What one of two wants is wanted only if the other wants something too."""
    one, two = Prefilter(frozenset("a"), (("ab",),)), Prefilter(frozenset("c"), (("cd",),))
    assert either([one, two]) == Prefilter(frozenset("ac"), (("ab", "cd"),))
    assert either([one, Prefilter()]) == Prefilter(ANY, ())


PIECES = st.sampled_from(
    ["ab", "A", ".", r"\d", r"\s", "[x-z]", "(?:ab|c)", "(?i:Ab)", "(?s:.)", "é", "(?=a)", "(?!b)"]
)
QUANTIFIERS = st.sampled_from(["", "", "?", "*", "+", "{0,2}", "{2}", "?+", "*?"])
SEQUENCES = st.lists(st.tuples(PIECES, QUANTIFIERS), max_size=5).map(
    lambda parts: "".join(f"(?:{piece}){quantifier}" for piece, quantifier in parts)
)
EXPRESSIONS = st.lists(SEQUENCES, min_size=1, max_size=3).map("|".join)


@settings(max_examples=300)
@example("(?:(?i:Ab))", "aB")
@given(EXPRESSIONS, st.text("abABcxyz 1é\n", max_size=8))
def test_a_filter_lets_everything_pass_that_matches(expression: str, text: str) -> None:
    """Whatever the expression is made of."""
    if regex.compile(expression, FLAGS).fullmatch(text):
        assert of_expressions([expression]).passes(text)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_samples_pass_the_filter(name: str) -> None:
    """Every line that a shipped grammar takes gets through, also in other case."""
    it = library().get(name)
    for sample in it.spec.samples:
        for text in (sample.line, sample.line.upper(), sample.line.lower()):
            if it.parse(text, NOW_US) is not None:
                assert it.prefilter.passes(text), text


@pytest.mark.parametrize(
    ("body", "text", "passes"),
    [
        ("parse: json\nfields: {a: {required: true}}", '{"a":1}', True),
        ("parse: json\nfields: {a: {required: true}}", '{"b":1}', False),
        ("parse: json\nfields: {a: {required: true, from: [b.c.0]}}", '{"b":{"c":[1]}}', True),
        ("parse: json\nfields: {a: {required: true, from: b.c}}", '{"b.c":1}', True),
        ("parse: json", " {}", True),
        ("parse: json", "x {}", False),
        ("parse: json\nprefix: ['x ']", "x {}", True),
        ("parse: json\nprefix: ['%{INT} ']", "x {}", False),
        ("parse: logfmt\nfields: {Key: {required: true}}", "Key=1", True),
        ("parse: logfmt\nfields: {Key: {required: true}}", "Lock=1", False),
        ("parse: kv\nassign: ': '\nfields: {k: {required: true}}", "k: 1", True),
        ("parse: cef", "CEF:0|a|b|c|d|e|5|", True),
        ("parse: leef", "CEF:0|a|b|c|d|e|5|", False),
        ("parse: csv\ncolumns: [a, b]", "1,2", True),
        ("parse: csv\ncolumns: [a, b]", "1;2", False),
        ("parse: csv\ncolumns: [a, b]\nmin_columns: 1", "1", True),
        ('parse: w3c\nseparator: "\\t"', "#Version: 1.0", True),
        ('parse: w3c\nseparator: "\\t"', "1 2", False),
        ("match: [ab]\nignore: [cd]", "cd", True),
        ("match: [ab]\nignore: [cd]", "ef", False),
        ("match: ['x (?<m>.*)']\nthen: {field: m, grammar: syslog_rfc3164}", "x y", True),
        ("match: ['x (?<m>.*)']\nthen: {field: m, grammar: nginx_access}", "x y", False),
        ("then: {grammar: nginx_access}", "x y", False),
    ],
)
def test_every_way_of_reading_has_its_filter(body: str, text: str, passes: bool) -> None:
    """Keys that are required, separators, openings, and what the inner grammars need."""
    it = grammar(body)
    assert it.prefilter.passes(text) is passes
    if not passes:
        assert it.parse(text, NOW_US) is None
