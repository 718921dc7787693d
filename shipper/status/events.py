"""Live updates: what the page shows at a glance, sent to who listens when it changes.

Rule 1: however many listen, it is looked and encoded once a second for all of them.
Rule 2: there is a most of listeners; one more is asked to come later.
Rule 3: a stream ends soon after `close`, so that it holds up neither a stop nor a reload.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shipper.errors import StateError
from shipper.status.answers import encoded, failure
from shipper.status.overview import Overview
from shipper.status.view import Seldom, View

_EVERY: Final = 1.0
_LOOK: Final = 0.2
_MOST: Final = 32
_RETRY_MS: Final = 2_000


class Feed:
    """The stream of one view."""

    def __init__(self, view: View) -> None:
        self._overview = Overview(view)
        self._latest = Seldom(self._look, view.clock, _EVERY * 0.8)
        self._listeners = 0
        self._closed = False

    def close(self) -> None:
        """End all streams. Any thread may call it."""
        self._closed = True

    async def answer(self, _: Request) -> Response:
        """Answer a request for the stream."""
        if self._listeners >= _MOST:
            return Response("too many pages are open\n", 503, {"Retry-After": "10"})
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def once(self, _: Request) -> Response:
        """Answer with what the next event of the stream would be."""
        try:
            body = await run_in_threadpool(self._latest.now)
        except StateError as error:
            return failure(error, 503)
        return Response(body, media_type="application/json")

    async def _stream(self) -> AsyncIterator[bytes]:
        self._listeners += 1
        try:
            yield b"retry: %d\n\n" % _RETRY_MS
            while not self._closed:
                yield await self._event()
                for _ in range(round(_EVERY / _LOOK)):
                    if not self._closed:
                        await asyncio.sleep(_LOOK)
        finally:
            self._listeners -= 1

    async def _event(self) -> bytes:
        try:
            return b"event: overview\ndata: %b\n\n" % await run_in_threadpool(self._latest.now)
        except StateError as error:
            why = encoded({"error": error.message, "remedy": error.remedy})
            return b"event: trouble\ndata: %b\n\n" % why

    def _look(self) -> bytes:
        return encoded(self._overview.look())
