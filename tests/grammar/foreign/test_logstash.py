"""Pipelines of Logstash, on lines of their logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grammar.foreign.bench import logstash

LINE = "2026-11-23T06:55:44Z INFO [main] order AB123456 took 12.5 ms for ada"
GROK = (
    '"%{TIMESTAMP_ISO8601:at} %{LOGLEVEL:level} \\[%{DATA:thread}\\] order %{ORDER:[order][id]} '
    'took %{NUMBER:took:float} ms for %{USERNAME:user}"'
)


def pipeline(*filters: str, grok: str = "") -> str:
    reader = (
        f'grok {{ match => {{ "message" => {GROK} }} '
        f'pattern_definitions => {{ "ORDER" => "[A-Z]{{2}}\\d{{6}}" "UNUSED" => "x" }} {grok} }}'
    )
    return "filter {\n" + "\n".join([reader, *filters]) + "\n}\n"


def test_grok_and_date() -> None:
    """Patterns, definitions of its own, nested names, types; the time is the record's."""
    found = logstash(pipeline('date { match => ["at", "ISO8601"] timezone => "Europe/Berlin" }'))
    assert found.losses == []
    assert found.fields(LINE) == {
        **{"level": "INFO", "thread": "main", "order.id": "AB123456", "took": 12.5, "user": "ada"},
        "time": "2026-11-23T06:55:44Z",
    }
    spec = found.grammars["p"].spec
    assert spec.patterns == {"ORDER": r"[A-Z]{2}\d{6}"}
    assert spec.time
    assert spec.time.timezone == "Europe/Berlin"


def test_it_is_searched_in_the_line_as_before() -> None:
    """Unless samples show that it takes whole lines."""
    found = logstash(pipeline())
    assert found.fields(f"<13> {LINE}, and more") is not None
    assert "it is searched in a line" in found.made["p"].notes[0]
    strict = logstash(pipeline(), LINE, "junk")
    assert strict.fields(LINE) is not None
    assert strict.fields(f"<13> {LINE}, and more") is None
    assert strict.made["p"].notes == ()
    loose = logstash(pipeline(), LINE, f"<13> {LINE}")
    assert loose.fields(f"<13> {LINE}") is not None


def test_several_patterns_are_tried_in_order() -> None:
    """A list of patterns is one grammar; one without the time makes that optional."""
    found = logstash(
        'filter { grok { match => { "message" => ["^%{INT:n:int} %{WORD:w}$", "^%{WORD:w} %{NUMBER'
        ':t}$", "^%{WORD:w}$"] } } date { match => ["t", "UNIX"] } }'
    )
    assert found.fields("7 x") == {"n": 7, "w": "x"}
    assert found.fields("x 1795416944") == {"w": "x", "time": "2026-11-23T06:55:44Z"}
    assert found.fields("x") == {"w": "x"}
    assert found.fields("x y z") is None


def test_the_older_notation_of_match() -> None:
    """A list of field and pattern."""
    found = logstash('filter { grok { match => ["message", "^%{INT:n:int}$"] } }')
    assert found.fields("7") == {"n": 7}


def test_mutate_as_far_as_it_maps() -> None:
    """rename, then convert, whatever their order; constants; fields to leave out."""
    found = logstash(
        pipeline(
            'mutate { convert => { "ms" => "integer" } rename => { "took" => "ms" } }',
            'mutate { add_field => { "[site][name]" => "shop" } }',
            'mutate { remove_field => ["thread", "host"] }',
            'date { match => ["at", "ISO8601"] remove_field => "at" }',
            grok='remove_field => "message"',
        ).replace(":float", "")
    )
    assert found.losses == []
    parsed = found.grammars["p"].parse(LINE.replace("12.5", "12"), 0)
    assert parsed is not None
    assert parsed.fields == {
        **{"level": "INFO", "order.id": "AB123456", "ms": 12, "user": "ada", "site.name": "shop"},
    }


def test_a_field_may_be_read_as_a_time_after_it_was_renamed() -> None:
    """date names it as it is called then."""
    found = logstash(
        pipeline('mutate { rename => { "at" => "when" } }', 'date { match => ["when", "ISO8601"] }')
    )
    fields = found.fields(LINE)
    assert fields is not None
    assert fields["time"] == "2026-11-23T06:55:44Z"
    assert not {"at", "when"} & fields.keys()


@pytest.mark.parametrize(
    ("filters", "line", "fields"),
    [
        ('json { source => "message" }', '{"a":[1],"b":"x"}', {"a": [1], "b": "x"}),
        ("kv { }", "a=1 b=x", {"a": "1", "b": "x"}),
        ("kv { field_split => '&' value_split => ':' }", "a:1&b:x y", {"a": "1", "b": "x y"}),
        (
            'csv { columns => ["a", "b"] separator => ";" convert => { "a" => "integer" } }',
            '7;"x;y"',
            {"a": 7, "b": "x;y"},
        ),
        (
            'dissect { mapping => { message => "%{a} - %{b}" } convert_datatype => { a => int } }',
            "7 - x y",
            {"a": 7, "b": "x y"},
        ),
    ],
)
def test_other_filters_that_read_lines(filters: str, line: str, fields: dict[str, object]) -> None:
    """json, kv, csv and dissect."""
    found = logstash(f"filter {{ {filters} }}", line)
    assert found.losses == []
    assert found.fields(line) == fields


