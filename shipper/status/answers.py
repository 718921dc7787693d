"""How the handlers of the page answer: JSON of any text, and why something can't be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from shipper.errors import ShipperError, StateError

Look = Callable[[Request], Any]
"""Makes the JSON value that answers a request. It may block: it runs in a thread of its own."""


def as_json(value: Any, status: int = 200) -> Response:
    """Return *value* as JSON."""
    return Response(encoded(value), status, media_type="application/json")


def encoded(value: Any) -> bytes:
    """Return *value* as JSON bytes; a file name with bytes of no text has them written out."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_whole(value))


def _whole(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_whole(key): _whole(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_whole(inner) for inner in value]
        case _:
            return value


def failure(error: ShipperError, status: int) -> Response:
    """Return *error* as an answer."""
    return as_json({"error": error.message, "remedy": error.remedy}, status)


def answering(look: Look) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler that answers with what *look* returns, or 503 where the state is busy."""

    @wraps(look)
    async def handler(request: Request) -> Response:
        try:
            return as_json(await run_in_threadpool(look, request))
        except StateError as error:
            return failure(error, 503)

    return handler
