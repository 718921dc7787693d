"""Fluent Bit's parsers, classic and YAML, on lines of their logs."""

from __future__ import annotations

import pytest

from shipper.errors import DataError
from tests.grammar.foreign.bench import Converted, fluent_bit

SHOP = r"""
# parsers of the shop
[PARSER]
    Name        shop-access
    Format      regex
    Regex       ^(?<ip>[^ ]*) \[(?<at>[^\]]*)\] "(?<verb>.*) (?<path>.*)" (?<code>.*) (?<took>\S*)$
    Time_Key    at
    Time_Format %d/%b/%Y:%H:%M:%S %z
    Types       code:integer took:float

[PARSER]
    Name        app json
    Format      json
    Time_Key    time
    Time_Format %Y-%m-%dT%H:%M:%S.%L
    Time_Offset +0200
    Time_Keep   On
    Types       port:integer

[PARSER]
    Name        9pairs
    Format      logfmt

[PARSER]
    Name        ltsv
    Format      ltsv
    Time_Key    time
    Time_Format [%d/%b/%Y:%H:%M:%S %z]
    Types       status:integer
"""
YAML = r"""
parsers:
  - name: shop-access
    format: regex
    regex: '^(?<ip>[^ ]*) \[(?<at>[^\]]*)\] "(?<verb>.*) (?<path>.*)" (?<code>.*) (?<took>\S*)$'
    time_key: at
    time_format: '%d/%b/%Y:%H:%M:%S %z'
    types: code:integer took:float
  - name: app json
    format: json
    time_key: time
    time_format: '%Y-%m-%dT%H:%M:%S.%L'
    time_offset: '+0200'
    time_keep: true
    types: port:integer
  - {name: 9pairs, format: logfmt}
  - name: ltsv
    format: ltsv
    time_key: time
    time_format: '[%d/%b/%Y:%H:%M:%S %z]'
    types: status:integer
"""
ACCESS = '192.0.2.7 [23/Nov/2026:06:55:44 +0000] "GET /a" 200 0.25'


@pytest.fixture(scope="module", params=[SHOP, YAML], ids=["classic", "yaml"])
def shop(request: pytest.FixtureRequest) -> Converted:
    return fluent_bit(request.param, ACCESS, "junk")


def test_every_parser_is_a_grammar(shop: Converted) -> None:
    """Under its name, as ours can be; nothing is lost."""
    assert list(shop.grammars) == ["shop_access", "app_json", "converted_9pairs", "ltsv"]
    assert shop.losses == []


def test_regex(shop: Converted) -> None:
    """Named groups with types, the time consumed."""
    assert shop.fields(ACCESS, "shop_access") == {
        **{"ip": "192.0.2.7", "verb": "GET", "path": "/a", "code": 200, "took": 0.25},
        "time": "2026-11-23T06:55:44Z",
    }
    assert shop.fields(ACCESS.replace("[", "("), "shop_access") is None


def test_a_number_that_is_none_loses_the_field_only(shop: Converted) -> None:
    """No line is refused that was taken before."""
    fields = shop.fields(ACCESS.replace("0.25", "-"), "shop_access")
    assert fields is not None
    assert "took" not in fields


def test_json_keeps_its_time(shop: Converted) -> None:
    """Time_Keep leaves the text, Time_Offset is the zone, and other keys stay."""
    line = '{"time":"2026-11-23T08:55:44.5","port":"80","other":[1]}'
    assert shop.fields(line, "app_json") == {
        **{"time": "2026-11-23T06:55:44.5Z", "port": 80, "other": [1]},
    }


def test_logfmt_and_ltsv(shop: Converted) -> None:
    """Pairs of either notation."""
    assert shop.fields('a=1 b="x y"', "converted_9pairs") == {"a": "1", "b": "x y"}
    line = "host:192.0.2.7\ttime:[23/Nov/2026:06:55:44 +0000]\tstatus:200\treq:GET / HTTP/1.1"
    assert shop.fields(line, "ltsv") == {
        **{"host": "192.0.2.7", "status": 200, "req": "GET / HTTP/1.1"},
        "time": "2026-11-23T06:55:44Z",
    }


def test_samples_are_of_the_lines_given(shop: Converted) -> None:
    """One that fits, with what it gives, and one that does not."""
    samples = shop.grammars["shop_access"].spec.samples
    assert [(each.line, each.expect is None) for each in samples] == [
        (ACCESS, False),
        ("junk", True),
    ]


def test_a_time_that_is_kept_stands_twice() -> None:
    """The text stays a field of a regex parser, and the record has its time."""
    found = fluent_bit(
        "[PARSER]\n Name a\n Format regex\n Regex ^(?<t>[^(]+(?:\\(x\\))?) (?<m>.*)$\n"
        " Time_Key t\n Time_Format %F %T\n Time_Keep On\n"
    )
    assert found.fields("2026-11-23 06:55:44 hi") == {
        **{"t": "2026-11-23 06:55:44", "m": "hi", "time": "2026-11-23T06:55:44Z"},
    }


