"""Records that name their own fields: JSON and logfmt."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.grammar.json_text import read_object
from shipper.grammar.logfmt import read_pairs
from shipper.grammar.records import RecordError
from tests.grammar.shelf import NOW_US, grammar

TYPED = """
fields: {n: {type: integer, minimum: 0}, s: {none: '-'}, d: {type: ip, on_error: drop}}
time: {field: [at, ts], formats: [iso8601, epoch_s], optional: true}
"""


def fields(body: str, text: str) -> tuple[dict[str, Any], int | None] | None:
    parsed = grammar(body).parse(text, NOW_US)
    return None if parsed is None else parsed[1:]


def test_extra_keys_are_kept_or_dropped() -> None:
    """`extra` decides about keys that `fields` does not list; keeping is the default."""
    text = '{"n":1,"x":{"y":[1,null]},"e":"","z":null,"f":false}'
    kept = {"n": 1, "x": {"y": [1, None]}, "f": False}
    assert fields(f"parse: json{TYPED}", text) == (kept, None)
    assert fields(f"parse: json\nextra: keep{TYPED}", text) == (kept, None)
    assert fields(f"parse: json\nextra: drop{TYPED}", text) == ({"n": 1}, None)


def test_listed_keys_are_typed() -> None:
    """Types, `none` and `on_error` hold for JSON values and for texts of logfmt alike."""
    json, logfmt = f"parse: json{TYPED}", f"parse: logfmt{TYPED}"
    assert fields(json, '{"n":"7","s":3,"d":"x"}') == ({"n": 7, "s": "3"}, None)
    assert fields(json, '{"s":"-","d":"192.0.2.1"}') == ({"d": "192.0.2.1"}, None)
    assert fields(logfmt, "n=7 s=3 d=x") == ({"n": 7, "s": "3"}, None)
    assert fields(json, '{"n":-1}') is fields(logfmt, "n=x") is None


def test_the_first_key_that_is_a_time_is_the_time() -> None:
    """A value that is none stays a field where the time is optional, else it is a mismatch."""
    body = f"parse: json{TYPED}"
    assert fields(body, '{"at":"12ms","ts":1795416944}') == ({"at": "12ms"}, NOW_US)
    assert fields(body, '{"at":"2026-11-23T06:55:44Z","ts":1}') == ({"ts": 1}, NOW_US)
    strict = "parse: json\ntime: {field: at, formats: [iso8601]}"
    assert fields(strict, "{}") is None
    found = grammar(strict).explain('{"a":1,"at":"soon"}', 0)
    assert (found.column, found.reason, found.field) == (13, "bad_time", "at")


def test_the_time_may_stay_a_field() -> None:
    """With `keep` the digits that were written are there as well, and `fields` may type them."""
    it = grammar("""
    parse: logfmt
    time: {field: [time, t], formats: [epoch_s, iso8601], optional: true, keep: true}
    fields: {t: {type: number}}
    """)
    parsed = it.parse("t=1795416944.123456789 msg=x time=soon", 0)
    assert parsed is not None
    assert parsed.time_us == 1_795_416_944_123_456
    assert parsed.fields == {"t": 1795416944.123456789, "msg": "x", "time": "soon"}


@pytest.mark.parametrize(
    ("text", "column", "expected", "reason"),
    [
        ("", 1, "a value", "no_match"),
        ("[1]", 1, "a JSON object", "no_match"),
        ('{"a":1', 7, "',' or a closing bracket", "no_match"),
        ('{"a" 1}', 6, "':'", "no_match"),
        ("{'a':1}", 2, "a key in double quotes", "no_match"),
        ('{"a":nan}', 6, "a value", "no_match"),
        ('{"a":"x}', 6, "a closing '\"'", "no_match"),
        ('{"é":1} x', 9, "end of line", "no_match"),
        ('{"s":1,"n": -5}', 13, "integer 0..9223372036854775807", "bad_value"),
    ],
)
def test_why_json_is_refused(text: str, column: int, expected: str, reason: str) -> None:
    """The column in characters, and what should have stood there."""
    found = grammar(f"parse: json{TYPED}").explain(text, 0)
    assert (found.column, found.expected, found.reason) == (column, expected, reason)


@pytest.mark.parametrize(
    ("text", "column", "expected", "reason"),
    [
        ("", 1, "key=value", "no_match"),
        ("some words", 1, "key=value", "no_match"),
        ("the answer is x=42 they say", 1, "key=value", "no_match"),
        ('a=1 b="x', 9, "a closing '\"'", "no_match"),
        ('a=1 b="x"y', 10, "a blank after the closing quote", "no_match"),
        ("a=1 =2", 5, "key=", "no_match"),
        ('a=1 b"c', 6, "a blank or '='", "no_match"),
        ("a=1 n=x", 7, "integer 0..9223372036854775807", "bad_value"),
        ("n=1 xn=2 n=x", 12, "integer 0..9223372036854775807", "bad_value"),
    ],
)
def test_why_logfmt_is_refused(text: str, column: int, expected: str, reason: str) -> None:
    """The column in characters, and what should have stood there."""
    found = grammar(f"parse: logfmt{TYPED}").explain(text, 0)
    assert (found.column, found.expected, found.reason) == (column, expected, reason)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":18446744073709551615}', 2**64 - 1),
        ('{"a":18446744073709551616}', "18446744073709551616"),
        ('{"a":-9223372036854775808}', -(2**63)),
        ('{"a":-9223372036854775809}', "-9223372036854775809"),
        ('{"a":9007199254740993}', 9007199254740993),
        ('{"a":1e999}', "1e999"),
        ('{"a":0.1234567890123456789}', "0.1234567890123456789"),
        ('{"a":1795416944.123456789}', "1795416944.123456789"),
        ('{"a":1795416944.1234567}', 1795416944.1234567),
        ('{"a":0.10000000000000001}', 0.1),
        ('{"a":1.000000000000000000000}', 1.0),
        ('{"a":-0.00000000000000000000012}', -1.2e-22),
        ('{"a":[1,NaN,-Infinity]}', [1, None, None]),
        ('{"a":[{"b":12345678901234567890123}]}', [{"b": "12345678901234567890123"}]),
        ('{"a":"\\ud800x"}', "\ufffdx"),
        ('{"a":"\\ud83d\\ude00"}', "\U0001f600"),
        ('{"a":"\\u0000"}', "\0"),
        ('{"a":1,"a":2}', 2),
    ],
)
def test_json_values_are_exact_or_text(text: str, value: object) -> None:
    """No digit is lost, and everything can be written as JSON again."""
    assert read_object(text) == {"a": value}
    assert orjson.loads(orjson.dumps(read_object(text)))


@pytest.mark.parametrize("levels", [201, 900, 100_000])
def test_nesting_is_limited(levels: int) -> None:
    """However deep a text is nested, it is refused and nothing overflows."""
    for open_, close in (('{"a":', "}"), ("[", "]")):
        with pytest.raises(RecordError):
            read_object('{"x":' + open_ * levels + "1" + close * levels + "}")


@pytest.mark.parametrize("digits", range(1, 40))
def test_long_integers_are_never_rounded(digits: int) -> None:
    """Wherever a long number stands in the text, it is found."""
    for before in range(7):
        number = "9" * digits
        value = read_object('{"k":"' + "x" * before + '","n":' + number + "}")["n"]
        assert str(value) == number


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('a=1 b="x y" c d.e=f', {"a": "1", "b": "x y", "c": True, "d.e": "f"}),
        ("a= b=", {"a": "", "b": ""}),
        ('a="" b=x=y=z', {"a": "", "b": "x=y=z"}),
        ('a=x"y', {"a": 'x"y'}),
        ("a=1 a=2", {"a": "2"}),
        (r'a="\"\\\n\t\/\q\u00e9\ud83d\ude00"', {"a": '"\\\n\t/\\qé\U0001f600'}),
        (r'a="\ud800"', {"a": "\ufffd"}),
        (" \ta=1\r\n", {"a": "1"}),
        ("a=\x1b[31mred\x00 b\u2028=1", {"a": "\x1b[31mred\x00", "b\u2028": "1"}),
    ],
)
def test_logfmt(text: str, pairs: dict[str, object]) -> None:
    """Pairs, quotes, escapes, flags, and characters of any kind."""
    assert read_pairs(text) == pairs


KEYS = st.text("abc._-@é", min_size=1, max_size=8)


@given(st.dictionaries(KEYS, st.text(max_size=20), min_size=1))
def test_logfmt_reads_what_was_written(pairs: dict[str, str]) -> None:
    """Any values, quoted with the escapes of JSON, come back as they were."""
    text = " ".join(f"{key}={orjson.dumps(value).decode()}" for key, value in pairs.items())
    assert read_pairs(text) == pairs


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_reads_what_was_written(value: object) -> None:
    """Any JSON value comes back, or as the text of its digits; the result is JSON again."""
    import json

    text = json.dumps({"v": value}, allow_nan=True)
    if "Infinity" in text.replace('"Infinity"', ""):
        return
    result = read_object(text)
    orjson.dumps(result)
    if not any(character.isdigit() for character in text):
        assert result == {"v": value}
