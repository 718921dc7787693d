"""The two questions of whoever keeps the process running: does it live, can it work?

Rule 1: neither depends on the collector: to restart a shipper mends no collector.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from shipper.errors import StateError
from shipper.status.view import View

_STUCK: Final = 60.0


def routes(view: View) -> list[BaseRoute]:
    """Return ``/healthz`` and ``/readyz``."""
    store, pump, clock = view.parts.store, view.parts.pump, view.clock

    def alive(_: Request) -> Response:
        """Say whether the reading goes round."""
        stands = clock.monotonic() - pump.turned_at
        if stands >= _STUCK:
            return PlainTextResponse(f"reading stands still for {stands:.0f} s\n", 503)
        return PlainTextResponse("ok\n")

    def ready(_: Request) -> Response:
        """Say whether the state can be written; the configuration is loaded, or nobody answered."""
        try:
            store.prove(int(clock.wall() * 1000))
        except StateError as error:
            return PlainTextResponse(f"{error.message}\n", 503)
        return PlainTextResponse("ok\n")

    return [Route("/healthz", alive), Route("/readyz", ready)]
