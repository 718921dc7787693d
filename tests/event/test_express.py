"""The short way gives the events of the long way, byte for byte, or leaves the record to it."""

from __future__ import annotations

import random
import uuid
from pathlib import Path
from typing import Final

import pytest

from shipper.event.builder import Envelope, RefusedError, event_builder
from shipper.event.chunk import parse_chunk
from shipper.event.entities import Origin
from shipper.event.express import Express, Place, express_of, smooth
from shipper.event.ids import EventIds
from shipper.event.recipe import Policy, Recipe
from shipper.formats.encodings import Encoding
from shipper.formats.records import Rules
from shipper.grammar.grammar import Grammar
from shipper.grammar.library import Library
from tests.shipping import any_line

READ_US: Final = 1_789_000_000_000_000
ENVELOPE: Final = Envelope(
    namespace="web", app_id='a"b\\c', entities=[{"schema": "iglu:a/b/jsonschema/1-0-0", "data": {}}]
)
ENTITY: Final = '{"schema":"iglu:org.example/x/jsonschema/1-0-0","data":{"a":"b"}}'
EID: Final = EventIds(uuid.UUID(int=7))
LIBRARY: Final = Library()
NAMES: Final = tuple(LIBRARY.names())
NGINX: Final = '203.0.113.9 - {} [23/Nov/2026:06:55:44 +0000] "GET {} HTTP/1.1" {} {} "{}" "{}"'


def _long(grammar: Grammar, text: str, envelope: Envelope = ENVELOPE) -> bytes | None:
    """What the long way makes of *text*; None if it refuses it."""
    parsed = grammar.parse(text, READ_US)
    if parsed is None:
        return None
    try:
        eid = EID(3, text.encode("utf-8", "surrogatepass"))
        return event_builder(grammar, envelope)(parsed, eid, READ_US, (ENTITY,))
    except RefusedError:
        return None


def _short(express: Express | None, text: str) -> bytes | None:
    assert express is not None
    raw = text.encode("utf-8", "surrogatepass")
    take, pairs = express.bind(Place((ENTITY,), READ_US, {})), [(text, EID(3, raw))]
    (event,) = take(pairs)
    if smooth(raw) and "\n" not in text:
        assert list(take(pairs, smooth=True)) == [event]
    return event


def _nginx() -> tuple[Grammar, Express]:
    grammar = LIBRARY.get("nginx_access")
    express = express_of(grammar, ENVELOPE)
    assert express is not None
    return grammar, express


_SIGNS: Final = (
    '"',
    "\\",
    "\t",
    "\n",
    "é",
    "\u2028",
    "\ud800",
    "",
    " ",
    "-",
    "0",
    "7",
    "[",
    "x" * 300,
)


def _spoiled(line: str, chance: random.Random) -> str:
    """Return *line* with up to three of its characters replaced."""
    text = list(line)
    for _ in range(chance.randrange(4) if text else 0):
        text[chance.randrange(len(text))] = chance.choice(_SIGNS)
    return "".join(text)


@pytest.mark.parametrize("name", NAMES)
def test_every_grammar_gives_the_same_both_ways(name: str) -> None:
    """Samples, and samples with characters replaced, give the same bytes as by the long way."""
    grammar = LIBRARY.get(name)
    express = express_of(grammar, ENVELOPE)
    chance = random.Random(name)
    for sample in grammar.spec.samples if express else ():
        for text in (sample.line, *(_spoiled(sample.line, chance) for _ in range(20))):
            event = _short(express, text)
            assert event is None or event == _long(grammar, text), text


def test_many_grammars_have_a_short_way() -> None:
    """Most of what reads by patterns alone has one, and ordinary lines take it."""
    short = {name for name in NAMES if express_of(LIBRARY.get(name), ENVELOPE)}
    assert {"nginx_access", "apache_combined", "postgresql", "redis"} <= short
    assert len(short) >= 60
    _, express = _nginx()
    assert _short(express, NGINX.format("-", "/a?b=c", 200, 512, "-", "curl/8.5.0")) is not None


@pytest.mark.parametrize(
    "parts",
    [
        ("-", "/", 200, 0, "-", "-"),
        ("ada", "/é", 200, "00017", "https://example.com/", "Mozilla/5.0"),
        ("-", "/" + "x" * 16_383, 200, 1, "-", "-"),
        ("-", "/", "000", "9007199254740991", "", "日本"),
        ("-", "/", 999, "-", "not a uri", "a" * 1_500),
    ],
)
def test_what_the_short_way_takes(parts: tuple[str | int, ...]) -> None:
    """Absent values, long ones up to their limit, and what a column refuses are plain enough."""
    grammar, express = _nginx()
    text = NGINX.format(*parts)
    event = _short(express, text)
    assert event is not None
    assert event == _long(grammar, text)


