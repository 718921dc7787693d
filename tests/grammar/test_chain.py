"""Grammars inside grammars: whose field, whose time, whose schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from shipper.errors import GrammarError
from shipper.grammar.chain import union
from shipper.grammar.grammar import Grammar
from shipper.grammar.iglu import iglu_schema
from shipper.grammar.library import Library
from shipper.grammar.spec import FieldSpec
from shipper.model import Dropped
from tests.grammar.shelf import NOW_US, grammar

SYSLOG = """
match: ['%{SYSLOGTIMESTAMP:stamp} %{NOTSPACE:host} %{WORD:program}: %{GREEDYDATA:message}']
fields:
  host: {max_length: 9}
  program: {}
  message: {max_length: 30, on_long: truncate}
  syslog_timestamp: {type: timestamp, formats: [iso8601]}
time: {field: stamp, formats: ['%b %e %H:%M:%S']}
"""
KEEP = """
then:
  field: message
  grammar: [json_lines, logfmt]
  otherwise: keep
  outer_time: syslog_timestamp
"""
HEAD = "Nov 23 06:55:44 web1 app: "


def fields(it: Grammar, text: str) -> dict[str, Any]:
    parsed = it.parse(text, NOW_US)
    assert parsed is not None, it.explain(text, NOW_US)
    assert parsed.grammar == "it"
    return parsed.fields


def test_the_inner_record_goes_before_the_outer() -> None:
    """Its message, its host and its time count; the time of the header has a field of its own."""
    it = grammar(SYSLOG + KEEP)
    parsed = it.parse(HEAD + '{"message":"m","host":"h2","ts":"2026-11-23T06:55:45Z"}', NOW_US)
    assert parsed is not None
    assert parsed.time_us == NOW_US + 1_000_000
    assert parsed.fields == {
        **{"host": "h2", "program": "app", "message": "m"},
        "syslog_timestamp": "2026-11-23T06:55:44Z",
    }


def test_the_first_that_takes_it_counts() -> None:
    """In the order in which they are named."""
    assert fields(grammar(SYSLOG + KEEP), HEAD + "a=b")["a"] == "b"


def test_what_none_takes_is_kept_or_refused() -> None:
    """As `otherwise` says; refused, the inner one that got furthest explains, at its place."""
    kept = grammar(SYSLOG + KEEP)
    words = HEAD + "some words that are nothing else, and rather many"
    assert fields(kept, words)["message"] == "some words that are nothing el"
    refused = grammar(SYSLOG + KEEP.replace("keep", "refuse"))
    assert refused.parse(words, NOW_US) is None
    miss = refused.explain(HEAD + '{"a":1 "b"}', NOW_US)
    assert (miss.grammar, miss.column) == ("it", len(HEAD) + 8)
    assert "closing bracket" in miss.expected


def test_inner_grammars_see_the_whole_text() -> None:
    """Although the field that keeps it is cut."""
    body = '{"level":"info","user":"' + "x" * 40 + '"}'
    it = grammar(SYSLOG + KEEP)
    assert fields(it, HEAD + body)["user"] == "x" * 40
    assert fields(it, HEAD + body)["message"] == body[:30]


def test_a_field_that_is_not_described_is_used_up() -> None:
    """As the time is; Docker's line end goes as well, and JSON is read as its text."""
    it = grammar("parse: json\nthen: {field: log, grammar: [json_lines, logfmt]}")
    assert fields(it, '{"log":"a=b\\n","stream":"stdout"}') == {"a": "b", "stream": "stdout"}
    assert fields(it, '{"log":{"level":"info"}}') == {"level": "info"}
    assert it.parse('{"stream":"stdout"}', 0) is None
    assert it.explain('{"stream":"stdout"}', 0).expected == "the field log"


def test_a_bad_outer_field_refuses_the_record() -> None:
    """The limits of the field hold, whatever another grammar made of its text."""
    it = grammar(SYSLOG.replace("on_long: truncate", "on_long: reject") + KEEP)
    text = HEAD + "key=" + "x" * 40
    assert it.parse(text, NOW_US) is None
    miss = it.explain(text, NOW_US)
    assert (miss.reason, miss.field, miss.column) == ("bad_value", "message", len(HEAD) + 1)


def test_the_whole_record_may_be_another_grammars() -> None:
    """Several kinds of records under one schema."""
    it = grammar("then: {grammar: [json_lines, logfmt]}")
    assert fields(it, '{"a":1}') == {"a": 1}
    assert fields(it, "a=1") == {"a": "1"}
    assert it.parse("words", 0) is None
    assert it.explain("a=1 b", 0).column


def shelf(directory: Path, **files: str) -> Library:
    for name, body in files.items():
        head = f"name: {name}\ntitle: x\nschema: iglu:org.example/{name}/jsonschema/1-0-0\n"
        (directory / f"{name}.yaml").write_text(head + body)
    return Library([directory])


