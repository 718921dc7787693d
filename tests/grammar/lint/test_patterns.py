"""The lint of patterns: slow ones are found and proven, fast ones pass."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
import regex

from shipper.grammar.grok import Compiled, compile_grok
from shipper.grammar.lint.patterns import Finding, lint_pattern
from shipper.grammar.lint.pump import LIMIT, measure
from shipper.grammar.lint.signs import ALPHABET, mask_of, one_of, signs
from shipper.grammar.lint.suspects import suspects
from shipper.grammar.lint.tree import read_tree
from shipper.grammar.lint.witness import witness
from tests.grammar.shelf import core


def compiled(text: str) -> Compiled:
    return compile_grok(text, core())


def findings(text: str, *lines: str) -> list[Finding]:
    return lint_pattern(compiled(text), lines)


SLOW = {
    r"(?:a|aa)+b": ("ambiguous", 30),
    r"(?:\w+\s*)+:": ("nested", 2),
    r"(?:[a-z]+.)+[A-Z]": ("nested", 2),
    r"(?:.*,)*x": ("nested", 2),
    r"(?:a++b|a)*+c": ("nested", 2),
    r"(?:(?!.*x).)*+y": ("ahead", 2),
    r"(?:\w(?=\w*;)|\w)*+:": ("ahead", 2),
    r".*.*x": ("chain", 2),
    r"\d+\d+\d+$": ("chain", 2),
    r"%{DATA:a}, x: %{DATA:b}, y: %{INT:c}": ("chain", 2),
    r"(?<a>.*),(?<b>.*),(?<c>.*);": ("chain", 2),
    r"%{DATA:a} by (?<b>[^()]*?) \(%{INT:c}\)": ("chain", 2),
    r"[\w ]*?\d{0,3000}[\w ]* :": ("chain", 2),
    r"(?<a>[^]]*)\]? (?<b>.*+)=\d": ("chain", 2),
}  # fmt: skip


@pytest.mark.parametrize("pattern", SLOW)
def test_a_slow_pattern_is_found_and_proven(pattern: str) -> None:
    """The rule, the exponent, and a text on which the engine really takes its time."""
    rule, least = SLOW[pattern]
    it = compiled(pattern)
    found = {finding.rule: finding for finding in lint_pattern(it, most=3)}
    assert rule in found
    proof = found[rule].proof
    assert proof.exponent > (least - 0.4 if least < 10 else 3)
    start = time.thread_time()
    with suppress(TimeoutError):
        it.pattern.fullmatch(proof.text(), timeout=4 * LIMIT)
    assert time.thread_time() - start > proof.seconds / 4
    assert it.pattern.fullmatch(proof.text(1), timeout=LIMIT) is None


FAST = [
    r"(?:a|b)+c",
    r"(?:[^\"\\]++|\\.)*+\"",
    r"\"(?:[^\"\\]|\\.)*\"",
    r"(?:\w+\s+)*+:",
    r"[^ ]*? [^ ]* x",
    r"\s*+\d+\s*+x",
    r"(?<a>[^,]*),(?<b>[^,]*),(?<c>[^,]*);",
    r"(?:[^ ]++| (?!HTTP/[\d.]++\"))++ HTTP/1",
    r"(?>.*?, x: ).*+",
    r"(?s:.*+)",
    r"%{IP:a} %{IPORHOST:b} %{USERNAME:c} %{QS:d} %{NUMBER:e} %{URI:f}",
    r"%{TIMESTAMP_ISO8601:at} %{LOGLEVEL:level} %{GREEDYDATA:message}",
    r"(?: (?!\[)|[^ ])*+ \[%{HTTPDATE:at}\]",
    r"a{0,20}a{0,20}a{0,20}b",
    r"(?:ab?)*+(?i:x|X)+y",
]


@pytest.mark.parametrize("pattern", FAST)
def test_a_fast_pattern_passes(pattern: str) -> None:
    """Classes that exclude what ends them, possessive repeats, atomic groups, short limits."""
    assert [str(finding) for finding in findings(pattern)] == []


def test_a_finding_names_fields_and_remedy() -> None:
    """What stands in the way of mending it: which repeats, of which fields, and what to write."""
    (finding,) = findings(r"%{DATA:first}, x: %{DATA:second}, y: %{INT:n}")
    assert finding.fields == ("first", "second")
    assert str(finding) == (
        ".*? gives back, and .*? behind it takes the same characters (field first, second)"
    )
    assert finding.remedy == ("let .*? end at the first ', x: ': (?>.*?, x: ), or (?:(?!, x: ).)*+")
    assert findings(r"(?<first>(?>.*?, x: ))%{DATA:second}, y: %{INT:n}") == []


def test_the_remedy_fits_the_rule() -> None:
    """What is possessive already, looks ahead, or stands side by side needs something else."""
    remedies = {
        pattern: findings(pattern)[0].remedy.split(",")[0]
        for pattern in (r"(?:a++b|a)*+c", r"(?:\w+\s*)+:", r"(?:(?!.*x).)*+y", r"\d+\d+$")
    }
    assert list(remedies.values()) == [
        "let a++ stop at what a round begins with",
        "let \\w+ keep what it has taken: possessive",
        "limit how far .* looks",
        "let \\d+ keep what it has taken",
    ]
    assert findings("(?:a|aa)+b")[0].remedy.startswith("let no two branches begin alike")


def test_a_slow_repeat_behind_a_look_around_is_reached_by_a_sample() -> None:
    """No text of our own passes the look-around; the start of a sample does."""
    pattern = r"(?=\w{3}-77[^ ]*+ )\S++ (?<a>.*?);(?<b>.*?);(?<c>\d+)"
    assert findings(pattern) == []
    (finding,) = findings(pattern, "abc-77x one;two;3")
    assert finding.proof.before == "abc-77x "


def once_in_three(pattern: str, pump: str, after: str, steepness: range | None) -> bool:
    """Say whether one of three measurements finds growth like that; None: no growth at all.

    Neighbours on the same processor slow single matches down; they do not so three times alike.
    """
    match = regex.compile(pattern).fullmatch
    for _ in range(3):
        proof = measure(match, "", pump, after)
        if steepness is None and proof is None:
            return True
        if steepness and proof and steepness.start < min(10 * proof.exponent, 999) < steepness.stop:
            return True
    return False


@pytest.mark.parametrize(
    ("pattern", "pump", "after", "tenths"),
    [
        (r"(?:(?!xxxxxxxxxxxxxxxxx|yyyyyyyyyyyyyyy|zzzzzzzzzzzzzzz).)*+!", "a", "", None),
        (r".*.*!", "a", "!", range(16, 26)),
        (r"(?:a|aa)+b", "aa", "b", range(30, 1_000)),
    ],
)
def test_the_pump_tells_growth_from_length(
    pattern: str, pump: str, after: str, tenths: range | None
) -> None:
    """Ten times the work for ten times the text is no finding, however slow each step is."""
    assert once_in_three(pattern, pump, after, tenths)


def test_signs_are_what_the_engine_takes() -> None:
    """Classes, escapes, case and the dot, as the regex engine understands them."""
    assert signs("[a-c]") == mask_of("abc")
    assert signs(r"\d") == mask_of("0123456789")
    assert signs("k", "i") == mask_of("kK")
    assert one_of(signs(".")) == "a"
    assert signs("(?s:.)") ^ signs(".") == mask_of("\n")
    assert signs("[[:punct:]]") & mask_of("!a") == mask_of("!")
    assert one_of(0) == ""
    assert len(set(ALPHABET)) == len(ALPHABET)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"ab?c{2,3}", "acc"),
        (r"(?:x|yy)z+", "xz"),
        (r"(?:$|b)c", "bc"),
        (r"(?P<f0>\d{3})(?=9)-", "000-"),
        (r"(?i)A[^a]", "ax"),
        (r"(?#note)a(?>b)", "ab"),
    ],
)
def test_a_witness_matches(pattern: str, text: str) -> None:
    """The shortest text, of welcome characters."""
    assert witness(read_tree(pattern)) == text


def test_a_witness_may_be_impossible() -> None:
    """No text of these characters."""
    assert witness(read_tree("a|bc"), mask_of("c")) is None
    assert witness(read_tree("(?:a|b)*"), mask_of("c")) == ""


def test_suspects_are_few() -> None:
    """Static rules alone clear patterns in which no repeat can take what another one takes."""
    for pattern in FAST[:10]:
        assert len(list(suspects(read_tree(compiled(pattern).expression)))) <= 1, pattern
