"""The shape of events: renames, constants, conditions, redactions, and the schema with them."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft4Validator

from shipper.errors import GrammarError
from shipper.grammar.grammar import Grammar
from shipper.grammar.iglu import iglu_schema
from shipper.grammar.samples import run_samples
from shipper.grammar.time_limit import SlowMatchError
from shipper.model import Dropped
from tests.grammar.shelf import NOW_US, grammar

PAIRS = (
    "parse: logfmt\nextra: drop\nfields: {{a: {{}}, n: {{type: integer}}, ip: {{type: ip}}}}\n{}"
)


def fields(it: Grammar, text: str) -> dict[str, Any]:
    parsed = it.parse(text, NOW_US)
    assert parsed is not None
    schema = iglu_schema(it)
    del schema["$schema"]
    Draft4Validator(schema).validate(orjson.loads(orjson.dumps(parsed.fields)))
    return parsed.fields


def dropped(it: Grammar, text: str) -> bool:
    return isinstance(it.parse(text, NOW_US), Dropped)


def test_fields_get_other_names_all_at_once() -> None:
    """Two may change names; columns of Snowplow's own are named by what they become."""
    it = grammar(PAIRS.format("rename: {a: b, ip: client_ip}\natomic: {ip: client_ip}"))
    assert fields(it, "a=x ip=192.0.2.1") == {"b": "x", "client_ip": "192.0.2.1"}
    assert dict(it.atomic) == {"ip": "client_ip"}
    swapped = grammar("match: ['(?<a>x)(?<b>y)']\nfields: {a: {}, b: {}}\nrename: {a: b, b: a}")
    assert fields(swapped, "xy") == {"b": "x", "a": "y"}
    assert swapped.always == {"a", "b"}


def test_a_key_gives_way_to_a_field_of_its_name() -> None:
    """What is kept without being listed never stands where a field of another type belongs."""
    it = grammar("parse: json\nfields: {n: {type: integer}}\nrename: {n: code}")
    assert fields(it, '{"n":1,"code":"x"}') == {"code": 1}
    assert fields(it, '{"code":"x","m":1}') == {"m": 1}


def test_constants_are_in_every_event() -> None:
    """Of any scalar type, and the schema says which value."""
    it = grammar(PAIRS.format("constant: {env: prod, v: 2, ratio: 0.5, live: true}"))
    assert fields(it, "a=x") == {"a": "x", "env": "prod", "v": 2, "ratio": 0.5, "live": True}
    schema = iglu_schema(it)
    assert schema["properties"]["env"]["enum"] == ["prod"]
    assert set(schema["required"]) == {"env", "v", "ratio", "live"}


def test_dropped_fields_are_in_no_event_and_no_schema() -> None:
    """Nor in a column of Snowplow's own; a key that is not listed can be dropped as well."""
    it = grammar("parse: json\nfields: {a: {}, b: {}}\ndrop: [a, other]")
    assert fields(it, '{"a":"1","b":"2","other":{"x":1}}') == {"b": "2"}
    assert "a" not in iglu_schema(it)["properties"]
    with pytest.raises(GrammarError, match="no field 'a'"):
        grammar("parse: json\nextra: drop\nfields: {a: {}}\ndrop: a\natomic: {ua: a}")


@pytest.mark.parametrize(
    ("condition", "gone", "stays"),
    [
        ("a: {values: [x, y]}", "a=y", "a=z"),
        ("n: {values: [1]}", "n=1", "n=2"),
        ("a: {matches: '%{WORD}/probe.*'}", "a=x/probe", "a=xx/prob"),
        ("n: {above: 5}", "n=6", "n=5"),
        ("n: {below: 5}", "n=4", "n=5"),
        ("n: {above: 1, below: 5}", "n=2", "n=7"),
        ("a: {missing: true}", "n=1", "a=x"),
        ("a: {missing: false}", "a=x", "n=1"),
        ("a: {values: [x]}, n: {below: 400}", "a=x n=200", "a=x n=500"),
    ],
)
def test_records_are_dropped_by_conditions(condition: str, gone: str, stays: str) -> None:
    """All tests of a condition have to hold; a field that is missing passes none but that."""
    it = grammar(PAIRS.format(f"drop_when: [{{{condition}}}, {{a: {{values: [never]}}}}]"))
    assert dropped(it, gone)
    assert not dropped(it, stays)
    assert dropped(it, "a=never n=999")


def test_conditions_see_what_was_written() -> None:
    """Under the new names, with constants, before anything is redacted or dropped."""
    it = grammar(
        PAIRS.format(
            "rename: {ip: peer}\nconstant: {env: test}\nredact: {peer: {keep_bits: [24, 48]}}\n"
            "drop: [a]\ndrop_when: [{peer: {values: [192.0.2.7]}}, {a: {values: [gone]}}]\n"
        )
    )
    assert dropped(it, "ip=192.0.2.7 n=1")
    assert dropped(it, "a=gone")
    assert fields(it, "ip=192.0.2.8 a=x") == {"peer": "192.0.2.0", "env": "test"}
    gone = it.parse("ip=192.0.2.7 a=x", NOW_US)
    assert gone is not None
    assert gone.fields == {"peer": "192.0.2.0", "env": "test"}


def test_true_is_not_one_in_conditions() -> None:
    """As in JSON; and what holds other values equals none."""
    it = grammar("parse: json\ndrop_when: [{a: {values: [1]}}]")
    assert dropped(it, '{"a":1}')
    assert dropped(it, '{"a":1.0}')
    assert not dropped(it, '{"a":true}')
    assert not dropped(it, '{"a":[1]}')


