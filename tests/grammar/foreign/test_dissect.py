"""Tokenizers: what their keys take, and what can't be said."""

from __future__ import annotations

import pytest

from shipper.grammar.foreign.dissect import pattern_of
from shipper.grammar.grok import compile_grok
from shipper.grammar.patterns import PatternBook
from shipper.grammar.reference import GrokError


def fields(tokenizer: str, text: str) -> dict[str, str] | None:
    compiled = compile_grok(pattern_of(tokenizer), PatternBook({}))
    found = compiled.pattern.fullmatch(text)
    if found is None:
        return None
    return {c.field: value for c, value in zip(compiled.captures, found.groups(), strict=True)}


def test_keys_run_to_what_stands_behind_them() -> None:
    """Signs of one and of several characters; the last key takes the rest."""
    text = "[ada] GET /a - 200: all of it"
    assert fields("[%{user}] %{verb} %{path} - %{status}: %{rest}", text) == {
        **{"user": "ada", "verb": "GET", "path": "/a", "status": "200", "rest": "all of it"}
    }
    assert fields("[%{user}] %{rest}", "no bracket") is None


def test_padding_and_keys_to_skip() -> None:
    """-> takes any number of the sign behind it; a key without a name is left out."""
    assert fields("%{level->} %{?pid} %{} %{msg}", "INFO    7 x hello") == {
        "level": "INFO",
        "msg": "hello",
    }


def test_signs_of_expressions_are_text() -> None:
    """Nothing in a tokenizer is an expression."""
    assert fields("%{a}|%{b}^%{c}.*%{d}", "1|2^3.*4") == {"a": "1", "b": "2", "c": "3", "d": "4"}
    assert fields("%{a}]%{b}\\%{c}-%{d}", "1]2\\3-4") == {"a": "1", "b": "2", "c": "3", "d": "4"}


@pytest.mark.parametrize(
    ("tokenizer", "told"),
    [
        ("%{a} %{+a}", "joins two parts"),
        ("%{*k}=%{&k}", "takes a field's name from the line"),
        ("%{a}%{b}", "nothing parts"),
        ("no key", "names no key"),
    ],
)
def test_what_can_not_be_said_is_an_error(tokenizer: str, told: str) -> None:
    """With the key that it is about."""
    with pytest.raises(GrokError, match=told):
        pattern_of(tokenizer)
