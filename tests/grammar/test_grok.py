"""The grok compiler: syntax in, one anchored expression with positional fields out."""

from __future__ import annotations

import pytest

from shipper.grammar.grok import MAX_EXPANDED, Compiled, compile_grok
from shipper.grammar.patterns import Definition, PatternBook
from shipper.grammar.reference import GrokError
from tests.grammar.shelf import core


def book(**definitions: str) -> PatternBook:
    return core().plus({name: Definition(text, "here:1") for name, text in definitions.items()})


def names(compiled: Compiled) -> list[str]:
    return [capture.field for capture in compiled.captures]


def groups(source: str, text: str, **definitions: str) -> dict[str, str | None] | None:
    compiled = compile_grok(source, book(**definitions))
    found = compiled.pattern.fullmatch(text)
    return dict(zip(names(compiled), found.groups(), strict=True)) if found else None


def refusal(source: str, **definitions: str) -> GrokError:
    with pytest.raises(GrokError) as caught:
        compile_grok(source, book(**definitions))
    return caught.value


@pytest.mark.parametrize(
    ("source", "text", "fields"),
    [
        ("%{INT:a} %{WORD:b}", "-5 x", {"a": "-5", "b": "x"}),
        ("%{INT:[http][status]:int}", "200", {"http.status": "200"}),
        ("%{INT:@metadata.n}", "1", {"@metadata.n": "1"}),
        ("(?<a>x+) (?P<b>y+)", "xx y", {"a": "xx", "b": "y"}),
        ("(a|b)(?:c)%{INT:n}", "bc7", {"n": "7"}),
        ("%{OUTER} %{INT:n}", "k=v 7", {"key": "k", "val": "v", "n": "7"}),
        (r"(?<q>[\"'])x\k<q>", "'x'", {"q": "'"}),
        ("(?<q>.)x(?P=q)", "'x'", {"q": "'"}),
        (r"\h+[\hz]%{INT:n}", "aFz1", {"n": "1"}),
        (r"\%\{%{INT:n}[%{}]\|\(", "%{1}|(", {"n": "1"}),
        ("(?i)%{WORD:w} end(?#a comment)", "x END", {"w": "x"}),
        ("[[:alpha:]]+[]|)(]%{INT:n}", "ab]4", {"n": "4"}),
        ("%{INT:n}|%{WORD:w}", "word", {"n": None, "w": "word"}),
    ],
)
def test_syntax(source: str, text: str, fields: dict[str, str | None]) -> None:
    """References, named groups, plain groups, classes, escapes and flags mean what Grok means."""
    assert groups(source, text, OUTER="%{WORD:key}=(%{WORD:val})") == fields


@pytest.mark.parametrize("text", [" 5", "5 ", "5\n", "x5", "٥", "5x"])
def test_a_record_matches_as_a_whole(text: str) -> None:
    """Nothing may stand before or after, not even a line break, and digits are ASCII."""
    assert groups("%{INT:n}", text) is None
    assert groups(r"^\d$", text) is None


def test_one_field_in_two_branches_is_one_group() -> None:
    """Alternatives may name the same field; the one that matched gives it."""
    source = r"(?:%{INT:v} a|%{WORD:v} b (?:%{INT:w}|%{WORD:w}))"
    assert groups(source, "7 a") == {"v": "7", "w": None}
    assert groups(source, "x b y") == {"v": "x", "w": "y"}


@pytest.mark.parametrize(
    "source",
    ["%{INT:v} %{INT:v}", "(?<v>a(?<v>b))", "%{INT:v}(?: %{INT:v})?", "(?:%{INT:v}|x) %{INT:v}"],
)
def test_a_field_that_may_match_twice_is_refused(source: str) -> None:
    """Two places that can both match would silently lose one of the values."""
    assert "'v' stands twice" in refusal(source).what


@pytest.mark.parametrize(
    ("source", "what", "remedy"),
    [
        ("%{NUMBR:n}", "unknown pattern %{NUMBR}", "did you mean 'NUMBER'?"),
        ("%{VIA}", "unknown pattern %{NOWHERE} (inside VIA)", ""),
        ("%{A}", "the pattern A refers to itself: A -> B -> A", "break the circle"),
        ("%{SELF}", "the pattern SELF refers to itself: SELF -> SELF", "break the circle"),
        ("%{INT:n:integr}", "unknown type 'integr'", "did you mean 'integer'?"),
        ("%{INT:a b}", "'a b' is no field name", "use letters"),
        ("%{IN T}", "'%{IN T}' is no grok reference", "write %{NAME}"),
        ("%{INT", "'%{INT' is no grok reference", "write %{NAME}"),
        ("a(b", "unclosed parenthesis", "close it"),
        ("a)b", "a ')' too many", r"write '\)'"),
        ("%{HALF}b)", "unclosed parenthesis (inside HALF)", "close it"),
        ("a{3,1}", "is no valid expression: min repeat", "mend"),
        ("*a", "is no valid expression", "mend"),
        ("[a", "is no valid expression", "mend"),
        ("a\\", "is no valid expression", "mend"),
        (r"(a)\1", r"'\\1' refers to no field", "name the group"),
        (r"\k<nope>", "refers to no field", "name the group"),
        ("(?<a>x)(?&a)", "a call of another group", "write the pattern out"),
        ("(?R)", "recursion", "write the pattern out"),
        ("(?:%{INT:v:int}|%{WORD:v})", "'v' has two types", "same"),
    ],
)
def test_refusals(source: str, what: str, remedy: str) -> None:
    """What can't be compiled is refused in words, with a remedy."""
    loop = {"A": "x%{B}", "B": "%{A}", "SELF": "%{SELF}", "VIA": "%{NOWHERE}", "HALF": "(a"}
    error = refusal(source, **loop)
    assert what in error.what
    assert remedy in error.remedy


def test_expansion_is_bounded() -> None:
    """Ten definitions that double each other can't fill the memory."""
    doubling = {f"D{n}": f"%{{D{n + 1}}}" * 10 for n in range(9)} | {"D9": "abc"}
    assert f"{MAX_EXPANDED:,}" in refusal("%{D0}", **doubling).what


def test_nesting_is_bounded() -> None:
    """A chain of definitions has an end, too."""
    chain = {f"C{n}": f"%{{C{n + 1}}}" for n in range(100)} | {"C100": "x"}
    assert "nested deeper" in refusal("%{C0}", **chain).what


@pytest.mark.parametrize(
    ("source", "always"),
    [
        ("%{INT:v}", True),
        ("(?:a%{INT:v})+", True),
        ("%{DATA:v}x", False),
        ("%{INT:v}?", False),
        ("(?:%{INT:v})*", False),
        ("(?:%{INT:v}){0,2}", False),
        ("(?:%{INT:v}|x)", False),
        ("%{INT:v}|x", False),
        (r"(?<v>(?<=a)|b)", False),
        (r"(?<v>\b)", False),
    ],
)
def test_whether_a_field_is_always_there(source: str, *, always: bool) -> None:
    """A field is promised only where every match gives it a text that is not empty."""
    compiled = compile_grok(source, book())
    assert [capture.always for capture in compiled.captures] == [always]
