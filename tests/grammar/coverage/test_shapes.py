"""Tokens, clusters and the patterns that are suggested for them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.grammar.coverage.clusters import Cluster, Clusters
from shipper.grammar.coverage.shapes import MOST, tokens
from shipper.grammar.coverage.suggestion import suggest_pattern
from shipper.grammar.grok import compile_grok
from tests.grammar.shelf import core

WORDS = [
    "ada",
    "bob",
    "7",
    "1.5",
    "192.0.2.7",
    "[a b]",
    '"q"',
    "k=v",
    "x:",
    "INFO",
    "-",
    "2001:db8::1",
]
LINES = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=8).map(" ".join)


def clustered(*lines: str) -> list[Cluster]:
    clusters = Clusters()
    for line in lines:
        clusters.add(line)
    return clusters.found()


def suggested(*lines: str) -> str:
    """Return the pattern for *lines*, which are of one shape; it has to take them all."""
    (cluster,) = clustered(*lines)
    assert cluster.count == len(lines)
    pattern = suggest_pattern(cluster)
    for line in lines:
        assert compile_grok(pattern, core()).pattern.fullmatch(line), (pattern, line)
    return pattern


@settings(max_examples=200)
@given(st.text(max_size=60) | LINES)
def test_tokens_are_the_line(line: str) -> None:
    """Joined they are the line again, whatever it holds."""
    assert "".join(token.text for token in tokens(line)) == line


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("2026-11-23T06:55:44.5Z x", ["iso_time", "blank", "word"]),
        ("[23/Nov/2026:06:55:44 +0000]", ["square"]),
        ("Nov  3 06:55:44 web-1", ["syslog_time", "blank", "text"]),
        ("06:55:44,1 2001:db8::1", ["clock", "blank", "ip"]),
        ("a=1 b: -5", ["key", "integer", "blank", "word", "sign", "blank", "integer"]),
        ('"a \\" b" (c d) <e>', ["quoted", "blank", "round", "blank", "angle"]),
        ("/var/log:", ["path", "sign"]),
        ("1.2.3 1.2", ["text", "blank", "number"]),
        ("warn WARNING Warn", ["level", "blank", "level", "blank", "word"]),
        ("", []),
    ],
)
def test_values_are_recognised(line: str, kinds: list[str]) -> None:
    """Times, addresses, numbers, what stands in quotes or brackets, and the signs between."""
    assert [token.kind for token in tokens(line)] == kinds


def test_a_long_line_ends_in_one_token() -> None:
    """Work on a line is bounded."""
    found = tokens("a " * 1000)
    assert len(found) == MOST + 1
    assert found[-1].kind == "rest"


@pytest.mark.parametrize(
    ("lines", "pattern"),
    [
        (
            ["Connection from 192.0.2.7 port 50312", "Connection from ::1 port 22"],
            "Connection from %{IP:ip} port %{INT:number:int}",
        ),
        (
            ["level=info user=ada took=0.5", "level=warn user=bob took=3"],
            "level=%{LOGLEVEL:level} user=%{WORD:user} took=%{NUMBER:took:float}",
        ),
        (
            ["[23/Nov/2026:06:55:44 +0000] (7) <x>", "[24/Nov/2026:06:55:44 +0000] (8) <y>"],
            r"\[%{HTTPDATE:timestamp}\] \(%{INT:number:int}\) <%{WORD:word}>",
        ),
        (
            ["[main] a.b.C: 1", "[pool 1] a.b.D: 2"],
            r"\[(?<bracketed>[^\[\]]*+)\] (?<text>[^\s\"\[\]()<>,;=|:]++): %{INT:number:int}",
        ),
        (
            ["06:55:44 INFO - started in time", "06:55:45 WARN - lost it", "06:55:46 INFO - x"],
            "%{TIME:time} %{LOGLEVEL:level} - %{GREEDYDATA:message}",
        ),
        (["a  b 1", "a b 2"], r"a\s++b %{INT:number:int}"),
        (["7 7 7", "8 8 8"], "%{INT:number:int} %{INT:number_2:int} %{INT:number_3:int}"),
        (["user.name=ada x", "user.name=bob x"], "user\\.name=%{WORD:user_name} x"),
    ],
)
def test_a_pattern_is_suggested(lines: list[str], pattern: str) -> None:
    """What agrees is text, what varies a field with a type and a name; prose is free text."""
    assert suggested(*lines) == pattern


def test_lines_of_other_shapes_are_apart() -> None:
    """The first word, a sign, the number of values: what differs in them is another shape."""
    found = clustered("opened 1", "closed by ada at 5", "opened 2", "[x] opened 3", "<x> opened 4")
    assert [cluster.count for cluster in found] == [2, 1, 1, 1]


def test_memory_is_bounded_and_frequent_shapes_stay() -> None:
    """Ten thousand shapes that come once do not drive out one that comes again and again."""
    clusters = Clusters(limit=50)
    for number in range(10_000):
        unique = f"{'x' * (number % 97 + 1)}{number} {'| ' * (number % 23)}{'# ' * (number % 31)}"
        clusters.add(unique)
        if number % 10 == 0:
            assert clusters.add(f"door {number} opened by {number}.5") != 0
    found = clusters.found()
    assert len(found) <= 50
    assert found[0].count == 1000
    assert suggest_pattern(found[0]) == "door %{INT:number:int} opened by %{NUMBER:number_2:float}"


def test_when_nothing_can_go_new_shapes_belong_nowhere() -> None:
    """All clusters have come twice: the next shape has number 0."""
    clusters = Clusters(limit=2)
    for line in ("a 1", "a 2", "[b] 1", "[b] 2"):
        assert clusters.add(line) > 0
    assert clusters.add("<c> 1") == 0


@settings(max_examples=150)
@given(st.lists(LINES, min_size=1, max_size=12))
def test_the_same_lines_give_the_same_patterns_and_they_fit(lines: list[str]) -> None:
    """Deterministic; and the pattern of a cluster takes every line that joined it."""
    one, two = Clusters(), Clusters()
    numbers = [one.add(line) for line in lines]
    assert [two.add(line) for line in lines] == numbers
    patterns = {cluster.number: suggest_pattern(cluster) for cluster in one.found()}
    assert patterns == {cluster.number: suggest_pattern(cluster) for cluster in two.found()}
    for number, line in zip(numbers, lines, strict=True):
        if "\n" not in line:
            assert compile_grok(patterns[number], core()).pattern.fullmatch(line), patterns[number]