LOSSES = [
    ("Format regex\nRegex (?<a>x)\nDecode_Field_As json log", "p.conf:5: decode_field_as json log"),
    ("Format regex\nRegex (?<a>x)\nTypes a:hex", "p.conf:5: a:hex: hexadecimal numbers stay text"),
    ("Format regex\nRegex (?<a>x)\nTime_Key a", "p.conf:5: Time_Key a: without Time_Format"),
    (
        "Format regex\nRegex (?<a>x)\nTime_Key a\nTime_Format %k",
        "p.conf:6: Time_Format %k: unknown",
    ),
    ("Format regex\nRegex (?<a>x)\nTime_Key b\nTime_Format %s", "p.conf:5: Time_Key b: the expres"),
    (
        "Format regex\nRegex (?<a>[[:alpha:]]+)",
        "p.conf:4: [:alpha:]: takes letters and digits of AS",
    ),
    ("Format json\nTime_Offset 2h", ""),
    ("Format json\nTime_Format %s\nTime_Offset 2h", "p.conf:5: Time_Offset 2h: is no offset"),
    ("Format json\nSkip_Empty_Values Off", "p.conf:4: skip_empty_values Off: an empty value"),
    ("Format json\nTime_Strict Off", "p.conf:4: time_strict Off: a record whose time"),
    ("Format json\nTime_System_Timezone On", "p.conf:4: time_system_timezone On: name the zone"),
    ("Format json\nColour red", "p.conf:4: colour red: is not known"),
]


@pytest.mark.parametrize(("body", "loss"), LOSSES)
def test_what_is_not_taken_over_is_told(body: str, loss: str) -> None:
    """With its line and the reason; the parser is a grammar all the same."""
    found = fluent_bit(f"[PARSER]\nName a\n{body}\n")
    assert list(found.grammars) == ["a"]
    assert len(found.losses) == bool(loss)
    assert not loss or found.losses[0].startswith(loss)


@pytest.mark.parametrize(
    ("body", "loss"),
    [
        ("Format regex", "p.conf:1: parser a: has no Regex (write one)"),
        ("Format regex\nRegex a\\Kb", "p.conf:4: parser a: uses \\K, a match that begins later"),
        ("Format xml", "p.conf:3: parser a: the format xml is not known"),
    ],
)
def test_a_parser_that_is_no_grammar_is_told(body: str, loss: str) -> None:
    """The others are made."""
    found = fluent_bit(f"[PARSER]\nName a\n{body}\n[PARSER]\nName b\nFormat json\n")
    assert list(found.grammars) == ["b"]
    assert [each.startswith(loss) for each in found.losses] == [True]


def test_multi_line_parsers_go_into_the_source() -> None:
    """A simple one is written as the rule to put there; it joins what it did."""
    rules = (
        '[MULTILINE_PARSER]\n name a\n type regex\n rule "start_state" "/^\\d{4}-/" "cont"\n'
        ' rule "cont" "/^\\s+at /" "cont"\n'
    )
    (loss,) = fluent_bit(rules).losses
    assert loss == (
        "p.conf:1: multi-line parser a: lines are joined by the source: multiline: "
        r"{start: '^\d{4}-', mode: continue_through, condition: '^\s+at '}"
    )
    (loss,) = fluent_bit(rules.replace('"cont"\n rule', '"more"\n rule')).losses
    assert loss.endswith("has presets, and patterns of your own")


def test_multi_line_parsers_of_yaml_files() -> None:
    """The same in the other notation."""
    text = (
        "multiline_parsers:\n  - name: a\n    type: regex\n    rules:\n"
        "      - {state: start_state, regex: '/^x/', next_state: cont}\n"
        "      - {state: cont, regex: '/^ /', next_state: cont}\n"
    )
    (loss,) = fluent_bit(text, file="p.yaml").losses
    assert loss.startswith("p.yaml:2: multi-line parser a")
    assert loss.endswith("multiline: {start: '^x', mode: continue_through, condition: '^ '}")


def test_other_sections_are_told() -> None:
    """Whoever gives the main file knows what is left in it."""
    found = fluent_bit("@SET a=b\nstray\n[SERVICE]\n Flush 1\n[PARSER]\n Name a\n Format json\n")
    assert found.losses == [
        "p.conf:1: @SET: give the file that it names a run of its own",
        "p.conf:2: stray: stands in no section",
        "p.conf:3: [SERVICE]: is no parser",
    ]
    found = fluent_bit("pipeline: {inputs: []}\nparsers: [{name: a, format: json}]\n")
    assert found.losses == ["p.conf:1: pipeline: is no list of parsers"]


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b\n", "a: [\n"])
def test_what_is_no_such_file_is_an_error(text: str) -> None:
    """And no silence."""
    with pytest.raises(DataError):
        fluent_bit(text)
