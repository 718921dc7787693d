"""From parsed fields to the bytes of a Snowplow event, serialised once and for all.

Rule 1: the same record gives the same bytes: no clock, host or version goes in but what the
        record says. A record without a time of its own takes the time of reading as `dtm`.
Rule 2: what Enrich would refuse never leaves here: keys and constants are checked once, when the
        builder is made; what varies (times, depth, size, atomic values) with each event.
Rule 3: a value that an atomic column would refuse is left out of that column only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, Protocol

import orjson

from shipper.event.batch import fits
from shipper.event.kinds import Members, MissingPartError
from shipper.grammar.grammar import Sampling
from shipper.model import Dropped, Parsed
from shipper.protocol import atomic
from shipper.protocol.base64 import encode
from shipper.protocol.iglu import CONTEXTS, UNSTRUCT_EVENT, of_vendor

# Names the form of our payloads, not the release: an upgrade must not change re-read events.
TRACKER_VERSION = "logfile-1"
# Enrich reads years 0 to 9999 (snowplow.md T-rules); Unix milliseconds of both ends.
_FIRST_MS, _LAST_MS = -62_167_219_200_000, 253_402_300_799_999
# Micro and Enrich's common module stop at 40 levels, of which the wrappers take three.
_MAX_DEPTH = 37
# Values kept for each atomic column, some 8 MB: one that comes again after so many others costs
# 2 µs. The older half goes at once, so that a log with a few more clients than this keeps most.
_REMEMBERED = 32_768
_SCHEMA_HEAD = '{"schema":"'
TAIL = '}}"'  # ends a `ue_pr`


class RefusedError(ValueError):
    """A record's event would be refused further on; `reason` is the dead letter's."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What all events of a source share.

    `namespace`, `app_id`, `platform` are Snowplow's `tna`, `aid`, `p`; `entities` are
    self-describing objects attached to each event; `max_bytes` is the request's limit. `vendor`
    takes the place of our own in all schemas.
    """

    namespace: str | None = None
    app_id: str | None = None
    platform: str = "srv"
    base64: bool = False
    entities: Sequence[Mapping[str, Any]] = ()
    max_bytes: int = 180_000
    vendor: str | None = None


class Shape(Protocol):
    """What the builder needs to know of a grammar."""

    @property
    def schema(self) -> str:
        """The Iglu URI of the events."""

    @property
    def atomic(self) -> Mapping[str, str]:
        """Snowplow's own columns: payload key → field."""


class Build(Protocol):
    """Makes the event of a parsed record."""

    def __call__(
        self, parsed: Parsed, eid: str, read_us: int, entities: tuple[str, ...] = (), /
    ) -> bytes:
        """Return the event; *entities* are this record's alone, each self-describing JSON."""


class Template(NamedTuple):
    """What all events of one grammar have around their data, as text.

    An event is `head`, the event id, `constants` after its times, the member of `contexts` that its
    entities give, a member for each of the `columns` (field, member by value), `quoted`, its data
    as JSON inside JSON, `TAIL`.
    """

    constants: str
    contexts: _Contexts
    columns: tuple[tuple[str, Mapping[Any, str]], ...]
    quoted: str
    max_bytes: int


def template_of(shape: Shape, envelope: Envelope) -> Template:
    """Return what the events of *shape* have in common; without base64."""
    return Template(
        constants=_constants(envelope),
        contexts=_Contexts(envelope),
        columns=tuple((field, _Column(key)) for key, field in shape.atomic.items()),
        quoted=_quoted(of_vendor(shape.schema, envelope.vendor)),
        max_bytes=envelope.max_bytes,
    )


def event_builder(shape: Shape, envelope: Envelope) -> Build:
    """Return the function (parsed record, event id, time of reading in µs, entities) → event.

    It raises RefusedError for a record whose event Enrich or the collector would refuse; the reason
    of one that its grammar drops is ``filtered``.
    """
    constants, contexts, columns, quoted, max_bytes = template_of(shape, envelope)
    wrap = (
        _wrapper(of_vendor(shape.schema, envelope.vendor)) if envelope.base64 else _quoter(quoted)
    )

    def build(parsed: Parsed, eid: str, read_us: int, entities: tuple[str, ...] = ()) -> bytes:
        if isinstance(parsed, Dropped):
            raise RefusedError("filtered", "")
        fields, times = parsed.fields, times_of(parsed.time_us, read_us)
        data = _dumped(fields)
        own = contexts[entities]
        for field, column in columns:
            if field in fields:
                own += column[fields[field]]
        text = f'{{"e":"ue","eid":"{eid}",{times}{constants}{own},{wrap(data)}}}'
        return _sized(text.encode(), max_bytes)

    return build


def kind_builder(shape: Shape, members: Members, envelope: Envelope) -> Build:
    """Return the same for page views and structured events, made of *members*.

    The record's fields go along as an entity of the shape's schema.
    """
    schema = of_vendor(shape.schema, envelope.vendor)
    constants, contexts, columns, _, _ = template_of(shape, envelope)

    def build(parsed: Parsed, eid: str, read_us: int, entities: tuple[str, ...] = ()) -> bytes:
        if isinstance(parsed, Dropped):
            raise RefusedError("filtered", "")
        fields, times = parsed.fields, times_of(parsed.time_us, read_us)
        record = f'{_SCHEMA_HEAD}{schema}","data":{_dumped(fields).decode()}}}'
        try:
            head = members(fields)
        except MissingPartError as error:
            raise RefusedError("bad_value", error.detail) from error
        own = contexts.member((*entities, record))
        for field, column in columns:
            if field in fields:
                own += column[fields[field]]
        text = f'{{{head},"eid":"{eid}",{times}{constants}{own}}}'
        return _sized(text.encode(), envelope.max_bytes)

    return build


