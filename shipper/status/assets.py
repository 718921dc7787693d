"""The files of the page: HTML, CSS and JavaScript as they stand in the package.

Rule 1: they are read once, by name; nothing in a request becomes a path.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class Asset(NamedTuple):
    """A file's content, and what it is."""

    body: bytes
    media_type: str


@cache
def assets() -> dict[str, Asset]:
    """Return the files of the page by name."""
    return {
        file.name: Asset(file.read_bytes(), _TYPES[file.name.rpartition(".")[2]])
        for file in files("shipper.status").joinpath("static").iterdir()
        if file.is_file()
    }


def routes() -> list[BaseRoute]:
    """Return ``/`` and a path below ``/static`` for each of the other files."""
    made: list[BaseRoute] = []
    for name, asset in assets().items():
        path = "/" if name == "index.html" else f"/static/{name}"
        made.append(Route(path, _handler(asset), methods=["GET"]))
    return made


def _handler(asset: Asset) -> Callable[[Request], Awaitable[Response]]:
    async def handler(_: Request) -> Response:
        return Response(asset.body, media_type=asset.media_type)

    return handler
