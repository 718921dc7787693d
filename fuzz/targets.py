"""What is fuzzed: functions of bytes that fail if a promise of the code they call is broken.

Rule 1: a target promises more than that nothing raises: what it asserts stands in its docstring.
Rule 2: a target has no memory: the same bytes have the same outcome.
"""

from __future__ import annotations

import functools
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request

from shipper.cli.collector import known_schemas
from shipper.config.load import load_config, resolved
from shipper.devcollector.schemas import SchemaSource
from shipper.devcollector.validate import judge_post
from shipper.errors import ConfigError
from shipper.event.batch import unpack
from shipper.event.builder import Envelope
from shipper.event.chunk import Parse
from shipper.event.piece import Piece, parse_piece
from shipper.event.recipe import Policy, Recipe
from shipper.formats.framing import whole_lines
from shipper.formats.held import EMPTY, Held
from shipper.formats.multiline import PRESETS
from shipper.formats.records import Rules
from shipper.grammar.auto import Auto
from shipper.grammar.library import Library
from shipper.protocol.iglu import SchemaKey
from shipper.receiver.payloads import InvalidEventsError, asked, posted
from shipper.serving.wire import query_pairs, visitor

Target = Callable[[bytes], None]

_GENERATION = uuid.UUID(int=7)
_NOW_US = 1_795_000_000_000_000
_REQUEST_BYTES = 180_000
_HEAD = b'{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":['
_CONTAINERS = ("none", "auto", "docker", "cri")


# What they share


@functools.cache
def library() -> Library:
    """All grammars of the package."""
    return Library()


@functools.cache
def _schemas() -> SchemaSource:
    return known_schemas(library())


@functools.cache
def _all_grammars() -> Auto:
    return Auto(library().all())


@functools.cache
def _recipe(name: str) -> Recipe:
    grammar = _all_grammars() if name == "auto" else library().get(name)
    return Recipe([grammar], Envelope(), Policy(line_bytes=4_096))


@functools.cache
def _joining(container: str, preset: str) -> Recipe:
    multiline = PRESETS[preset] if preset else None
    rules = Rules(container=container, multiline=multiline, max_lines=20, max_bytes=2_048)  # type: ignore[arg-type]  # checked by Rules
    return Recipe([library().get("logfmt")], Envelope(), Policy(rules=rules))


def _piece(data: bytes, base: int = 0, held: Held = EMPTY) -> Piece:
    path = "/var/log/pods/a_b_00000000-0000-4000-8000-000000000000/c/0.log"
    return Piece("fuzz", _GENERATION, path, data, base, len(data), _NOW_US, held)


def _events(*parses: Parse) -> list[bytes]:
    batches = [batch for parse in parses for batch in parse.batches]
    return [event for batch in batches for event in unpack(batch).split(b"\n")]


def _enrich_takes(events: list[bytes]) -> None:
    """Assert that each event would pass, all of them in one request."""
    if events:
        body = _HEAD + b",".join(events) + b"]}"
        judgement = judge_post(body, "application/json", {}, _schemas())
        assert judgement.bad == (), judgement.bad
        assert len(judgement.good) == len(events)


# The targets


def framing(data: bytes) -> None:
    """However a file is cut into reads, its records are the same, and each byte has one fate."""
    how, where, data = data[:1], data[1:3], data[3:]
    if not data:
        return
    kind = how[0] % (len(_CONTAINERS) * (len(PRESETS) + 1))
    container = _CONTAINERS[kind % len(_CONTAINERS)]
    recipe = _joining(container, ["", *PRESETS][kind // len(_CONTAINERS)])
    whole = parse_piece(_piece(data + b"\n"), recipe)
    cut = whole_lines(data[: int.from_bytes(where) % len(data)])
    parts = []
    base, held = 0, EMPTY
    for part in filter(None, (data[:cut], data[cut:] + b"\n")):
        parts.append(parse_piece(_piece(part, base, held), recipe))
        base, held = base + len(part), parts[-1].held

    assert _events(*parts) == _events(whole)
    assert [reject for parse in parts for reject in parse.rejects] == list(whole.rejects)
    assert held == whole.held
    assert whole.ledger.bytes_read == len(data) + 1


def grammars(data: bytes) -> None:
    """Any line gives an event that Enrich would take, or a reject; the ledger adds up."""
    names = ["auto", *library().names()]
    name, lines = names[int.from_bytes(data[:1]) % len(names)], data[1:]
    parse = parse_piece(_piece(lines + b"\n"), _recipe(name))

    events = _events(parse)
    _enrich_takes(events)
    ledger = parse.ledger
    assert ledger.bytes_read == len(lines) + 1
    assert ledger.events == len(events)
    fates = ("emitted", "filtered", "rejected", "oversize", "blank")
    assert ledger.bytes_read == sum(getattr(ledger, f"bytes_{fate}") for fate in fates)


def receiver(data: bytes) -> None:
    """What the receiver takes of a request, Enrich would take, as far as schemas allow the data."""
    head, _, body = data.partition(b"\n\n")
    query, *lines = head.split(b"\n")
    headers = [(n.lower(), v) for n, _, v in (line.partition(b": ") for line in lines)]
    scope = {"type": "http", "query_string": query, "headers": headers, "client": ("192.0.2.1", 1)}
    request = Request(scope)
    parameters, who = dict(query_pairs(request)), visitor(request)
    try:
        if body:
            kind = request.headers.get("content-type", "application/json")
            events = posted(body, kind, parameters, who, _REQUEST_BYTES)
        else:
            events = asked(parameters, who, _REQUEST_BYTES)
    except InvalidEventsError as error:
        assert error.reasons
        return
    _taken(events)


class _AnyData:
    """Knows every schema, and each allows any data: what is left to judge is the tracker's own."""

    def find(self, _key: SchemaKey, /) -> dict[str, Any]:
        return {}

    def describe(self) -> str:
        return "nowhere"


def _taken(events: list[bytes]) -> None:
    for event in events:
        assert b"\n" not in event  # the border of events in a batch
        judgement = judge_post(_HEAD + event + b"]}", "application/json", {}, _AnyData())
        assert judgement.bad == (), judgement.bad


def config(data: bytes) -> None:
    """Any file is a configuration, or gives problems that name a place, in printable words."""
    environ: Mapping[str, str] = {"HOME": "/root", "COLLECTOR_URL": "https://collector.example.com"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "shipper.yaml")
        file.write_bytes(data)
        try:
            orjson.dumps(resolved(load_config(file, environ)))
        except ConfigError as error:
            assert error.problems
            assert all(problem.what for problem in error.problems)


TARGETS: dict[str, Target] = {
    "framing": framing,
    "grammars": grammars,
    "receiver": receiver,
    "config": config,
}
