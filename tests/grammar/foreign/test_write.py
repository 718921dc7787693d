"""The files that are written of foreign grammars: proven, lenient, honest."""

from __future__ import annotations

import pytest

from shipper.errors import DataError
from shipper.grammar.foreign.parts import Foreign, Time, grammar_name
from shipper.grammar.foreign.write import write
from shipper.grammar.loader import parse_grammar
from tests.grammar.foreign.bench import book


def foreign(*match: str, **more: object) -> Foreign:
    made = Foreign("door", "parser door", "p.conf:1", list(match))
    for key, value in more.items():
        setattr(made, key, value)
    return made


def test_samples_show_each_shape_once() -> None:
    """Lines with other fields say more than three of the same."""
    lines = ["a 1", "a 2", "a 3", "b", "x y"]
    made = write(foreign(r"^a (?<n>\d)$", r"^b(?<m>c?)$"), book(), lines)
    samples = parse_grammar(made.text, "door", book()).spec.samples
    assert [each.line for each in samples] == ["a 1", "b", "a 2", "x y"]
    assert made.fits == {"a 1", "a 2", "a 3", "b"}


def test_slow_patterns_are_told() -> None:
    """What lint would find is a note: it was slow before, and may be made up for."""
    made = write(foreign(r"^(?<a>\w+) *(?<b>\w+) *(?<c>\w+)$"), book())
    assert any("can be slow" in note for note in made.notes)
    assert write(foreign(r"^(?<a>\w++) (?<b>\w++)$"), book()).notes == ()


def test_long_values_are_cut_not_refused() -> None:
    """No line is refused that was taken before."""
    made = write(foreign("^(?<a>x+)$"), book())
    parsed = parse_grammar(made.text, "door", book()).parse("x" * 20_000, 0)
    assert parsed is not None
    assert len(parsed.fields["a"]) == 16_384


def test_any_text_can_be_written() -> None:
    """Quotes, colons, line breaks and unseen signs of an expression come back as they were."""
    pattern = "^(?<a>[^'\":#]+): '\u2028\x07\"(?<b>.*)$"
    made = write(foreign(pattern), book(), ["k: '\u2028\x07\"v"])
    assert made.fits == {"k: '\u2028\x07\"v"}


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (foreign("^no field$"), "p.conf:1: door: names no field"),
        (foreign("^%{GONE:a}$"), "unknown pattern %{GONE}"),
        (foreign("^(?<userId>a) (?<user_id>b)$"), "same warehouse column"),
        (foreign("^(?<a>x)$", time=Time("b", ["%s"])), "no pattern gives"),
    ],
)
def test_what_makes_no_grammar_is_an_error(made: Foreign, told: str) -> None:
    """With the place in the other's file."""
    with pytest.raises(DataError) as caught:
        write(made, book())
    assert told in str(caught.value)
    assert str(caught.value).startswith("p.conf:1: ")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("k8s-nginx", "k8s_nginx"),
        ("Über Log", "ber_log"),
        ("9", "converted_9"),
        ("--", "converted"),
    ],
)
def test_names(text: str, name: str) -> None:
    """Whatever a parser is called, the grammar's name is one."""
    assert grammar_name(text) == name
