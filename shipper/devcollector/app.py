"""The development collector as an ASGI application: Snowplow's paths in front, Micro's behind.

Rule 1: a tracker hears what a real collector says: 200 once the request was understood as HTTP,
whether its events are good or bad. What became of them stands under ``/micro``.
Rule 2: no request is answered with a 5xx by a fault of its content, and none is buffered beyond
the limit on bodies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shipper.devcollector.micro import Micro
from shipper.devcollector.record import Received, Record
from shipper.devcollector.schemas import SchemaSource
from shipper.devcollector.validate import Judgement, judge_get, judge_post, unknown_adapter
from shipper.serving.wire import (
    RefusedError,
    Visitor,
    dressed,
    guarded,
    not_found,
    pixel,
    preflight,
    query_pairs,
    read_body,
    target,
    visitor,
)

_SNOWPLOW: Final = "com.snowplowanalytics.snowplow"
_PIXEL_API: Final = (_SNOWPLOW, "tp1")
_ADAPTERS: Final = frozenset({_PIXEL_API, (_SNOWPLOW, "tp2")})
_NO_VENDORS: Final = frozenset(
    {"micro", "r"}
)  # paths of the collector's own: an unknown one is 404


@dataclass(frozen=True, slots=True)
class Answer:
    """A scripted answer in place of the normal one, for tests of senders.

    The events of the request are not counted unless `counted`: then they are taken as usual, and
    only the sender hears of a failure. `delay` is waited, in seconds, before the answer.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    counted: bool = False


Intercept = Callable[[str, str, bytes], Answer | None]
"""Called with method, request target and body of each request outside ``/micro``; None lets it
pass. It runs on the server's own thread, so it must not block: use `Answer.delay`."""


def create_app(
    schemas: SchemaSource,
    *,
    max_events: int = 200_000,
    record: Record | None = None,
    intercept: Intercept | None = None,
    body_seconds: float = 25.0,
) -> Starlette:
    """Build the application. Counts are exact; of the events the newest *max_events* are kept.

    *record* is its memory, for a caller who wants to look into it. A body must arrive within
    *body_seconds*, or the answer is 408.
    """
    kept = Record(max_events=max_events) if record is None else record
    doors = _Doors(schemas, kept, intercept, body_seconds)
    micro = Micro(kept)
    app = Starlette(
        routes=[
            Route("/health", guarded(doors.health), methods=["GET"]),
            Route("/sink-health", guarded(doors.health), methods=["GET"]),
            Route("/i", guarded(doors.pixel), methods=["GET"]),
            Route("/ice.png", guarded(doors.pixel), methods=["GET"]),
            Route("/micro/all", guarded(micro.all), methods=["GET", "POST"]),
            Route("/micro/good", guarded(micro.good), methods=["GET", "POST"]),
            Route("/micro/bad", guarded(micro.bad), methods=["GET", "POST"]),
            Route("/micro/reset", guarded(micro.reset), methods=["GET", "POST"]),
            Route("/{vendor}/{version}", guarded(doors.events), methods=["GET", "POST"]),
            Route("/{path:path}", guarded(preflight), methods=["OPTIONS"]),
        ],
        exception_handlers={404: not_found, 405: not_found},
    )
    app.router.redirect_slashes = False
    return app


class _Doors:
    """The handlers that trackers meet."""

    def __init__(
        self,
        schemas: SchemaSource,
        record: Record,
        intercept: Intercept | None,
        body_seconds: float,
    ) -> None:
        self._schemas = schemas
        self._record = record
        self._intercept = intercept
        self._body_seconds = body_seconds

    async def health(self, request: Request) -> Response:
        """Say that the collector is there."""
        scripted = self._script(request, b"")
        return await _play(scripted) if scripted else PlainTextResponse("ok")

    async def pixel(self, request: Request) -> Response:
        """Take one event from a query string."""
        return await self._take(request, _PIXEL_API)

    async def events(self, request: Request) -> Response:
        """Take events at a path of vendor and version, from a body or a query string."""
        api = (request.path_params["vendor"], request.path_params["version"])
        if api[0] in _NO_VENDORS:
            raise RefusedError(404, "404 not found")
        return await self._take(request, api)

    async def _take(self, request: Request, api: tuple[str, str]) -> Response:
        is_post = request.method == "POST"
        body = await read_body(request, self._body_seconds) if is_post else b""
        scripted = self._script(request, body)
        if scripted and not scripted.counted:
            return await _play(scripted)
        who = visitor(request)
        query = tuple(query_pairs(request))
        content_type = request.headers.get("content-type")
        judgement = self._judge(request.method, api, body, content_type, dict(query))
        self._record.add(_received(api, query, content_type, who), body, judgement)
        if scripted:
            return await _play(scripted)
        return dressed(PlainTextResponse("ok") if is_post else pixel(), request, who)

    def _judge(
        self,
        method: str,
        api: tuple[str, str],
        body: bytes,
        content_type: str | None,
        query: dict[str, str],
    ) -> Judgement:
        if api not in _ADAPTERS:
            return unknown_adapter(*api)
        if method != "POST":
            return judge_get(query, self._schemas)
        return judge_post(body, content_type, query, self._schemas)

    def _script(self, request: Request, body: bytes) -> Answer | None:
        if self._intercept is None:
            return None
        return self._intercept(request.method, target(request), body)


async def _play(answer: Answer) -> Response:
    await asyncio.sleep(answer.delay)
    return Response(answer.body, answer.status, dict(answer.headers))


def _received(
    api: tuple[str, str],
    query: tuple[tuple[str, str], ...],
    content_type: str | None,
    who: Visitor,
) -> Received:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Received(*api, query, content_type, now, who.ip, who.user_agent, who.user_id)