def test_a_hash_is_keyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """HMAC-SHA256 under a secret of the environment or a file; equal values stay equal."""
    monkeypatch.setenv("PEPPER", "s3cret")
    (tmp_path / "key").write_text("s3cret\n")
    expected = hmac.new(b"s3cret", b"ada", hashlib.sha256).hexdigest()
    for reference in ("${PEPPER}", f"file:{tmp_path}/key"):
        it = grammar(PAIRS.format(f"redact: {{a: {{hash: '{reference}'}}}}"))
        assert fields(it, "a=ada") == {"a": expected}
    short = grammar(PAIRS.format("redact: {a: {hash: '${PEPPER}', length: 16}}"))
    assert fields(short, "a=ada n=1") == {"a": expected[:16], "n": 1}
    assert iglu_schema(short)["properties"]["a"]["maxLength"] == 16


def test_anything_can_be_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers and nested values by their JSON; the field is a text then."""
    monkeypatch.setenv("PEPPER", "s3cret")
    it = grammar(
        "parse: json\nfields: {n: {type: integer}, ip: {type: ip}}\n"
        "redact: {n: {hash: '${PEPPER}'}, ip: {hash: '${PEPPER}'}, x: {hash: '${PEPPER}'}}"
    )
    found = fields(it, '{"n":5,"ip":"::1","x":{"a":[1]}}')
    assert {len(value) for value in found.values()} == {64}
    assert found["n"] == hmac.new(b"s3cret", b"5", hashlib.sha256).hexdigest()


def test_a_missing_secret_is_never_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The grammar is refused: nothing goes out in the clear instead."""
    monkeypatch.setenv("PEPPER", "")
    (tmp_path / "key").write_text(" \n")
    for reference in ("${PEPPER}", f"file:{tmp_path}/key"):
        with pytest.raises(GrammarError):
            grammar(PAIRS.format(f"redact: {{a: {{hash: '{reference}'}}}}"))


@pytest.mark.parametrize(
    ("address", "short"),
    [
        ("192.0.2.133", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.133", "::"),
    ],
)
def test_an_address_is_shortened(address: str, short: str) -> None:
    """To so many bits of an IPv4 and of an IPv6 address."""
    it = grammar(PAIRS.format("redact: {ip: {keep_bits: [24, 48]}}"))
    assert fields(it, f"ip={address}") == {"ip": short}


def test_what_is_no_address_is_left_out() -> None:
    """A host name says as much as an address; it is not promised to be there then."""
    it = grammar(
        "match: ['(?<peer>\\S+)']\nfields: {peer: {}}\nredact: {peer: {keep_bits: [16, 32]}}"
    )
    assert fields(it, "192.0.2.133") == {"peer": "192.0.0.0"}
    assert fields(it, "ada.example.com") == {}
    assert not it.always


def test_a_part_of_a_text_is_replaced() -> None:
    """Every part that the pattern finds; the text stays within its length, and may be empty."""
    body = "match: ['(?<p>.*)']\nfields: {{p: {{max_length: 12}}}}\nredact: {{p: {{{}}}}}"
    it = grammar(body.format("replace: 'token=[^&]*+', by: 'token=*'"))
    assert fields(it, "?token=abc") == {"p": "?token=*"}
    longer = grammar(body.format("replace: 'a', by: 'bbbbbb'"))
    assert fields(longer, "aaa") == {"p": "b" * 12}
    literal = grammar(body.format(r"replace: 'a', by: '\1\g'"))
    assert fields(literal, "xa") == {"p": r"x\1\g"}
    assert fields(grammar(body.format("replace: '.+', by: ''")), "secret") == {}


def test_patterns_of_the_shape_are_limited_in_time() -> None:
    """A condition or a replacement that takes too long stops the record, not the program."""
    evil, text = "(?:x|xx|xxx)+y!(?=z)", "x" * 60 + "?y!z"
    for body in (f"drop_when: [{{a: {{matches: '{evil}'}}}}]",):
        with pytest.raises(SlowMatchError):
            grammar(PAIRS.format(body)).parse(f"a={text}", NOW_US)
    it = grammar(PAIRS.format(f"redact: {{a: {{replace: '\\A{evil}', by: ''}}}}"))
    with pytest.raises(SlowMatchError):
        it.parse(f"a={text}", NOW_US)


def test_another_grammar_is_reshaped_by_a_few_lines() -> None:
    """`then` without a field reads the whole record by another grammar; the shape is one's own."""
    it = grammar("""
    then: {grammar: nginx_access}
    rename: {client_ip: visitor}
    redact: {visitor: {keep_bits: [16, 32]}}
    drop: [user, referrer]
    constant: {site: shop}
    drop_when: [{path: {matches: '/health.*'}}]
    """)
    line = '203.0.113.9 - ada [23/Nov/2026:06:55:44 +0000] "GET {} HTTP/1.1" 200 6 "-" "curl/8"'
    found = fields(it, line.format("/"))
    assert (found["visitor"], found["site"]) == ("203.0.0.0", "shop")
    assert "user" not in found
    assert dict(it.atomic) == {"ip": "visitor", "ua": "user_agent"}
    assert dropped(it, line.format("/health"))


def test_a_sample_says_whether_it_is_filtered() -> None:
    """So the grammar's own test covers what gives no event."""
    it = grammar(
        PAIRS.format(
            "drop_when: [{a: {values: [x]}}]\nsamples:\n"
            "  - {line: a=x, expect: {a: x}, filtered: true}\n"
            "  - {line: a=y, expect: {a: y}, filtered: false}\n"
            "  - {line: a=y, expect: {a: y}, filtered: true}\n"
            "  - {line: a=x, expect: {a: x}, filtered: false}\n"
        )
    )
    assert [result.differences for result in run_samples(it)] == [
        (),
        (),
        ("gives an event",),
        ("gives no event: it is filtered",),
    ]