@pytest.mark.parametrize(
    "parts",
    [
        ('a"b', "/", 200, 1, "-", "-"),  # a quote inside a value
        ("-", "/\\x22", 200, 1, "-", "-"),  # a backslash
        ("-", "/\u00a0", 200, 1, "-", "-"),  # not printable
        ("-", "/" + "x" * 16_384, 200, 1, "-", "-"),  # to be cut
        ("-", "/", 200, "9007199254740992", "-", "-"),  # out of its limits
    ],
)
def test_what_is_left_to_the_long_way(parts: tuple[str | int, ...]) -> None:
    """What would need a second look gives None, whatever the long way makes of it."""
    _, express = _nginx()
    assert _short(express, NGINX.format(*parts)) is None


def test_an_event_over_the_limit_is_left_to_the_long_way() -> None:
    """Which refuses it with its reason."""
    envelope = Envelope(max_bytes=1_200)
    express = express_of(LIBRARY.get("nginx_access"), envelope)
    assert _short(express, NGINX.format("-", "/" + "x" * 600, 200, 1, "-", "-")) is None
    assert _short(express, NGINX.format("-", "/", 200, 1, "-", "-")) is not None


def test_base64_has_no_short_way() -> None:
    """The data has to be whole before it is encoded."""
    assert express_of(LIBRARY.get("nginx_access"), Envelope(base64=True)) is None


@pytest.mark.parametrize("name", ["nginx_access", "any_line", "auto"])
def test_containers_lines_give_the_same_both_ways(name: str, tmp_path: Path) -> None:
    """So do lines in a runtime's wrapping: of both streams, split in pieces, with its own time."""
    grammar = any_line(tmp_path) if name == "any_line" else LIBRARY.named(name)
    lines = [NGINX.format("-", f"/{n}", 200, n, "-", "curl/8.5.0") for n in range(4)]
    wrapped = [
        f"2026-11-23T06:55:4{n}.123456789Z {'stderr' if n % 2 else 'stdout'} {flag} {piece}\n"
        for n, line in enumerate(lines)
        for flag, piece in (("P", line[: 20 * n]), ("F", line[20 * n :]))
    ]
    policy = Policy(rules=Rules(container="cri"))
    short, long = (Recipe([grammar], ENVELOPE, policy) for _ in range(2))
    long.express = None
    origin = Origin(EID, "/var/log/pods/shop_web-1_0/nginx/0.log")
    one, two = (
        parse_chunk("".join(wrapped).encode(), 0, recipe, origin, READ_US)
        for recipe in (short, long)
    )
    assert one == two
    assert (one.ledger.events, one.rejects) == (4, ())


def test_auto_goes_the_short_way_of_the_grammar_that_it_keeps_to() -> None:
    """From the second record on; another kind of line in between takes the long way, and turns it.

    Events and what the file is remembered for are the same both ways.
    """
    nginx = [NGINX.format("-", f"/{n}", 200, n, "-", "curl/8.5.0") for n in range(3)]
    redis = [s.line for s in LIBRARY.get("redis").spec.samples if s.expect][:2]
    lines = [*nginx, *redis, "no known kind of line, surely", *nginx, *redis]
    short, long = (Recipe([LIBRARY.named("auto")], ENVELOPE) for _ in range(2))
    long.express = None
    chunk = "\n".join(lines).encode() + b"\n"
    one, two = (
        parse_chunk(chunk, 0, recipe, Origin(EID, "/logs/app.log"), READ_US)
        for recipe in (short, long)
    )
    assert one == two
    assert one.ledger.lines_read == len(lines)
    assert dict(one.held.memory)["auto"] == "redis"
    memory = {"auto": "nginx_access"}
    assert short.express is not None
    events = short.express.bind(Place((), READ_US, memory))([(nginx[0], "eid")] * 3)
    assert next(events) is not None
    memory["auto"] = "redis"
    assert next(events) is None
    memory["auto"] = "nginx_access"
    assert next(events) is not None
    assert list(events) == []


@pytest.mark.parametrize("path", ["/plain", "/tab+AAk-", "/backslash+AFw-", "/line+ICg-"])
def test_plain_bytes_may_be_a_text_that_is_not(path: str) -> None:
    """In UTF-7 printable ASCII spells signs that JSON escapes: each text is looked at."""
    line = NGINX.format("-", "PATH", 200, 5, "-", "curl/8.5.0").encode("utf-7")
    chunk = line.replace(b"PATH", path.encode()) + b"\n"
    origin = Origin(EID, "/logs/app.log", Encoding.named("utf-7"))
    short, long = (Recipe([LIBRARY.get("nginx_access")], ENVELOPE) for _ in range(2))
    long.express = None
    one, two = (parse_chunk(chunk, 0, recipe, origin, READ_US) for recipe in (short, long))
    assert one == two
    assert one.ledger.events == 1
