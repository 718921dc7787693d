"""The receiver as an ASGI application: the paths, answers and limits of a Snowplow collector.

Rule 1: 200 means that the events are in the queue and on the disk. Until then nobody is answered.
Rule 2: what can't be taken just now is 503 with Retry-After, which trackers try again; what never
        will be is 400 (or 413, a body too large) with the reasons, which they do not.
Rule 3: nothing that a request holds is told in the log: how many are refused is, now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shipper.model import Clock, Report
from shipper.receiver.intake import Intake
from shipper.receiver.payloads import InvalidEventsError, asked, posted
from shipper.serving.wire import (
    MAX_BODY_BYTES,
    Memory,
    RefusedError,
    dressed,
    guarded,
    not_found,
    pixel,
    preflight,
    query_pairs,
    read_body,
    visitor,
)

TP2: Final = "/com.snowplowanalytics.snowplow/tp2"
_PIXELS: Final = ("/i", "/ice.png")
_RETRY_AFTER: Final = {"Retry-After": "5"}
_TELL_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where trackers send, and how much of it is held: bytes and seconds.

    `paths` are taken like tp2's own. `request_bytes` is what a request to the collector holds.
    `memory` bounds the bodies of all requests that are under way.
    """

    request_bytes: int
    paths: Sequence[str] = ()
    max_body_bytes: int = MAX_BODY_BYTES
    body_seconds: float = 25.0
    memory: int = 64 << 20


def create_app(intake: Intake, doors: Doors, report: Report, clock: Clock) -> Starlette:
    """Build the application round *intake*."""
    handlers = _Handlers(intake, doors, _Refusals(report, clock))
    app = Starlette(
        routes=[
            *(
                Route(path, guarded(handlers.counted(handlers.events)), methods=["GET", "POST"])
                for path in dict.fromkeys((TP2, *doors.paths))
            ),
            *(
                Route(path, guarded(handlers.counted(handlers.pixel)), methods=["GET"])
                for path in _PIXELS
            ),
            Route("/health", guarded(handlers.health), methods=["GET"]),
            Route("/sink-health", guarded(handlers.sink_health), methods=["GET"]),
            Route("/{path:path}", guarded(preflight), methods=["OPTIONS"]),
        ],
        exception_handlers={404: not_found, 405: not_found},
    )
    app.router.redirect_slashes = False
    return app


class _Refusals:
    """Says that requests are refused, at most once a minute (rule 3)."""

    def __init__(self, report: Report, clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._count = 0
        self._due = float("-inf")

    def note(self) -> None:
        self._count += 1
        now = self._clock.monotonic()
        if now >= self._due:
            self._due = now + _TELL_SECONDS
            remedy = "the answer to each says why: look at it where the tracker sends"
            self._report("receiver.refused", requests=self._count, remedy=remedy)
            self._count = 0


class _Handlers:
    def __init__(self, intake: Intake, doors: Doors, refusals: _Refusals) -> None:
        self._intake = intake
        self._doors = doors
        self._refusals = refusals
        self._memory = Memory(doors.memory)

    def counted(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Wrap *handler*: note what it refuses for good."""

        async def wrapped(request: Request) -> Response:
            try:
                return await handler(request)
            except InvalidEventsError as error:
                self._refusals.note()
                raise RefusedError(400, str(error)) from error
            except RefusedError as error:
                if error.response.status_code == 413:
                    self._refusals.note()
                raise

        return wrapped

    async def health(self, _: Request) -> Response:
        """Say that the receiver is there."""
        return PlainTextResponse("ok")

    async def sink_health(self, _: Request) -> Response:
        """Say whether events are taken."""
        if why := self._intake.refuses:
            return PlainTextResponse(f"{why}\n", 503, _RETRY_AFTER)
        return PlainTextResponse("ok")

    async def pixel(self, request: Request) -> Response:
        """Take one event from a query string."""
        who = visitor(request)
        await self._queue(asked(dict(query_pairs(request)), who, self._doors.request_bytes))
        return dressed(pixel(), request, who)

    async def events(self, request: Request) -> Response:
        """Take events from a body, or one from a query string."""
        if request.method != "POST":
            return await self.pixel(request)
        doors, who = self._doors, visitor(request)
        with self._memory.share() as take:
            body = await read_body(request, doors.body_seconds, doors.max_body_bytes, take)
            content_type = request.headers.get("content-type")
            query = dict(query_pairs(request))
            await self._queue(posted(body, content_type, query, who, doors.request_bytes))
        return dressed(PlainTextResponse("ok"), request, who)

    async def _queue(self, events: list[bytes]) -> None:
        """Wait until *events* are in the queue and on the disk. Raises RefusedError."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def settle(why: str) -> None:
            if not answer.done():  # its client may be gone
                answer.set_result(why)

        def done(why: str) -> None:
            with suppress(RuntimeError):  # the loop may be gone
                loop.call_soon_threadsafe(settle, why)

        self._intake.offer(events, done)
        if why := await answer:
            raise RefusedError(503, f"{why}: send it again", _RETRY_AFTER)
