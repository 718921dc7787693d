"""How lines become records, as it is configured."""

from __future__ import annotations

from typing import get_args

import pytest

from shipper.config.models import Config, SourceConfig
from shipper.config.records import Preset
from shipper.formats.multiline import PRESETS, MultilineRule
from shipper.formats.records import EMPTY as NOTHING_HELD
from shipper.formats.records import Line, Rules, assemble, flush
from tests.config.conftest import Desk


def written(keys: str) -> str:
    head = "collector: {url: 'http://c'}\nsources:\n- {name: web, paths: /a, grammar: g,\n"
    return f"{head}   {keys}}}\n"


def load(desk: Desk, keys: str) -> SourceConfig:
    config: Config = desk.load(written(keys))
    return config.sources[0]


def test_by_default_a_line_is_a_record(desk: Desk) -> None:
    """Nothing is joined, taken off or decoded in a special way unless it is asked for."""
    source = load(desk, "start: end")
    assert source.rules() is None
    assert (
        source.encoding,
        source.long_lines,
        source.container,
        source.multiline,
    ) == ("utf-8", "truncate", "none", None)


def test_an_empty_multiline_is_none(desk: Desk) -> None:
    """`multiline: null` says what leaving it out says."""
    assert load(desk, "multiline: null") == load(desk, "start: beginning")


def test_the_presets_are_those_of_the_format() -> None:
    """Every ready-made rule can be named, and no other."""
    assert set(get_args(Preset)) == set(PRESETS)


@pytest.mark.parametrize("name", [*PRESETS, "Java"])
def test_a_preset(desk: Desk, name: str) -> None:
    """A preset gives its rule with the default limits; upper and lower case are one."""
    source = load(desk, f"multiline: {{preset: {name}}}")
    assert source.rules() == Rules(multiline=PRESETS[name.lower()])
    assert source.multiline is not None
    assert source.multiline.timeout == 1.0


def test_the_limits_reach_the_rules(desk: Desk) -> None:
    """Limits are taken with their units."""
    keys = "multiline: {preset: go, timeout: 250ms, max_lines: 7, max_bytes: 2KiB}"
    source = load(desk, keys)
    assert source.rules() == Rules(multiline=PRESETS["go"], max_lines=7, max_bytes=2048)
    assert source.multiline is not None
    assert source.multiline.timeout == 0.25


@pytest.mark.parametrize("kind", ["auto", "docker", "cri"])
def test_a_container_needs_no_multiline(desk: Desk, kind: str) -> None:
    """Wrapping is taken off with or without a rule for several lines."""
    assert load(desk, f"container: {kind}").rules() == Rules(container=kind)  # type: ignore[arg-type]  # one of the literals
    both = load(desk, f"container: {kind}, multiline: {{start: '^a'}}").rules()
    assert both is not None
    assert (kind, MultilineRule.starts_with("^a")) == (both.container, both.multiline)


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        (r"start: '^\d'", MultilineRule.between(r"^\d", r"^\d", "halt_before")),
        ("start: a, condition: b", MultilineRule.between("a", "b", "halt_before")),
        ("start: a, mode: halt_with", MultilineRule.between("a", "a", "halt_with")),
        ("start: '=$', mode: CONTINUE_PAST", MultilineRule.between("=$", "=$", "continue_past")),
        (
            "start: '^a', condition: '^b', mode: continue_through",
            MultilineRule.between("^a", "^b", "continue_through"),
        ),
    ],
)
def test_patterns(desk: Desk, keys: str, rule: MultilineRule) -> None:
    """A start, a condition and a mode make a rule; the condition is the start if left out."""
    assert load(desk, f"multiline: {{{keys}}}").rules() == Rules(multiline=rule)


def test_the_rules_join_lines(desk: Desk) -> None:
    """What is configured is what happens to lines."""
    rules = load(desk, r"multiline: {start: '^\d'}").rules()
    assert rules is not None
    texts = ["1 one", "  more", "2 two"]
    lines = [Line(i * 10, text.encode(), text, len(text) + 1) for i, text in enumerate(texts)]
    records, held = assemble(lines, NOTHING_HELD, rules)
    assert [r.text for r in [*records, *flush(held, rules)]] == ["1 one\n  more", "2 two"]


