"""The status page as an ASGI application: all its routes, behind the guard."""

from __future__ import annotations

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
from shipper.status.guard import Guard
from shipper.status.view import View


def create_app(view: View, status: StatusConfig) -> ASGIApp:
    """Build the application that shows *view*, as *status* says."""
    app = Starlette(routes=[*health.routes(view), *_figures(view), *assets.routes()])
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
