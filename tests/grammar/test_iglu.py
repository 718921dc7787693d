"""Schemas: they pass igluctl's lint rules, and whatever a grammar emits is valid against them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from shipper.errors import GrammarError
from shipper.grammar.grammar import Grammar
from shipper.grammar.iglu import iglu_schema, of_vendor, write_registry
from shipper.grammar.iglu_lint import lint_schema
from shipper.model import Dropped
from tests.grammar.shelf import NOW_US, SHIPPED, grammar, library

ALL_TYPES = """
match: ['%{INT:i:int} %{NUMBER:n:float} %{WORD:b:bool} %{IP:ip} %{WORD:e}(?: %{DATA:s})?']
fields:
  i: {}
  n: {minimum: 0.5}
  b: {}
  ip: {type: ip}
  e: {values: [on, off], on_error: drop}
  s: {max_length: 7}
"""


@cache
def every() -> list[Grammar]:
    return [*library().all(), grammar(ALL_TYPES)]


@pytest.mark.parametrize("name", [*SHIPPED, "it"])
def test_a_schema_passes_the_lint(name: str) -> None:
    """Generated schemas keep all rules of igluctl, the skippable ones too."""
    (it,) = [found for found in every() if found.name == name]
    assert [str(fault) for fault in lint_schema(iglu_schema(it))] == []


def test_a_schema_says_what_the_fields_say() -> None:
    """Types, limits, and what is required: only what every record has."""
    schema = iglu_schema(grammar(ALL_TYPES))
    assert schema["self"] == {
        "vendor": "org.example",
        "name": "it",
        "format": "jsonschema",
        "version": "1-0-0",
    }
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["i", "n", "b"]
    rules = {name: {**rule} for name, rule in schema["properties"].items()}
    assert all(rule.pop("description") for rule in rules.values())
    assert rules == {
        "i": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        "n": {"type": "number", "minimum": 0.5, "maximum": 1.7976931348623157e308},
        "b": {"type": "boolean"},
        "ip": {"type": ["string", "null"], "maxLength": 64},
        "e": {"type": ["string", "null"], "enum": ["on", "off", None]},
        "s": {"type": ["string", "null"], "maxLength": 7},
    }


def test_extra_keys_are_allowed_only_where_they_are_kept() -> None:
    """A grammar that keeps unlisted keys has an open schema; no other has."""
    assert iglu_schema(grammar("parse: json"))["additionalProperties"] is True
    assert iglu_schema(grammar("parse: json\nextra: drop"))["additionalProperties"] is False


def test_the_registry_is_static_files(tmp_path: Path) -> None:
    """Each schema stands at the path that its `self` says; a second run changes nothing."""
    files = write_registry(library().all(), tmp_path)
    assert len(files) == len(SHIPPED)
    for file in files:
        text = file.read_bytes()
        schema = orjson.loads(text)
        self = schema["self"]
        parts = ("schemas", self["vendor"], self["name"], self["format"], self["version"])
        assert file == tmp_path.joinpath(*parts)
        assert text.endswith(b"}\n")
    assert write_registry(library().all(), tmp_path) == files
    found = [Path(top) / name for top, _, names in os.walk(tmp_path) for name in names]
    assert sorted(found) == sorted(files)


def test_the_vendor_can_be_another(tmp_path: Path) -> None:
    """Ours is replaced in `self` and in the path; a schema of another vendor stays."""
    shipped, own = library().get("logfmt"), grammar("parse: json")
    files = write_registry([shipped, own], tmp_path, vendor="com.acme")
    assert [file.relative_to(tmp_path / "schemas").parts[0] for file in files] == [
        "com.acme",
        "org.example",
    ]
    assert orjson.loads(files[0].read_bytes())["self"]["vendor"] == "com.acme"
    assert of_vendor(iglu_schema(shipped), None) == iglu_schema(shipped)


def test_two_grammars_may_not_mean_different_things_by_one_schema(tmp_path: Path) -> None:
    """The second would overwrite the first; nothing is written."""
    with pytest.raises(GrammarError, match="is the schema of another grammar"):
        write_registry([grammar("parse: json"), grammar(ALL_TYPES)], tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(write_registry([grammar("parse: json")] * 2, tmp_path)) == 1


TEXT = st.text(max_size=12)
DIGITS = st.integers(-5, 2**70).map(str)
TOKEN = st.text(st.characters(exclude_characters=' "\\[]\n', codec="utf-8"), max_size=8)
STAMP = st.sampled_from(["23/Nov/2026:06:55:44 +0000", "29/Feb/2028:00:00:00 -0330"])
SAMPLES = {it.name: [sample.line for sample in it.spec.samples] for it in library().all()}


@st.composite
def access_lines(draw: st.DrawFn) -> str:
    who = [draw(st.sampled_from(["192.0.2.1", "::1", "web", "-"])), draw(TOKEN), draw(TOKEN)]
    request = draw(st.sampled_from(["GET /{} HTTP/1.1", "{}", "GET /{}", "A b {} c HTTP/2"]))
    quoted = [request.format(draw(TOKEN)), draw(TEXT), draw(TEXT)]
    tail = f"{draw(DIGITS | st.just('-'))} {draw(DIGITS | st.just('-'))}"
    line, referrer, agent = (text.replace('"', r"\"").replace("\\", "") for text in quoted)
    return f'{" ".join(who)} [{draw(STAMP)}] "{line}" {tail} "{referrer}" "{agent}"'


@st.composite
def syslog_lines(draw: st.DrawFn) -> str:
    priority = draw(st.sampled_from(["", "<{}>"])).format(draw(st.integers(0, 200)))
    tag = draw(st.sampled_from(["{}: ", "{}[7]: ", "{} x[{}]: ", ""])).format(draw(TOKEN), 9)
    return f"{priority}Nov 23 06:55:44 {draw(TOKEN)} {tag}{draw(TEXT)}"


JSON_KEYS = st.sampled_from(["level", "msg", "message", "logger", "time", "ts", "x"]) | TEXT
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def as_json(value: Any) -> str:
    import json

    return json.dumps(value)


@st.composite
def mutated(draw: st.DrawFn, names: list[str]) -> str:
    line = draw(st.sampled_from(SAMPLES[draw(st.sampled_from(names))]))
    start = draw(st.integers(0, len(line)))
    return line[:start] + draw(TEXT) + line[start + draw(st.integers(0, 5)) :]


LINES = {
    "nginx_access": access_lines(),
    "apache_combined": access_lines(),
    "syslog_rfc3164": syslog_lines(),
    "json_lines": st.dictionaries(JSON_KEYS, JSON_VALUES).map(as_json),
    "logfmt": st.lists(st.tuples(TOKEN, TEXT)).map(
        lambda pairs: " ".join(f"{key}={as_json(value)}" for key, value in pairs)
    ),
}


@cache
def validator(name: str) -> Draft4Validator:
    (it,) = [found for found in every() if found.name == name]
    schema = iglu_schema(it)
    del schema["$schema"]
    return Draft4Validator(schema)


@pytest.mark.parametrize("name", SHIPPED)
@settings(max_examples=60)
@given(data=st.data())
def test_what_is_emitted_is_valid(name: str, data: st.DataObject) -> None:
    """Lines made up for the format, and real ones with a piece exchanged: valid, or refused."""
    it = library().get(name)
    own = mutated([name])
    text = data.draw(LINES.get(name, own) | own | mutated(SHIPPED))
    parsed = it.parse(text, NOW_US)
    if parsed is None:
        mismatch = it.explain(text, NOW_US)
        assert 1 <= mismatch.column <= len(text) + 1
        assert mismatch.expected
    elif not isinstance(parsed, Dropped):  # a heading is filtered
        validator(name).validate(orjson.loads(orjson.dumps(parsed.fields)))


@example("5 1.5 yes 192.0.2.1 on x")
@example("5 0.4 yes 192.0.2.1 on")
@example("5 1 no ::1 other 12345678")
@given(st.from_regex(r"\A-?[0-9]{1,20} [0-9.]{1,4} (?:yes|off|x) [0-9:.]+ o[nf]+(?: .{0,9})?\Z"))
def test_every_type_emits_what_its_schema_says(text: str) -> None:
    """Also for the types that no shipped grammar uses."""
    parsed = grammar(ALL_TYPES).parse(text, NOW_US)
    if parsed is not None:
        validator("it").validate(orjson.loads(orjson.dumps(parsed.fields)))
