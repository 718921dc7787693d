"""Records read by patterns: what they give, and why they fail."""

from __future__ import annotations

import pytest

from shipper.grammar.grammar import first_match, furthest
from shipper.model import Mismatch
from tests.grammar.shelf import NOW_US, grammar

REQUEST = r"""
match: ['%{WORD:verb} \[%{INT:size}\] (?<at>\S+)(?: %{GREEDYDATA:note})?']
fields:
  verb: {values: [get, put]}
  size: {type: integer, minimum: 0, maximum: 99, none: ['-1', '-2']}
  note: {max_length: 5, none: '-'}
time: {field: at, formats: [iso8601]}
"""
AT = "2026-11-23T06:55:44Z"


def fields(body: str, text: str) -> dict[str, object] | None:
    parsed = grammar(body).parse(text, NOW_US)
    return None if parsed is None else parsed.fields


def mismatch(body: str, text: str) -> tuple[int, str, str, str]:
    it = grammar(body)
    assert it.parse(text, NOW_US) is None
    found = it.explain(text, NOW_US)
    assert found.grammar == "it"
    return found.column, found.expected, found.reason, found.field


def test_a_record() -> None:
    """Typed fields, the time apart and consumed, nothing else."""
    parsed = grammar(REQUEST).parse(f"get [7] {AT} hello", NOW_US)
    assert parsed == ("it", {"verb": "get", "size": 7, "note": "hello"}, NOW_US)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"get [-1] {AT} -", {"verb": "get"}),
        (f"get [-2] {AT} ", {"verb": "get"}),
        (f"get [7] {AT}", {"verb": "get", "size": 7}),
    ],
)
def test_no_value_gives_no_field(text: str, expected: dict[str, object]) -> None:
    """A `none` text, an empty text and a part that is missing leave the field out."""
    assert fields(REQUEST, text) == expected


@pytest.mark.parametrize(
    ("text", "column", "expected", "reason", "field"),
    [
        (f"get [7] {AT} hello!", 30, "at most 5 characters", "bad_value", "note"),
        (f"get [100] {AT}", 6, "integer 0..99", "bad_value", "size"),
        (f"del [7] {AT}", 1, "one of get, put", "bad_value", "verb"),
        ("get [7] soon", 9, "a time like iso8601", "bad_time", "at"),
        ("get [x] now", 6, "%{INT:size}", "no_match", ""),
        ("get 7", 5, r"\[", "no_match", ""),
        ("get [7", 7, r"\]", "no_match", ""),
        ("get [7] ", 9, r"(?<at>\S+)", "no_match", ""),
        ("!", 1, "%{WORD:verb}", "no_match", ""),
        ("", 1, "%{WORD:verb}", "no_match", ""),
        ("get", 4, "' '", "no_match", ""),
        (f"get [7] {AT}\nx", 29, "end of line", "no_match", ""),
    ],
)
def test_why_not(text: str, column: int, expected: str, reason: str, field: str) -> None:
    """The column up to which the text was understood, and what should have come next."""
    assert mismatch(REQUEST, text) == (column, expected, reason, field)


def test_a_field_may_be_dropped_instead_of_the_record() -> None:
    """`on_error: drop` loses the value, not the record."""
    body = "match: ['%{WORD:w} %{WORD:n}']\nfields: {w: {}, n: {type: integer, on_error: drop}}"
    assert fields(body, "a 5") == {"w": "a", "n": 5}
    assert fields(body, "a five") == {"w": "a"}


def test_long_strings() -> None:
    """Free text is cut at 4,096 characters; a written `max_length` is a limit, or cuts."""
    body = """
    match: ['%{NOTSPACE:a} %{NOTSPACE:b} %{NOTSPACE:c}']
    fields: {a: {}, b: {max_length: 300}, c: {max_length: 300, on_long: truncate}}
    """
    long, cut = "é" * 5000, "é" * 300
    assert fields(body, f"{long} {cut} {long}") == {"a": "é" * 4096, "b": cut, "c": cut}
    assert fields(body, f"a {'é' * 301} c") is None


def test_patterns_are_tried_in_order() -> None:
    """The first whose text and values fit is taken; of mismatches the furthest is told."""
    body = """
    match: ['%{INT:n} x', '%{WORD:w} %{WORD:v} end']
    fields: {n: {type: integer, maximum: 9}, w: {}, v: {}}
    """
    assert fields(body, "7 x") == {"n": 7}
    assert fields(body, "10 x end") == {"w": "10", "v": "x"}
    assert mismatch(body, "a b e")[:2] == (4, "' end'")
    assert mismatch(body, "10 x")[:3] == (1, "integer -9223372036854775808..9", "bad_value")


def test_alternatives_at_the_top() -> None:
    """A pattern that is an alternation is explained by the branch that got furthest."""
    body = "match: ['a b c|%{INT:n} x y|z']\nfields: {n: {}}"
    assert mismatch(body, "a b d")[:2] == (1, "a b c")
    assert mismatch(body, "5 x z")[:2] == (2, "' x y'")


def test_two_fields_of_time() -> None:
    """Patterns may name the time differently; an optional time may be missing but not be wrong."""
    body = """
    match: ['a (?<one>\\S+)', 'b (?<two>\\S+)', c]
    time: {field: [one, two], formats: [iso8601], optional: true}
    """
    it = grammar(body)
    assert it.parse(f"a {AT}", 0) == it.parse(f"b {AT}", 0) == ("it", {}, NOW_US)
    assert it.parse("c", 0) == ("it", {}, None)
    assert mismatch(body, "b soon") == (3, "a time like iso8601", "bad_time", "two")


def test_a_required_time_that_is_empty() -> None:
    """A time field that matched nothing is a missing time."""
    body = "match: ['a(?<at>\\S*)']\ntime: {field: at, formats: [iso8601]}"
    assert mismatch(body, "a")[2:] == ("bad_time", "at")


def test_derived_fields() -> None:
    """A field can follow from another by a table."""
    body = """
    match: ['(?:<%{INT:pri}>)?x']
    fields:
      pri: {type: integer, minimum: 0, maximum: 191}
      facility: {derive: {syslog_facility: pri}}
      severity: {derive: {syslog_severity: pri}}
    """
    assert fields(body, "<191>x") == {"pri": 191, "facility": "local7", "severity": "debug"}
    assert fields(body, "<0>x") == {"pri": 0, "facility": "kern", "severity": "emerg"}
    assert fields(body, "x") == {}


def test_of_several_grammars() -> None:
    """The first that takes the text; or the mismatch of the one that got furthest."""
    near = grammar("match: ['%{WORD:a} %{INT:b} end']\nfields: {a: {}, b: {}}")
    far = grammar("match: ['%{INT:a}']\nfields: {a: {type: integer, maximum: 5}}")
    parsed = first_match([near, far], "5", 0)
    assert parsed is not None
    assert parsed.fields == {"a": 5}
    assert first_match([near, far], "x", 0) is None
    assert furthest([far, near], "x y", 0) == Mismatch("it", 3, "%{INT:b}")
    assert furthest([near, far], "6", 0).reason == "bad_value"