@pytest.mark.parametrize(
    ("keys", "key", "what", "remedy"),
    [
        ("multiline: {}", "", "has neither a preset nor a start", "preset: java"),
        ("multiline: {timeout: 2s}", "", "has neither a preset nor a start", "preset: java"),
        ("multiline: java", "", "is 'java', not a mapping", "indented"),
        ("multiline: {preset: java, start: a}", "", "a preset and start beside it", "leave out"),
        ("multiline: {preset: go, mode: halt_with}", "", "a preset and mode", "leave out"),
        ("multiline: {preset: cobol}", "preset", "'cobol' is not among", "'java'"),
        ("multiline: {start: '^[a'}", "start", "is no regular expression: ", "backslash"),
        ("multiline: {start: a, condition: '('}", "condition", "is no regular", "backslash"),
        ("multiline: {start: a, mode: until}", "mode", "'until' is not among", "'halt_with'"),
        ("multiline: {start: 5}", "start", "is 5, not a text", "quotes"),
        (f"multiline: {{start: {'a' * 4001}}}", "start", "is longer than 4000", "shorten"),
        ("multiline: {start: a, max_lines: 0}", "max_lines", "0 is too small", "at least 1"),
        ("multiline: {start: a, max_bytes: 1kB}", "max_bytes", "'1kB' is too small", "1,024"),
        ("multiline: {start: a, max_bytes: 1GB}", "max_bytes", "is too large", "16,777,216"),
        ("multiline: {start: a, timeout: 0}", "timeout", "0 is too small", "at least"),
        ("multiline: {start: a, timeout: soon}", "timeout", "is not a number", "500ms"),
        ("multiline: {begin: a}", "begin", "is not a known key", "known keys here are preset"),
    ],
)
def test_mistakes_in_multiline(desk: Desk, keys: str, key: str, what: str, remedy: str) -> None:
    """Each mistake is told at its own line and key, with what would be right."""
    problems = desk.problems(written(keys))
    problem = problems[0]
    assert problem.key == f"sources[0].multiline.{key}".rstrip(".")
    assert problem.where == f"{desk.file}:4"
    assert what in problem.what
    assert remedy in problem.remedy


def test_a_mistake_in_a_pattern_is_at_its_own_line(desk: Desk) -> None:
    """A multiline over several lines points at the line with the pattern that is wrong."""
    text = (
        "collector: {url: 'http://c'}\nsources:\n- name: web\n  paths: /a\n  grammar: g\n"
        "  multiline:\n    start: '^a'\n    mode: halt_with\n    condition: '(?<x'\n"
    )
    problem = desk.only(text)
    assert (f"{desk.file}:9", "sources[0].multiline.condition") == (problem.where, problem.key)


@pytest.mark.parametrize("name", ["utf-8", "UTF-16", "latin-1", "shift_jis", "cp500", "utf-8-sig"])
def test_encodings(desk: Desk, name: str) -> None:
    """Any encoding of text that Python knows is taken under any of its names."""
    assert load(desk, f"encoding: {name}").encoding == name


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("utf-9", "unknown encoding 'utf-9'", "did you mean 'utf-"),
        ("base64", "is no encoding of a log file", "use utf-8"),
        ("idna", "is no encoding of a log file", "use utf-8"),
        ("klingon", "unknown encoding 'klingon'", "use utf-8"),
        ('"a\\0b"', "unknown encoding", "use utf-8"),
        ("''", "is empty", "write a value"),
        ("5", "is 5, not a text", "quotes"),
    ],
)
def test_what_is_no_encoding(desk: Desk, name: str, what: str, remedy: str) -> None:
    """A name that no log file can be read with is told, with the nearest that can."""
    problem = desk.only(written(f"encoding: {name}"))
    assert problem.key == "sources[0].encoding"
    assert what in problem.what
    assert remedy in problem.remedy


@pytest.mark.parametrize("policy", ["truncate", "dead_letter", "skip"])
def test_long_lines(desk: Desk, policy: str) -> None:
    """There are three things that can become of a long line."""
    assert load(desk, f"long_lines: {policy}").long_lines == policy
    problem = desk.only(written("long_lines: drop"))
    assert f"'{policy}'" in problem.remedy


@pytest.mark.parametrize(("size", "right"), [(4_097, 4_096), (65_535, 65_532)])
def test_chunks_are_whole_code_units(desk: Desk, size: int, right: int) -> None:
    """A chunk is a multiple of four bytes, so that it begins at a character of any encoding."""
    text = f"{written('start: end')}tail: {{chunk_bytes: {size}}}\n"
    problem = desk.only(text)
    assert ("tail.chunk_bytes", f"use {right}") == (problem.key, problem.remedy)
    assert desk.load(text.replace(str(size), str(right))).tail.chunk_bytes == right
