"""Filebeat's inputs and ingest pipelines, on lines of their logs."""

from __future__ import annotations

import json

import pytest
import yaml

from shipper.errors import DataError
from tests.grammar.foreign.bench import Converted, filebeat

BEAT = """
filebeat.inputs:
  - type: filestream
    id: shop
    paths: [/var/log/shop/*.log]
    parsers:
      - multiline: {type: pattern, pattern: '^\\d{4}-', negate: true, match: after}
    processors:
      - dissect:
          tokenizer: '%{at} %{level->} %{took|double} ms for %{?id} %{user}'
          target_prefix: ''
      - timestamp: {field: at, layouts: ['2006-01-02T15:04:05.999Z07:00']}
      - rename: {fields: [{from: user, to: user.name}]}
      - add_fields: {target: '', fields: {site: shop}}
      - drop_event: {when: {equals: {level: DEBUG}}}
processors:
  - drop_fields: {fields: [level]}
output.logstash: {hosts: [logstash.example.com]}
"""
INGEST = """
description: access log of the shop
processors:
  - rename: {field: message, target_field: event.original}
  - grok:
      field: event.original
      patterns:
        - '^%{IP:source.ip} %{ORDER:order} %{NUMBER:took:double} %{INT:n:long} %{DATE:_tmp.at}$'
      pattern_definitions: {ORDER: '[A-Z]{2}\\d+', DATE: '[\\d/A-Za-z:]+ %{INT}'}
      ignore_missing: true
  - date: {field: _tmp.at, formats: ['dd/MMM/yyyy:H:m:s Z'], target_field: '@timestamp'}
  - convert: {field: order, target_field: shop.order, type: string}
  - set: {field: event.kind, value: event}
  - remove: {field: [_tmp.at, event.original]}
  - geoip: {field: source.ip}
  - set: {field: a, value: '{{source.ip}}'}
  - append: {field: a, value: b, if: 'ctx.x == null'}
on_failure:
  - set: {field: error.message, value: '{{ _ingest.on_failure_message }}'}
"""


