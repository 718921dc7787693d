"""Ruby's expressions in our words: what they match, and what can't be said."""

from __future__ import annotations

import pytest

from shipper.grammar.foreign.onigmo import (
    anchors,
    ascii_only,
    from_slashes,
    ours,
    searched,
    without_references,
)
from shipper.grammar.grok import compile_grok
from shipper.grammar.patterns import PatternBook
from shipper.grammar.reference import GrokError

NO_NAMES = PatternBook({})


def matches(theirs: str, text: str) -> bool:
    return compile_grok(ours(theirs), NO_NAMES).pattern.fullmatch(text) is not None


@pytest.mark.parametrize(
    ("theirs", "good", "bad"),
    [
        (r"(?<a>\w+) (?'b'\d+)", "x 1", "x y"),
        (r"(?<a>x)\k<a>", "xx", "xy"),
        (r"(?<a>x)\k'a'", "xx", "xy"),
        (r"\h+", "09afAF", "0g"),
        (r"\H+", "xyz", "a"),
        (r"[\h-]+", "a-f", "g"),
        (r"a\z", "a", "a\n"),
        (r"\Aa\Z", "a", "ab"),
        (r"\x{41}\x{20AC}", "A€", "a€"),
        (r"\p{Alpha}+\p{^Alpha}", "ab1", "abc"),
        (r"[[:alpha:]]+[[:^alpha:]]", "ab1", "abc"),
        (r"a\Rb", "a\r\nb", "a b"),
        (r"\e\[0m", "\x1b[0m", "e[0m"),
        (r"(?m)a.b", "a\nb", "ab"),
        (r"a.b", "a-b", "a\nb"),
        (r"(?i:AB)c", "abc", "abC"),
        (r"(?>a+)b", "aab", "aa"),
        (r"a++b", "aab", "aa"),
        (r"a?+b", "ab", "aab"),
        # an interval is never possessive in Ruby: this is one or more of two or three
        (r"a{2,3}+b", "aaaaaab", "ab"),
        (r"(?:xy){2}+", "xyxyxyxy", "xyxyxy"),
        (r"[ab]{2,}+a", "abba", "aa"),
        # and {2}? is two or none there, not two taken lazily
        (r"a{2}?b", "b", "ab"),
        (r"a{1,2}?b", "aab", "b"),
    ],
)
def test_it_means_the_same(theirs: str, good: str, bad: str) -> None:
    """What Ruby takes is taken, what it refuses is refused."""
    assert matches(theirs, good)
    assert not matches(theirs, bad)


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (r"a\Kb", "a match that begins later"),
        (r"\Ga", "the end of the last match"),
        (r"[a-z&&[^b]]", "class inside a class"),
        (r"[a-z&&^b]", "class inside a class"),
        (r"[a[bc]]", "class inside a class"),
        (r"[\H]", r"\\H or \\R in a class"),
        (r"(?~abc)", "absent group"),
        (r"(?<a>x)\g<a>", "refers to no field"),
        (r"(x)\1", "refers to no field"),
        (r"(?<a>x)(?<a>y)", "stands twice"),
        (r"a(b", "unclosed parenthesis"),
    ],
)
def test_what_can_not_be_said_is_an_error(theirs: str, told: str) -> None:
    """Nothing changes its meaning silently."""
    with pytest.raises(GrokError, match=told):
        compile_grok(ours(theirs), NO_NAMES)


@pytest.mark.parametrize(
    ("theirs", "start", "end", "body"),
    [
        ("^a$", True, True, "a"),
        (r"\Aa\z", True, True, "a"),
        (r"a\Z", False, True, "a"),
        ("(?i)^a", True, False, "(?i)a"),
        (r"a\$", False, False, r"a\$"),
        ("[$]", False, False, "[$]"),
        ("^a|b$", False, False, "(?:^a|b$)"),
        ("(?:^a|b$)", False, False, "(?:^a|b$)"),
    ],
)
def test_which_ends_are_tied(theirs: str, start: bool, end: bool, body: str) -> None:
    """Anchors at the ends, behind flags too, and none that is only a sign or in a branch."""
    assert anchors(ours(theirs)) == (start, end, body)


@pytest.mark.parametrize(
    ("theirs", "text", "field"),
    [
        (r"id=(?<a>\d+)", "x id=7 y", "7"),
        (r"^id=(?<a>\d+)", "id=7 y", "7"),
        (r"id=(?<a>\d+)$", "x id=7", "7"),
        (r"^(?<a>\d+)|x$", "7 y", "7"),
        (r"id=(?<a>\d+)", "x\nid=7\ny", "7"),
        (r"id=(?<a>.*)", "x id=7 y", "7 y"),
    ],
)
def test_a_pattern_is_searched_in_the_line(theirs: str, text: str, field: str) -> None:
    """As the other shippers do it, where the ends are not tied."""
    found = compile_grok(searched(ours(theirs)), NO_NAMES).pattern.fullmatch(text)
    assert found is not None
    assert found[1] == field


@pytest.mark.parametrize(
    ("theirs", "text", "field"),
    [
        ("(?<a>.*)", "7 y\nz", "7 y"),
        (".* (?<a>\\d)", "x\ny 7", "7"),
        (r"(?<a>x\.*)", "x..y", "x.."),
        ("(?:b|a(?<a>.*))", "b c", None),
        ("(?<a>b|a.*)", "b c", "b"),
        ("(?<a>(?:a.*)?)", "b c", ""),
    ],
)
def test_what_takes_a_line_takes_no_more(theirs: str, text: str, field: str | None) -> None:
    """A dot ends at the line, and what only looks like one that takes all does not."""
    found = compile_grok(searched(ours(theirs)), NO_NAMES).pattern.fullmatch(text)
    assert found is not None
    assert found[1] == field


def test_a_line_is_not_searched_where_that_is_not_needed() -> None:
    """What takes all of it by itself takes more lines, at most: no repeat stands before another."""
    assert searched("%{DATA:a} x %{GREEDYDATA:b}") == (
        r"(?:.*\n)*?%{DATA:a} x %{GREEDYDATA:b}(?:\n(?s:.*))?+"
    )
    assert searched("^a (?<m>.*)$") == "a (?<m>.*)"


def test_letters_of_other_scripts() -> None:
    """What took them in Ruby and does not here is known, so that it can be told."""
    assert ascii_only(r"[[:alpha:]]+\p{Alpha}[[:alpha:]]\w\P{L}") == [
        *("[:alpha:]", r"\p{Alpha}", r"\P{L}"),
    ]


def test_slashes_and_their_flags() -> None:
    """Fluent Bit's notation, and no other text."""
    assert from_slashes("/^a/") == "^a"
    assert from_slashes("/^a.b/m") == "(?m)^a.b"
    assert from_slashes("^/a") == "^/a"
    with pytest.raises(GrokError, match="unknown flags"):
        from_slashes("/a/q")


def test_a_percent_and_a_brace_are_text() -> None:
    """Where there are no references, %{ is none."""
    pattern = ours(without_references("100%{2}"))
    assert compile_grok(pattern, NO_NAMES).pattern.fullmatch("100%{2}")
