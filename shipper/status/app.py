"""The status page as an ASGI application: all its routes, behind the guard."""

from __future__ import annotations

from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from shipper.config.status import StatusConfig
from shipper.errors import StateError
from shipper.service.history import history_of
from shipper.status import assets, health
from shipper.status.answers import answering, failure
from shipper.status.events import Feed
from shipper.status.guard import Guard
from shipper.status.letters import Letters
from shipper.status.playground import Playground
from shipper.status.token import Token
from shipper.status.view import View
from shipper.status.workshop import Workshop


class Desk(NamedTuple):
    """What the handlers work with, and what ends with them."""

    view: View
    feed: Feed
    workshop: Workshop
    token: Token

    def close(self) -> None:
        """End what goes on by itself."""
        self.feed.close()
        self.workshop.close()


def create_app(desk: Desk, status: StatusConfig) -> ASGIApp:
    """Build the application that shows the view of *desk*, as *status* says."""
    view = desk.view
    app = Starlette(
        routes=[
            *health.routes(view),
            *_figures(view),
            Route("/api/overview", desk.feed.once, methods=["GET"]),
            Route("/api/events", desk.feed.answer, methods=["GET"]),
            *Letters(view, desk.token).routes(),
            *Playground(view.config, desk.workshop).routes(),
            *assets.routes(),
        ]
    )
    app.router.redirect_slashes = False
    return Guard(app, status)


def _figures(view: View) -> list[BaseRoute]:
    def status(_: Request) -> object:
        """Return what `shipper status --json` prints."""
        return view.picture.now().as_json()

    def history(request: Request) -> object:
        """Return the last hour, or what is of it after ``since``, seconds since 1970."""
        since = request.query_params.get("since", "")
        return history_of(view.parts.store, int(since) if since.isdecimal() else 0)

    def metrics(request: Request) -> Response:
        """Return the metrics in a format that the request accepts."""
        from shipper.status.metrics import exposition

        try:
            now = view.picture.now()
        except StateError as error:
            return failure(error, 503)
        body, media_type = exposition(now, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": media_type})

    return [
        Route("/api/status", answering(status)),
        Route("/api/history", answering(history)),
        Route("/metrics", metrics),
    ]
