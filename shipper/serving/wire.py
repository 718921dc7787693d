"""Reads requests within the collector's limits, and dresses answers as the collector does.

Rule 1: no body is kept beyond the limit on one, nor all of them together beyond that of `Memory`.
Rule 2: what is too large is read on and thrown away, up to a bound, so that the sender comes to
        read the answer instead of a reset connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from urllib.parse import unquote, unquote_plus
from uuid import UUID, uuid4

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shipper.protocol.atomic import is_address

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

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.response = PlainTextResponse(f"{text}\n", status, headers)


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


class Memory:
    """The bytes of bodies that are held at a moment, over all requests, and how many may be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Hold what the block says it takes, until its end; raises RefusedError if it is full."""
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            if self.held + size > self._most:
                what = "too many bodies are being read at once: send it again"
                raise RefusedError(503, what, {"Retry-After": "1"})
            self.held += size
            taken += size

        try:
            yield take
        finally:
            self.held -= taken


async def read_body(
    request: Request,
    seconds: float,
    most: int = MAX_BODY_BYTES,
    take: Callable[[int], None] | None = None,
) -> bytes:
    """Return the body of at most *most* bytes; *take* is told of each piece (see `Memory`).

    Raises RefusedError: 413 if it is too large, 408 if it is too slow.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, most, take)
    except TimeoutError:
        raise RefusedError(408, f"the body did not arrive within {seconds:g} seconds") from None


async def _read(request: Request, most: int, take: Callable[[int], None] | None) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most:
            if take:
                take(len(chunk))
            chunks.append(chunk)
        elif size > _DRAIN_BYTES:
            break
        else:
            chunks.clear()
    if size > most:
        raise RefusedError(413, f"the body has more than {most} bytes: send less at a time")
    return b"".join(chunks)


def query_pairs(request: Request) -> Iterator[tuple[str, str]]:
    """Yield the parameters of the query string; one without ``=`` has no value and is left out."""
    for part in request.scope["query_string"].decode(errors="replace").split("&"):
        name, equals, value = part.partition("=")
        if equals:
            yield unquote_plus(name), unquote_plus(value)


def visitor(request: Request) -> Visitor:
    """Tell who sent *request*, by connection, header and the `sp` cookie (a new one if need be).

    What a proxy in front says of its client goes before the connection, as at a collector.
    """
    agent = request.headers.get("user-agent")
    if _is_anonymous(request):
        return Visitor(None, agent, None)
    ip = request.client.host if request.client else None
    return Visitor(_forwarded(request) or ip, agent, _cookie_id(request) or str(uuid4()))


def _forwarded(request: Request) -> str | None:
    first = request.headers.get("x-forwarded-for", "").split(",")[0].strip()
    return first if first and is_address(first) else None


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


def origin_form(app: ASGIApp) -> ASGIApp:
    """Wrap *app*: take targets in absolute form, as ``POST http://host/path``, for their path."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path", b"")
        scheme, sign, rest = raw.partition(b"://")
        if sign and scheme.lower() in (b"http", b"https"):
            raw = b"/" + rest.partition(b"/")[2]
            scope = {**scope, "raw_path": raw, "path": unquote(raw.decode("latin-1"))}
        await app(scope, receive, send)

    return wrapped


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