def test_dissect_of_an_input() -> None:
    """Keys, types, padding and keys to skip; the time by Go's layout; names and constants.

    Processors of all inputs hold for each.
    """
    found = filebeat(BEAT, file="shop.yml")
    assert found.fields("2026-11-23T06:55:44.5Z INFO   12.5 ms for 7 ada king") == {
        **{"took": 12.5, "user.name": "ada king", "site": "shop"},
        "time": "2026-11-23T06:55:44.5Z",
    }
    assert found.losses == [
        "shop.yml:7: parser multiline: lines are joined by the source: "
        r"multiline: {start: '^\d{4}-'}",
        "shop.yml:15: processor drop_event: stands under if {'equals': {'level': 'DEBUG'}}: "
        "conditions are not taken over",
        "shop.yml:18: output.logstash: sources and the collector are named in the configuration",
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_an_ingest_pipeline(as_json: bool) -> None:
    """What Filebeat's modules are made of, in YAML and in JSON."""
    text = json.dumps(yaml.safe_load(INGEST), indent=1) if as_json else INGEST
    found = filebeat(text)
    line = "192.0.2.7 AB12 12.5 7 23/Nov/2026:06:55:44 +0000"
    parsed = found.grammars["p"].parse(line, 0)
    assert parsed is not None
    assert (parsed.fields, parsed.time_us) == (
        {
            "source.ip": "192.0.2.7",
            "shop.order": "AB12",
            "took": 12.5,
            "n": 7,
            "event.kind": "event",
        },
        1_795_416_944_000_000,
    )
    assert [loss.split(": ", 1)[1] for loss in found.losses] == [
        "processor geoip: Snowplow's IP lookup does it: name the field of the address by "
        "atomic: {ip: …}",
        "add_field a => %{source.ip}}: is put together of other fields",
        "processor append: stands under if ctx.x == null: conditions are not taken over",
        "on_failure: sources and the collector are named in the configuration",
    ]


@pytest.mark.parametrize(
    ("processor", "line", "fields"),
    [
        ("json: {field: message, add_to_root: true}", '{"a":1}', {"a": 1}),
        (
            "kv: {field: message, field_split: ';', value_split: ':'}",
            "a:1;b:x",
            {"a": "1", "b": "x"},
        ),
        ("csv: {field: message, target_fields: [a, b], separator: ;}", "1;x", {"a": "1", "b": "x"}),
        ("dissect: {field: message, pattern: '%{a}-%{b}'}", "1-x", {"a": "1", "b": "x"}),
    ],
)
def test_other_processors_that_read_lines(
    processor: str, line: str, fields: dict[str, object]
) -> None:
    """json, kv, csv, dissect."""
    found = filebeat(f"processors:\n  - {processor}\n", line)
    assert found.losses == []
    assert found.fields(line) == fields


@pytest.mark.parametrize(
    ("text", "line", "fields"),
    [
        ("parsers: [{ndjson: {}}]", '{"a":1}', {"a": 1}),
        (
            "processors: [{decode_json_fields: {fields: [message], target: ''}}]",
            '{"a":1}',
            {"a": 1},
        ),
        ("processors: [{dissect: {tokenizer: '%{a} %{b}'}}]", "1 x", {"dissect.a": "1"}),
    ],
)
def test_inputs_in_files_of_their_own(text: str, line: str, fields: dict[str, object]) -> None:
    """A list of inputs, as in inputs.d; and nested keys."""
    for whole in (f"- {{id: a, {text}}}", f"filebeat: {{inputs: [{{id: a, {text}}}]}}"):
        found = filebeat(whole).fields(line)
        assert found is not None
        assert fields.items() <= found.items()


def losses(text: str) -> list[str]:
    found: Converted = filebeat(text)
    return [loss.split(": ", 1)[1] for loss in found.losses]


@pytest.mark.parametrize(
    ("parser", "told"),
    [
        ("container: {}", "parser container: lines are unwrapped by the source: container: auto"),
        (
            "multiline: {pattern: '^\\s', negate: false, match: after}",
            "multiline: {start: '^', mode: continue_through, condition: '^\\s'}",
        ),
        (
            "multiline: {pattern: '\\\\$', negate: false, match: before}",
            "multiline: has modes for it",
        ),
        ("syslog: {}", "parser syslog: has no counterpart"),
    ],
)
def test_parsers_of_an_input_go_into_the_source(parser: str, told: str) -> None:
    """What to write there is told."""
    (loss,) = losses(
        f"- {{id: a, parsers: [{{ndjson: {{}}}}, {parser}]}}".replace(": {}}", ": {}}")
    )
    assert loss.endswith(told) or told in loss


def test_inputs_that_parse_nothing_are_told() -> None:
    """They have a grammar to be chosen; so are keys of the older notation."""
    assert losses("- {paths: [/a.log], multiline.pattern: x}") == [
        "multiline.pattern: is the older notation: see parsers, and multiline of a source",
        "/a.log: takes lines as they are: choose their grammar with shipper init, or auto",
    ]


@pytest.mark.parametrize(
    ("processor", "told"),
    [
        ("convert: {fields: [{from: a, type: ip}]}", "processor convert => a ip: is no type that"),
        (
            "timestamp: {field: b, layouts: [UNIX]}",
            "processor timestamp b, UNIX: no grammar made of",
        ),
        ("timestamp: {field: a, layouts: [TAI]}", "the time format TAI: unknown time format"),
        ("rename: {fields: [], colour: red}", "processor rename, colour: is not known"),
        ("add_host_metadata: {}", "processor add_host_metadata: has no counterpart"),
        ("script: {lang: javascript}", "processor script: has no counterpart"),
        (
            "dissect: {tokenizer: '%{+a} %{b}'}",
            "dissect %{+dissect.a} %{dissect.b}: %{+dissect.a} j",
        ),
    ],
)
def test_what_is_not_taken_over_is_told(processor: str, told: str) -> None:
    """With its place and the reason; the grammar beside it is made all the same."""
    found = filebeat(
        "- processors:\n    - dissect: {tokenizer: '%{a} x', target_prefix: ''}\n"
        f"    - {processor}\n"
    )
    assert found.fields("1 x") == {"a": "1"}
    assert [loss.startswith(f"p.yml:3: {told}") for loss in found.losses] == [True]


@pytest.mark.parametrize("text", ["", "words", "output: {}", "a: [", "processors: 7"])
def test_what_is_no_such_file_is_an_error(text: str) -> None:
    """And no silence."""
    with pytest.raises(DataError):
        filebeat(text)
