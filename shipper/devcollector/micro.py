"""The ``/micro`` paths: what became of the events, in the form of Snowplow Micro.

GET lists all; POST takes a JSON object of filters. An unknown filter is an error, as it is most
likely a slip of the pen that would make a test pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shipper.devcollector.present import BadFilter, GoodFilter, bad_items, good_items
from shipper.devcollector.record import Record
from shipper.serving.wire import RefusedError, json_response, read_body

_SECONDS: Final = 25.0
_CHUNK: Final = 100


class Micro:
    """The handlers, over one record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def all(self, _: Request) -> Response:
        """Answer with the counts."""
        return json_response(self._record.counts()._asdict())

    async def reset(self, _: Request) -> Response:
        """Forget everything; answer with the new counts."""
        return json_response(self._record.reset()._asdict())

    async def good(self, request: Request) -> Response:
        """Answer with good events, the newest first."""
        wanted = await _filters(
            request, {"event_type": str, "schema": str, "contexts": list, "limit": int}
        )
        contexts = tuple(map(str, wanted.pop("contexts", ())))
        found = good_items(self._record.newest(), GoodFilter(**wanted, contexts=contexts))
        return _listed(islice(found, self._record.max_events))

    async def bad(self, request: Request) -> Response:
        """Answer with bad rows, the newest first."""
        wanted = await _filters(request, {"vendor": str, "version": str, "limit": int})
        found = bad_items(self._record.newest(), BadFilter(**wanted))
        return _listed(islice(found, self._record.max_events))


async def _filters(request: Request, kinds: Mapping[str, type]) -> dict[str, Any]:
    body = await read_body(request, _SECONDS) if request.method == "POST" else b""
    if not body:
        return {}
    try:
        filters = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"the filter is not JSON: {error}") from error
    if not isinstance(filters, dict):
        raise RefusedError(400, "the filter must be a JSON object")
    wrong = [name for name, value in filters.items() if not _is_filter(kinds.get(name), value)]
    if wrong:
        right = ", ".join(f"{name} ({kind.__name__})" for name, kind in kinds.items())
        raise RefusedError(400, f"wrong filter {wrong[0][:40]!r}; there are: {right}")
    return {name: value for name, value in filters.items() if value is not None}


def _is_filter(kind: type | None, value: Any) -> bool:
    if kind is None or isinstance(value, bool):
        return False
    if kind is int and isinstance(value, int):
        return 0 <= value < 2**31
    return value is None or isinstance(value, kind)


def _listed(items: Iterator[dict[str, Any]]) -> Response:
    return StreamingResponse(_array(items), media_type="application/json")


async def _array(items: Iterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    """Write a JSON array piece by piece; trackers get their turn between the pieces."""
    before = b"["
    while piece := list(islice(items, _CHUNK)):
        yield before + b",".join(map(orjson.dumps, piece))
        before = b","
        await asyncio.sleep(0)
    yield b"[]" if before == b"[" else b"]"
