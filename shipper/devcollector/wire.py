"""Reads requests within the collector's limits, and dresses answers as the collector does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from urllib.parse import unquote_plus
from uuid import UUID, uuid4

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

MAX_BODY_BYTES: Final = 2_097_152
MAX_REQUEST_LINE_BYTES: Final = 20_480
MAX_HEADER_BYTES: Final = 40_960
_DRAIN_BYTES: Final = 64 * 1024 * 1024
_COOKIE_SECONDS: Final = 365 * 24 * 3600
_PIXEL: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)

Handler = Callable[[Request], Awaitable[Response]]


class RefusedError(Exception):
    """The request can't be taken; carries the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.response = PlainTextResponse(f"{text}\n", status)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request: what an anonymous one hides is None."""

    ip: str | None
    user_agent: str | None
    user_id: str | None


def guarded(handler: Handler) -> Handler:
    """Wrap *handler*: refuse long request heads, and answer what it refuses."""

    @wraps(handler)
    async def wrapped(request: Request) -> Response:
        try:
            _check_head(request)
            return await handler(request)
        except RefusedError as error:
            return error.response
        except ClientDisconnect:
            return Response(status_code=400)  # nobody hears it

    return wrapped


def _check_head(request: Request) -> None:
    line = len(f"{request.method} {target(request)} HTTP/1.1")
    if line > MAX_REQUEST_LINE_BYTES:
        what = f"the request line has {line} bytes; at most {MAX_REQUEST_LINE_BYTES} are taken"
        raise RefusedError(400, f"{what}: send by POST")
    headers = sum(len(name) + len(value) + 4 for name, value in request.headers.raw)
    if headers > MAX_HEADER_BYTES:
        what = f"the headers have {headers} bytes; at most {MAX_HEADER_BYTES} are taken"
        raise RefusedError(400, what)


def target(request: Request) -> str:
    """Return the request target as it was sent: path and query string."""
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1")
    return f"{path}?{query}" if query else path


async def read_body(request: Request, seconds: float) -> bytes:
    """Return the body. Raises RefusedError: 413 if it is too large, 408 if it is too slow.

    What is too large is read on and thrown away, up to a bound, so that the sender comes to read
    the answer instead of a reset connection.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _read(request)
    except TimeoutError:
        raise RefusedError(408, f"the body did not arrive within {seconds:g} seconds") from None


async def _read(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        elif size > _DRAIN_BYTES:
            break
        else:
            chunks.clear()
    if size > MAX_BODY_BYTES:
        raise RefusedError(413, f"the body has more than {MAX_BODY_BYTES} bytes: send fewer events")
    return b"".join(chunks)


def query_pairs(request: Request) -> Iterator[tuple[str, str]]:
    """Yield the parameters of the query string; one without ``=`` has no value and is left out."""
    for part in request.scope["query_string"].decode(errors="replace").split("&"):
        name, equals, value = part.partition("=")
        if equals:
            yield unquote_plus(name), unquote_plus(value)


def visitor(request: Request) -> Visitor:
    """Tell who sent *request*, by connection, header and the `sp` cookie (a new one if need be)."""
    agent = request.headers.get("user-agent")
    if _is_anonymous(request):
        return Visitor(None, agent, None)
    ip = request.client.host if request.client else None
    return Visitor(ip, agent, _cookie_id(request) or str(uuid4()))


def _is_anonymous(request: Request) -> bool:
    return "sp-anonymous" in request.headers


def _cookie_id(request: Request) -> str | None:
    try:
        return str(UUID(request.cookies.get("sp", "")))
    except ValueError:
        return None


def dressed(response: Response, request: Request, who: Visitor) -> Response:
    """Add to *response* what a browser needs: the `sp` cookie and the permission to read it."""
    if who.user_id is not None:
        _set_cookie(response, who.user_id, _COOKIE_SECONDS)
    elif "sp" in request.cookies:
        _set_cookie(response, "", 0)
    response.headers["Access-Control-Allow-Origin"] = request.headers.get("origin", "*")
    response.headers["Access-Control-Allow-Credentials"] = "true"
    return response


def _set_cookie(response: Response, value: str, seconds: int) -> None:
    response.set_cookie(
        "sp", value, max_age=seconds, expires=seconds, secure=True, httponly=True, samesite="none"
    )


def pixel() -> Response:
    """Return the transparent GIF of one pixel that answers a GET."""
    headers = {"Cache-Control": "no-cache, no-store, must-revalidate"}
    return Response(_PIXEL, media_type="image/gif", headers=headers)


async def preflight(request: Request) -> Response:
    """Answer the question that a browser asks before it sends."""
    headers = {
        "Access-Control-Allow-Origin": request.headers.get("origin", "*"),
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Headers": "Content-Type, SP-Anonymous",
        "Access-Control-Max-Age": "3600",
    }
    return Response(status_code=200, headers=headers)


async def not_found(_: Request, __: Exception) -> Response:
    """Answer for a path or method that the collector does not have, by 404 as it does."""
    return PlainTextResponse("404 not found\n", 404)


def json_response(value: Any) -> Response:
    """Return *value* as JSON."""
    return Response(orjson.dumps(value), media_type="application/json")
