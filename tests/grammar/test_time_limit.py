"""The limit of time for one match: what is watched, and what becomes of a text over it."""

from __future__ import annotations

import time
import uuid

import pytest
import regex

from shipper.event.builder import Envelope
from shipper.event.chunk import parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.grammar.furthest import Furthest
from shipper.grammar.grok import FLAGS, compile_grok
from shipper.grammar.samples import run_samples
from shipper.grammar.time_limit import LIMIT, SlowMatchError, calm_length
from tests.grammar.shelf import NOW_US, core, grammar, library

EVIL = "match: ['(?<a>(?:x|xx|xxx)+)y', '(?<a>z)']\nfields: {a: {}}"
LONG = "x" * 60 + "y!"

FOR_EVER = 1 << 40


@pytest.mark.parametrize(
    ("expression", "calm"),
    [
        ("abc", FOR_EVER),
        ("a++b*+", FOR_EVER),
        (".*", FOR_EVER),
        (r"\d+ \w+", FOR_EVER),  # the blank is no digit: nothing to give back
        ("[^ ]* [^ ]* [^ ]*", FOR_EVER),
        ('(?:[^"]++|\\\\.)*+', FOR_EVER),
        ("(?>.*x).*+", FOR_EVER),
        (".*x.*", 2_000),
        (".*?x[^y]*+", 2_000),
        (r"(?:\S++ )*?x\S*+", 2_000),
        ("(?:(?=[^x]*+x).)*+", 2_000),
        (".*x.*y.*", 160),
        (".*x.*y.*z.*", 0),
        ("(?:a+)+b", 0),
        ("(?:a|aa)*b", 0),
        ("(?:a|a?b)*c", 0),
        ("(?:a?){0,60}b", 0),
        (r"(?:\s*a\s*)*b", 0),
        (r"(?:.*,){11}P", 0),
    ],
)
def test_how_long_a_text_may_be_without_the_clock(expression: str, calm: int) -> None:
    """By how often the repeats can share the same text out anew."""
    regex.compile(expression, FLAGS)
    assert calm_length(expression) == calm


@pytest.mark.parametrize("name", ["nginx_access", "apache_combined", "syslog_rfc3164", "klog"])
def test_common_lines_need_no_clock(name: str) -> None:
    """The grammars that read most lines of the world are written so that it costs nothing."""
    assert all(calm_length(expression) >= 2_000 for expression in library().get(name).expressions)


def test_a_text_that_takes_too_long_names_the_grammar() -> None:
    """Within the limit, not within the age of the universe."""
    start = time.process_time()
    with pytest.raises(SlowMatchError, match="matching by it took more than"):
        grammar(EVIL).parse(LONG, NOW_US)
    assert time.process_time() - start < 4 * LIMIT


def test_explaining_is_limited_too() -> None:
    """A text that fails at once may have prefixes that take long."""
    furthest = Furthest(compile_grok("(?:x|xx|xxx)+y! and %{WORD:w}", core()))
    start = time.process_time()
    assert furthest.reach("x" * 60 + "?y!") == (60, "'y! and '")
    assert time.process_time() - start < LIMIT


@pytest.mark.parametrize("key", ["prefix", "ignore"])
def test_every_pattern_is_limited(key: str) -> None:
    """Also what may stand before a record, and lines that are none."""
    it = grammar(f"parse: logfmt\n{key}: ['(?:x|xx|xxx)+y!(?=z)']")
    with pytest.raises(SlowMatchError):
        it.parse(LONG, NOW_US)


def test_the_record_becomes_a_dead_letter_of_its_own_kind() -> None:
    """With the inner grammar named where one grammar reads inside another; the rest goes on."""
    it = grammar(EVIL)
    origin = Origin(EventIds(uuid.UUID(int=3)), "/logs/app.log")
    parse = parse_chunk(f"z\n{LONG}\nz\n".encode(), 0, Recipe([it], Envelope()), origin, NOW_US)
    assert [(r.grammar, r.reason, r.offset) for r in parse.rejects] == [("it", "timeout", 2)]
    assert parse.ledger.lines_emitted == 2
    assert parse.ledger.adds_up()


def test_a_sample_that_takes_too_long_fails() -> None:
    """The grammar's own test says so."""
    it = grammar(f"{EVIL}\nsamples: [{{line: {LONG}, expect: null}}]")
    (result,) = run_samples(it)
    assert "took more than" in str(result)