def test_a_circle_is_refused(tmp_path: Path) -> None:
    """At the file and line that closes it."""
    library = shelf(
        tmp_path,
        one="parse: json\nthen: {field: m, grammar: two}",
        two="parse: json\nfields:\n  a: {}\nthen: {field: m, grammar: [json_lines, one]}",
    )
    with pytest.raises(GrammarError) as caught:
        library.get("one")
    (problem,) = caught.value.problems
    assert problem.where == f"{tmp_path}/two.yaml:7"
    assert "one -> two -> one" in problem.what


def test_a_mistake_inside_is_told_of_the_inner_file(tmp_path: Path) -> None:
    """Not of the one that names it."""
    library = shelf(tmp_path, outer="then: {grammar: inner}", inner="match: ['(']")
    with pytest.raises(GrammarError) as caught:
        library.get("outer")
    assert [problem.where for problem in caught.value.problems] == [f"{tmp_path}/inner.yaml:4"]


def test_three_levels(tmp_path: Path) -> None:
    """Docker's line holds a syslog line that holds JSON."""
    library = shelf(
        tmp_path,
        docker="parse: json\nthen: {field: log, grammar: syslog}",
        syslog="match: ['%{WORD:program}: %{GREEDYDATA:body}']\nfields: {program: {}}\n"
        "then: {field: body, grammar: json_lines}",
    )
    it = library.get("docker")
    parsed = it.parse('{"log":"app: {\\"a\\":1}\\n","stream":"stderr"}', 0)
    assert parsed is not None
    assert parsed.fields == {"program": "app", "a": 1, "stream": "stderr"}
    assert iglu_schema(it)["additionalProperties"] is True


def test_a_directive_inside_drops_the_record(tmp_path: Path) -> None:
    """A line that gives no event gives none inside another either."""
    library = shelf(
        tmp_path, outer="parse: json\nthen: {field: log, grammar: inner}", inner="parse: w3c"
    )
    assert isinstance(library.get("outer").parse('{"log":"#Version: 1.0"}', 0), Dropped)


def spec(**keys: Any) -> FieldSpec:
    return FieldSpec.model_validate({"type": "string", **keys})


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        (spec(max_length=5), spec(max_length=9), {"maxLength": 9}),
        (spec(max_length=5), spec(), {"maxLength": 4096}),
        (spec(values=["a"]), spec(values=["b"]), {"enum": ["a", "b", None]}),
        (spec(values=["abc"]), spec(max_length=2), {"maxLength": 3}),
        (spec(type="ip"), spec(type="ip"), {"maxLength": 64}),
        (spec(type="ip"), spec(max_length=70), {"maxLength": 70}),
        (spec(type="uuid"), spec(type="ip"), {"maxLength": 64}),
        (
            spec(type="integer", minimum=0, maximum=5),
            spec(type="integer", minimum=3, maximum=9),
            {"minimum": 0, "maximum": 9},
        ),
        (
            spec(type="integer", minimum=-1, maximum=5),
            spec(type="duration", unit="s", maximum=9),
            {"minimum": -1, "maximum": 9},
        ),
        (spec(type="boolean"), spec(type="boolean"), {}),
        (spec(type="boolean"), spec(), None),
        (spec(type="integer"), spec(), None),
    ],
)
def test_two_fields_make_one_column(
    one: FieldSpec, two: FieldSpec, both: dict[str, Any] | None
) -> None:
    """As wide as either asks; numbers, truth values and texts are never one."""
    for first, second in ((one, two), (two, one)):
        found = union(first, second)
        if both is None:
            assert found is None
            continue
        assert found is not None
        it = grammar("parse: json")
        it.spec.fields["x"] = found
        rule = iglu_schema(it)["properties"]["x"]
        del rule["description"], rule["type"]
        if "enum" in rule:
            rule["enum"].sort(key=lambda value: value or "z")
        assert rule == both


LOOSE = """
parse: json
fields: {status: {type: integer}, at: {type: timestamp, formats: [iso8601]}, log: {}}
then: {field: log, grammar: json_lines, otherwise: keep}
"""
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
)
KEYS = st.sampled_from(["status", "at", "level", "message", "logger", "x", "log"])


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, VALUES))
def test_whatever_is_merged_is_valid(outer: dict[str, Any], inner: dict[str, Any]) -> None:
    """A key that one grammar lists and the other only keeps is typed, or left out."""
    it = grammar(LOOSE)
    parsed = it.parse(json.dumps({**outer, "log": json.dumps(inner)}), 0)
    if parsed is not None:
        schema = iglu_schema(it)
        del schema["$schema"]
        Draft4Validator(schema).validate(orjson.loads(orjson.dumps(parsed.fields)))
