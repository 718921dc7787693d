"""The shipped grammars: their samples pass, and no line can hang or break them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import orjson
import pytest

from shipper.event.builder import Envelope
from shipper.event.chunk import parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.grammar.samples import run_samples
from tests.grammar.shelf import NOW_US, SHIPPED, grammar, library

MEGA = 1_000_000
HEAD = "203.0.113.9 - - [23/Nov/2026:06:55:44 +0000] "
STAMP = "Nov 23 06:55:44 "
PUMPED = [
    *(
        '"',
        "\\",
        '\\"',
        "[",
        "[]",
        "\0",
        "\u2028",
        "1",
        "٣",
        "\x1b[31m",
        " ",
        "a ",
        "a:",
        "a.",
        "=",
    ),
    *("k=", "k=v ", 'k="', '{"a":', '{"a":[', "//", "\n", "é", "\U0001f600", "- ", ": "),
]
AROUND = [
    ("", ""),
    (HEAD + '"', ""),
    (HEAD + '"GET /', ' HTTP/1.1" 200 5 "-" "-"'),
    (HEAD + '"GET / HTTP/1.1" 200 5 "-" "', ""),
    (HEAD + '"GET / HTTP/1.1" 200 ', ' "-" "-"'),
    ("203.0.113.9 - ", " [23/Nov/2026:06:55:44 +0000] "),
    (STAMP, ""),
    (STAMP + "web1 ", "[1]: x"),
    (STAMP + "web1 app[1]: ", ""),
    ('{"a":"', '"}'),
    ('{"a":', "}"),
    ('{"time":', "}"),
    ('level=info msg="', '"'),
    ("level=info ", "=1"),
]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_samples_pass(name: str) -> None:
    """Every grammar is its own test: typical lines, tricky lines, and lines to refuse."""
    results = run_samples(library().get(name))
    assert [str(result) for result in results if not result.ok] == []
    expected = [sample.expect for sample in library().get(name).spec.samples]
    assert len(expected) >= 8
    assert expected.count(None) >= 3


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("pump", PUMPED, ids=ascii)
def test_a_pathological_line_costs_little(name: str, pump: str) -> None:
    """100 kB of anything, anywhere in a line: quick, no crash, and JSON or a reason comes out."""
    it = library().get(name)
    for before, after in AROUND:
        text = before + pump * (MEGA // 10 // len(pump)) + after
        start = time.process_time()
        parsed = it.parse(text, NOW_US)
        if parsed is None:
            assert it.explain(text, NOW_US).expected
        else:
            orjson.dumps(parsed.fields)
        assert time.process_time() - start < 0.5, ascii(before)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("pump", ['"', '\\"', "[", "{", "\0", "\u2028", "7", "a "], ids=ascii)
def test_a_megabyte_takes_less_than_a_second(name: str, pump: str) -> None:
    """Ten times the length is ten times the time, not a hundred."""
    text = pump * (MEGA // len(pump))
    start = time.process_time()
    it = library().get(name)
    if it.parse(text, NOW_US) is None:
        it.explain(text, NOW_US)
    assert time.process_time() - start < 1


INSERTED = ['"', "\\", "[", "\0", "\u2028", "7", "٣", "\x1b[31m", " a", "=", ',"', "\n", "\ufffd"]


def tampered(line: str) -> Iterator[str]:
    """Yield *line* with 20,000 characters of something before, behind, and amid it."""
    for pump in INSERTED:
        filling = pump * (20_000 // len(pump))
        for place in (0, len(line) // 3, 2 * len(line) // 3, len(line)):
            yield line[:place] + filling + line[place:]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_line_of_the_format_may_hold_anything_anywhere(name: str) -> None:
    """Long rubbish amid a line that fits: it is refused or read, in time, and JSON comes out."""
    it = library().get(name)
    line = next(sample.line for sample in it.spec.samples if sample.expect)
    for text in tampered(line):
        start = time.process_time()
        parsed = it.parse(text, NOW_US)
        if parsed is None:
            assert it.explain(text, NOW_US).expected
        else:
            orjson.loads(orjson.dumps(parsed.fields))
        assert time.process_time() - start < 0.5, ascii(text[:200])


@pytest.mark.parametrize(
    "line",
    [
        *(
            "\0" * 40,
            "\x1b[31mERROR\x1b[0m",
            "\u2028\u2029\x85",
            "٣٤٥ - - [٢٣/Nov/٢٠٢٦]",
            "9" * 5000,
        ),
        *('{"a":' * 5000, "[" * 5000, '{"a":"' + "\ufffd" * 99 + '"}', '{"n":' + "9" * 5000 + "}"),
        *(
            '{"n":1e99999}',
            '{"a":NaN,"b":[Infinity]}',
            'a="' + "\\" * 4999,
            "<0>" * 1000,
            "=" * 999,
        ),
        *(
            "#Fields: " + "a " * 20_000,
            "CEF:0|" + "|" * 999,
            "LEEF:2.0|a|b|c|d|xFFFF|e=f",
            "\ufeff",
        ),
    ],
    ids=lambda line: ascii(line[:20]),
)
def test_no_line_makes_any_grammar_fail(line: str) -> None:
    """Alone, and with every grammar asked: no exception, and JSON comes out where anything does."""
    every = library().named("auto")
    recipe = Recipe([every, *library().all()], Envelope())
    raw = f"{line}\n".encode()
    parse = parse_chunk(raw, 0, recipe, Origin(EventIds(UUID(int=3)), "/logs/a"), NOW_US)
    assert parse.ledger.adds_up()
    assert {reject.reason for reject in parse.rejects} <= {"no_match", "bad_value", "bad_time"}
    for it in library().all():
        parsed = it.parse(line, NOW_US)
        if parsed is not None:
            orjson.loads(orjson.dumps(parsed.fields))


@pytest.mark.parametrize("name", ["nginx_access", "apache_combined"])
@pytest.mark.parametrize("digits", ["٢٠٠", "2_0", "²00", "5" * 5000, "1e2", "+20", "0x1"])
def test_numbers_in_disguise_are_refused(name: str, digits: str) -> None:
    """What only looks like a number to a careless reader is no status and no byte count."""
    it = library().get(name)
    assert it.parse(f'{HEAD}"GET / HTTP/1.1" {digits} 5 "-" "-"', NOW_US) is None
    assert it.parse(f'{HEAD}"GET / HTTP/1.1" 200 {digits} "-" "-"', NOW_US) is None


@pytest.mark.parametrize("name", SHIPPED)
def test_every_field_is_described(name: str) -> None:
    """The description is what an analyst reads in the warehouse."""
    assert all(spec.description for spec in library().get(name).spec.fields.values())


def test_a_sample_pins_everything() -> None:
    """A field too many, one too few, another type, another time: each is told."""
    it = grammar("""
    match: ['%{INT:n:int} %{WORD:w} (?<at>\\S+)']
    fields: {n: {}, w: {}}
    time: {field: at, formats: [iso8601]}
    samples:
      - {line: '1 x 2026-11-23T06:55:44Z', expect: {n: 1, w: x, time: '2026-11-23T06:55:44Z'}}
      - {line: '1 x 2026-11-23T06:55:44Z', expect: {n: '1', m: 2, time: '2026-11-23T06:55:45Z'}}
      - {line: '1 x 2026-11-23T06:55:44Z', expect: null}
      - {line: '1 x', expect: {n: true}}
    """)
    assert [result.differences for result in run_samples(it)] == [
        (),
        (
            "n: expected '1', got 1",
            "m: expected 2, got no such field",
            "time: expected '2026-11-23T06:55:45Z', got '2026-11-23T06:55:44Z'",
            "w: not expected, got 'x'",
        ),
        ("matches, but must be refused: {'n': 1, 'w': 'x', 'time': '2026-11-23T06:55:44Z'}",),
        ("does not match: column 4, expected ' '",),
    ]


def test_true_is_not_one() -> None:
    """Samples compare as JSON does, also inside nested values."""
    it = grammar("parse: json\nsamples: [{line: '{\"a\":[1]}', expect: {a: [true]}}]")
    assert run_samples(it)[0].differences == ("a: expected [True], got [1]",)