def sampled(build: Build, sampling: Sampling) -> Build:
    """Return *build* for a share of the records; which ones follows from their event ids."""
    limit, when = int(sampling.share * 2**32), sampling.when

    def build_some(parsed: Parsed, eid: str, read_us: int, entities: tuple[str, ...] = ()) -> bytes:
        if int(eid[:8], 16) >= limit and (when is None or when(parsed.fields)):
            raise RefusedError("filtered", "")
        return build(parsed, eid, read_us, entities)

    return build_some


def _dumped(fields: Mapping[str, Any]) -> bytes:
    try:
        data = orjson.dumps(fields)
    except orjson.JSONEncodeError as error:
        _check_depth(fields)
        raise RefusedError("bad_value", f"the fields can't be JSON: {error}") from error
    if data.find(b"{", 1) > 0 or b"[" in data:
        _check_depth(fields)
    return data


def _sized(event: bytes, max_bytes: int) -> bytes:
    if not fits(event, max_bytes):
        detail = f"the event has {len(event)} bytes, a request takes {max_bytes}"
        raise RefusedError("too_large", detail)
    return event


def times_of(time_us: int | None, read_us: int) -> str:
    """Return the members that say when. Raises RefusedError for a time that Enrich can't read."""
    if time_us is None:
        return f'"dtm":"{read_us // 1000}"'
    ms = time_us // 1000
    if not _FIRST_MS <= ms <= _LAST_MS:
        raise RefusedError("bad_time", f"the time {ms} ms lies outside the years 0 to 9999")
    return f'"dtm":"{ms}","ttm":"{ms}"'


def _constants(envelope: Envelope) -> str:
    pairs = {"p": envelope.platform, "tv": TRACKER_VERSION}
    if envelope.namespace:
        pairs["tna"] = envelope.namespace
    if envelope.app_id:
        pairs["aid"] = envelope.app_id
    return "," + orjson.dumps(pairs).decode()[1:-1]


def _wrapper(schema: str) -> Callable[[bytes], str]:
    """Return the function from a record's data to its `ue_px` member."""
    head = _wrapping(schema).encode()
    return lambda data: f'"ue_px":"{encode(head + data + b"}}")}"'


def _quoter(quoted: str) -> Callable[[bytes], str]:
    """Return the function from a record's data to its `ue_pr` member, which *quoted* begins."""
    dumps = orjson.dumps
    return lambda data: quoted + dumps(data.decode()).decode()[1:-1] + TAIL


def _quoted(schema: str) -> str:
    return '"ue_pr":' + orjson.dumps(_wrapping(schema)).decode()[:-1]


def _wrapping(schema: str) -> str:
    return f'{{"schema":"{UNSTRUCT_EVENT}","data":{{"schema":"{schema}","data":'


class _Contexts(dict[tuple[str, ...], str]):
    """The `co` (or `cx`) members, by the entities that a record has beside those of its source."""

    def __init__(self, envelope: Envelope) -> None:
        super().__init__()
        self._common = [orjson.dumps(entity).decode() for entity in envelope.entities]
        self._base64 = envelope.base64
        self._vendor = envelope.vendor

    def __missing__(self, entities: tuple[str, ...]) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        member = self[entities] = self.member(entities)
        return member

    def member(self, entities: tuple[str, ...]) -> str:
        """Return the member, without remembering it."""
        both = [*self._common, *(self._of_vendor(entity) for entity in entities)]
        wrapped = f'{{"schema":"{CONTEXTS}","data":[{",".join(both)}]}}'
        quoted = f'"{encode(wrapped.encode())}"' if self._base64 else orjson.dumps(wrapped).decode()
        return f',"{"cx" if self._base64 else "co"}":{quoted}' if both else ""

    def _of_vendor(self, entity: str) -> str:
        """Return *entity* with the schema of the vendor: ``{"schema":"iglu:…`` begins each."""
        head, uri = entity[: len(_SCHEMA_HEAD)], entity[len(_SCHEMA_HEAD) :]
        return head + of_vendor(uri, self._vendor) if head == _SCHEMA_HEAD else entity


class _Column(dict[Any, str]):
    """The JSON members that the values of one atomic column give, remembered by value.

    A value that Enrich would refuse gives an empty string (rule 3). A look-up that hits is C code.
    """

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def __missing__(self, value: object) -> str:
        text = str(value)
        fits = atomic.fits(self._key, text)
        member = f',"{self._key}":{orjson.dumps(text).decode()}' if fits else ""
        if len(self) >= _REMEMBERED:
            for old in tuple(islice(self, _REMEMBERED // 2)):
                del self[old]
        self[value] = member
        return member


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return
    raise RefusedError("too_deep", f"the record nests deeper than {_MAX_DEPTH} levels")


def _members(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()
