"""Logstash's configuration language, as it is written in the wild."""

from __future__ import annotations

import pytest

from shipper.errors import DataError
from shipper.grammar.foreign.logstash_syntax import Branch, Hash, Plugin, Section, read_logstash


def body(text: str) -> list[Plugin | Branch]:
    (section,) = read_logstash(f"filter {{\n{text}\n}}", "p.conf")
    return section.body


def test_sections_plugins_and_codecs() -> None:
    """All three sections, a codec with settings, comments that hold braces."""
    read = read_logstash(
        "# { a comment\ninput { beats { port => 5044 codec => json { charset => 'UTF-8' } } }\n"
        "filter{}\noutput { stdout{} } # } the end",
        "p.conf",
    )
    assert [(each.kind, each.where) for each in read] == [
        ("input", "p.conf:2"),
        ("filter", "p.conf:3"),
        ("output", "p.conf:4"),
    ]
    (beats,) = read[0].body
    assert isinstance(beats, Plugin)
    assert beats.get("port") == 5044
    codec = beats.get("codec")
    assert isinstance(codec, Plugin)
    assert (codec.name, codec.get("charset"), codec.get("nothing")) == ("json", "UTF-8", None)


def test_values() -> None:
    """Texts in both quotes, bare words, numbers, lists, hashes; commas are as you like."""
    (plugin,) = body(
        """a { s => "it \\"is\\" #1" t => 'x' w => true n => -3 f => 2.5
        l => [ "a", 'b', 7, ] h => { "k" => "v", 9 => [ "y" ] } }"""
    )
    assert isinstance(plugin, Plugin)
    values = {each.key: each.value for each in plugin.settings}
    hash_ = values.pop("h")
    assert values == {
        **{"s": r"it \"is\" #1", "t": "x", "w": "true", "n": -3, "f": 2.5},
        "l": ["a", "b", 7],
    }
    assert isinstance(hash_, Hash)
    assert [(each.key, each.value) for each in hash_.items] == [("k", "v"), ("9", ["y"])]


def test_conditions_are_kept_as_text() -> None:
    """Braces in their texts and expressions are none of ours."""
    first, second, third = body(
        'if [type] == "a{b" and\n  [m] =~ /x{2}"/ { a {} if [b] { c {} } }\n'
        "else if 'x' in [tags] { d {} }\nelse { e {} }"
    )
    assert isinstance(first, Branch)
    assert isinstance(second, Branch)
    assert isinstance(third, Branch)
    assert first.condition == 'if [type] == "a{b" and [m] =~ /x{2}"/'
    assert (second.condition, third.condition) == ("else if 'x' in [tags]", "else")
    inner = first.body[1]
    assert isinstance(inner, Branch)
    assert (inner.condition, inner.where) == ("if [b]", "p.conf:3")


def test_a_plugin_may_be_named_like_a_word_of_the_language() -> None:
    """`iffy` is no `if`."""
    (plugin,) = body("iffy { else_ => 1 }")
    assert isinstance(plugin, Plugin)
    assert plugin.name == "iffy"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("filter { grok { match => { ", "p.conf:1: the end of the file, but '}' is missing"),
        ("filter {\n grok {\n match = 1 } }", "p.conf:3: expected '=>', and found '= 1 } }'"),
        ("filters { }", "p.conf:1: expected input, filter or output, and found 'filters { }'"),
        ("filter { grok { a => } }", "p.conf:1: expected a value, and found '} }'"),
        ("filter { a { l => [1, ", "but '\\]' is missing"),
        ("filter { if [a] x", "expected '{'"),
        ("filter {" + " if [a] {" * 50_000, "is nested too deep"),
        ("filter { a { b => " + "[" * 50_000, "is nested too deep"),
    ],
)
def test_what_can_not_be_read_is_told_with_its_place(text: str, told: str) -> None:
    """Line, what should come, what came."""
    with pytest.raises(DataError, match=told):
        read_logstash(text, "p.conf")


def test_an_empty_file_has_no_sections() -> None:
    """Nothing but comments is nothing."""
    nothing: list[Section] = []
    assert read_logstash("# nothing\n\n", "p.conf") == nothing