def test_pattern_files(tmp_path: Path) -> None:
    """Directories beside the pipeline; only what is needed goes into the grammar."""
    (tmp_path / "patterns").mkdir()
    (tmp_path / "patterns/shop").write_text("SKU [a-z]+-%{SKUNO}\nSKUNO \\d+\nOTHER x\n")
    text = 'filter { grok { patterns_dir => "patterns" match => { message => "^%{SKU:sku}$" } } }'
    found = logstash(text, file=tmp_path / "shop.conf")
    assert found.losses == []
    assert found.fields("a-7") == {"sku": "a-7"}
    assert set(found.grammars["shop"].spec.patterns) == {"SKU", "SKUNO"}


def test_conditions_are_told_and_not_guessed() -> None:
    """Each filter that reads is a grammar; what is beside and around it is applied to it."""
    found = logstash(
        """filter {
  if [type] == "a" {
    grok { id => "alpha" match => { message => "^a=%{INT:n} %{INT:t}$" } }
    if "_grokparsefailure" in [tags] { drop { } }
  } else {
    grok { match => { message => "^b=%{INT:n} %{INT:t}$" } }
    mutate { convert => { n => "integer" } }
  }
  date { match => ["t", "UNIX"] }
}"""
    )
    assert list(found.grammars) == ["alpha", "p_1"]
    assert found.fields("a=7 1795416944", "alpha") == {"n": "7", "time": "2026-11-23T06:55:44Z"}
    assert found.fields("b=7 1795416944", "p_1") == {"n": 7, "time": "2026-11-23T06:55:44Z"}
    aside = "name the grammar in the source that has such lines"
    assert found.losses == [
        f'p.conf:2: if [type] == "a": conditions are not taken over: {aside}',
        'p.conf:4: filter drop: stands under if "_grokparsefailure" in [tags]: '
        "conditions are not taken over",
        f"p.conf:5: else: conditions are not taken over: {aside}",
    ]


@pytest.mark.parametrize(
    ("filters", "loss"),
    [
        ('mutate { gsub => ["user", "a", "b"] }', "mutate gsub => user, a, b: a value stays"),
        ('mutate { lowercase => ["user"] }', "mutate lowercase => user: a value stays"),
        ('mutate { replace => { "user" => "x" } }', "mutate replace: a field keeps its value"),
        ('mutate { split => { "user" => "x" } }', "mutate split: has no counterpart"),
        ('mutate { convert => { "user" => "integer_eu" } }', "mutate convert => user integer_eu"),
        ('mutate { rename => { "who" => "x" } }', "mutate rename => who: no grammar made of this"),
        ('mutate { add_tag => ["x", "y"] }', "add_tag => x, y: events have no tags"),
        ('mutate { add_field => { "a" => "%{user}" } }', "add_field a => %{user}: is put together"),
        ('date { match => ["gone", "UNIX"] }', "date gone, UNIX: no grammar made of this file"),
        ('date { match => ["at", "TAI64N"] }', "the time format TAI64N: the letters T of a time"),
        ('date { match => ["at", "UNIX"] target => "x" }', "date at, UNIX: only the record's time"),
        (
            'date { match => ["at", "ISO8601"] colour => "x" }',
            "date colour => x: has no counterpart",
        ),
        ('geoip { source => "user" }', "filter geoip: Snowplow's IP lookup does it"),
        ('ruby { code => "1" }', "filter ruby: has no counterpart"),
        (
            'if [level] == "x" { mutate { add_tag => "y" } }',
            "filter mutate: stands under if [level]",
        ),
        ('grok { match => { "user" => "x" } }', "grok of user: is not the whole line"),
        ('json { source => "user" }', "json of user: is not the whole line"),
        ('dissect { mapping => { "message" => "%{+a} x" } }', "dissect %{+a} x: %{+a} joins two"),
        ('grok { match => { "message" => "a\\Kb" } }', "the pattern a\\Kb: uses \\K"),
        ("csv { }", "csv: names no columns"),
        ('kv { field_split => ", " }', "field_split ', ', value_split '=': several signs"),
    ],
)
def test_what_is_not_taken_over_is_told(filters: str, loss: str) -> None:
    """With its line and the reason; the grammar beside it is made all the same."""
    found = logstash(pipeline(filters))
    assert found.fields(LINE) is not None
    assert [each.startswith(f"p.conf:3: {loss}") for each in found.losses] == [True]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("break_on_match => false", "grok break_on_match => false: has no counterpart"),
        ("named_captures_only => false", "grok named_captures_only => false: has no counterpart"),
        ("break_on_match => true", ""),
        ('tag_on_failure => [] id => "x"', ""),
        ('patterns_dir => "gone"', "patterns_dir gone: can't read the pattern directory"),
    ],
)
def test_settings_of_grok(setting: str, told: str) -> None:
    """What changes nothing is no loss; what would change something is one."""
    losses = logstash(pipeline(grok=setting)).losses
    assert [told in each for each in losses] == ([True] if told else [])


def test_a_second_date_is_told() -> None:
    """A record has one time."""
    one = 'date { match => ["at", "ISO8601"] }'
    (loss,) = logstash(pipeline(one, one)).losses
    assert "a record has one time" in loss


def test_other_sections_and_lonely_filters_are_told() -> None:
    """Whoever gives a whole pipeline knows what is left in it."""
    found = logstash("input { stdin {} }\nfilter { geoip { } }\noutput { stdout {} }\n")
    assert found.grammars == {}
    assert found.losses == [
        "p.conf:1: input: sources and the collector are named in the configuration",
        "p.conf:2: filter geoip: nothing beside it reads lines",
        "p.conf:3: output: sources and the collector are named in the configuration",
    ]
