"""Types: the text or JSON value of a field, and its typed value."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.grammar.conversion import text_converter, value_converter
from shipper.grammar.spec import FieldSpec


def spec(**keys: Any) -> FieldSpec:
    return FieldSpec.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "text", "value"),
    [
        ({"type": "integer"}, "-12", -12),
        ({"type": "integer"}, "007", 7),
        ({"type": "integer"}, "9223372036854775807", 2**63 - 1),
        ({"type": "integer"}, "9223372036854775808", None),
        ({"type": "integer", "minimum": 0, "maximum": 5}, "5", 5),
        ({"type": "integer", "minimum": 0, "maximum": 5}, "6", None),
        ({"type": "integer", "minimum": 0, "maximum": 5}, "-1", None),
        ({"type": "number"}, "-1.5e3", -1500.0),
        ({"type": "number"}, "3", 3.0),
        ({"type": "number"}, "1e999", None),
        ({"type": "number", "minimum": 0.5}, "0.4", None),
        ({"type": "boolean"}, "TRUE", True),
        ({"type": "boolean"}, "off", False),
        ({"type": "boolean"}, "2", None),
        ({"type": "ip"}, "192.0.2.1", "192.0.2.1"),
        ({"type": "ip"}, "2001:db8::1", "2001:db8::1"),
        ({"type": "ip"}, "192.0.2.256", None),
        ({"type": "ip"}, "web1", None),
        ({"type": "string", "values": ["a", "b"]}, "b", "b"),
        ({"type": "string", "values": ["a", "b"]}, "c", None),
        ({"type": "string", "max_length": 3}, "abc", "abc"),
        ({"type": "string", "max_length": 3}, "abcd", None),
        ({"type": "string", "max_length": 3, "on_long": "truncate"}, "äöüß", "äöü"),
        ({"type": "string"}, "x" * 5000, "x" * 4096),
        ({"type": "string", "on_long": "reject"}, "x" * 5000, None),
    ],
)
def test_texts(keys: dict[str, Any], text: str, value: object) -> None:
    """Each type takes its texts, within its limits."""
    converted = text_converter(spec(**keys))(text)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize("type_", ["integer", "number"])
@pytest.mark.parametrize(
    "text",
    ["1_0", " 1", "1 ", "+1", "٣", "¹", "0x1", "nan", "inf", "-", ".5", "5.", "1" * 5000, "½"],
)
def test_numbers_are_ascii_and_exact(type_: str, text: str) -> None:
    """Nothing is a number by accident of Python's int() and float()."""
    assert text_converter(spec(type=type_))(text) is None


@pytest.mark.parametrize(
    ("keys", "value", "typed"),
    [
        ({"type": "integer"}, 5, 5),
        ({"type": "integer"}, 5.0, 5),
        ({"type": "integer"}, 5.5, None),
        ({"type": "integer"}, "5", 5),
        ({"type": "integer"}, True, None),
        ({"type": "integer"}, 2**64 - 1, None),
        ({"type": "integer"}, [5], None),
        ({"type": "number"}, 5, 5.0),
        ({"type": "number"}, 1e22, 1e22),
        ({"type": "boolean"}, False, False),
        ({"type": "boolean"}, 1, None),
        ({"type": "boolean"}, "yes", True),
        ({"type": "ip"}, 1, None),
        ({"type": "ip"}, "::1", "::1"),
        ({"type": "string"}, 30, "30"),
        ({"type": "string"}, True, "true"),
        ({"type": "string"}, {"a": [1, None]}, '{"a":[1,null]}'),
    ],
)
def test_json_values(keys: dict[str, Any], value: object, typed: object) -> None:
    """A JSON value keeps its type where it fits; a string field takes anything, as JSON text."""
    converted = value_converter(spec(**keys))(value)
    assert converted == typed
    assert type(converted) is type(typed)


@given(st.text(max_size=30), st.sampled_from(["integer", "number", "boolean", "string", "ip"]))
def test_whatever_comes_out_is_json(text: str, type_: str) -> None:
    """No text gives a value that JSON can't hold, and the same text gives the same value."""
    convert = text_converter(spec(type=type_))
    value = convert(text)
    assert convert(text) == value
    assert not isinstance(value, float) or math.isfinite(value)
    orjson.dumps(value)


def test_the_memory_of_a_converter_is_bounded() -> None:
    """A million different values don't stay in memory."""
    convert = text_converter(spec(type="number"))
    for number in range(10_000):
        assert convert(f"{number}.5") == number + 0.5
    assert len(convert.__self__) <= 4096  # type: ignore[attr-defined]


def test_trim_cuts_blanks_or_only_the_line_end() -> None:
    """Docker keeps the line end of each line in its JSON; the indentation is the program's own."""
    assert text_converter(spec(type="string", trim=True))("  a b \r\n") == "a b"
    assert text_converter(spec(type="string", trim="line_end"))("  a b \r\n") == "  a b "
