"""How the handlers of the page answer: JSON of any text, and why something can't be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shipper.errors import DataError, ShipperError, StateError
from shipper.serving.wire import RefusedError, read_body

_BODY_SECONDS: Final = 10.0

Look = Callable[[Request], Any]
"""Makes the JSON value that answers a request. It may block: it runs in a thread of its own."""

Handler = Callable[[Request], Awaitable[Response]]


class Asked(BaseModel):
    """What a request asks for, in JSON: closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


A = TypeVar("A", bound=Asked)


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


async def _answer(make: Callable[[], Any]) -> Response:
    """Answer with what *make*, in a thread, returns, or with why it can't be had."""
    try:
        return as_json(await run_in_threadpool(make))
    except RefusedError as error:
        return as_json({"error": str(error)}, error.response.status_code)
    except DataError as error:
        return failure(error, 400)
    except StateError as error:
        return failure(error, 503)


def answering(look: Look) -> Handler:
    """Return the handler that answers with what *look* returns, or 503 where the state is busy."""

    @wraps(look)
    async def handler(request: Request) -> Response:
        return await _answer(lambda: look(request))

    return handler


def acting(kind: type[A], most: int, act: Callable[[Request, A], Any]) -> Handler:
    """Return the handler of what is asked by a JSON body of *most* bytes, as *kind* describes it.

    A foreign page can't send such a body: to ask for leave first, as a browser does, is in vain.
    """

    @wraps(act)
    async def handler(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return as_json({"error": "the body has to be application/json"}, 415)
        try:
            asked = kind.model_validate_json(await read_body(request, _BODY_SECONDS, most))
        except ValidationError as error:
            return as_json({"error": _first(error)}, 400)
        except RefusedError as error:
            return as_json({"error": str(error)}, error.response.status_code)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody hears it
        return await _answer(lambda: act(request, asked))

    return handler


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, detail["loc"]))
    return f"{place}: {detail['msg']}" if place else str(detail["msg"])
