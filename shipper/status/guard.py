"""Stands before every handler of the page: who may ask, and what browsers may do with an answer.

Rule 1: on a loopback address only a loopback name is answered, or one of `status.hosts`; on others,
        if there are such, only those, and addresses. So a page of somebody else, whose name was
        made to mean this machine, reads nothing here.
Rule 2: no answer may run, load or embed anything that is not this server's own file, or be
        embedded; none is kept by a cache.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shipper.config.status import StatusConfig

POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_MISDIRECTED: Final = (
    "this page does not answer to that name: call it by its address, "
    "or write the name into status.hosts\n"
)


class Guard:
    """An ASGI application round another one."""

    def __init__(self, app: ASGIApp, status: StatusConfig) -> None:
        self._app = app
        self._only_local = status.address is not None and status.is_local
        self._hosts = frozenset(host.lower() for host in status.hosts)
        self._checks = self._only_local or bool(self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, if the name that was asked for is one of ours."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        app = self._app
        _, port = scope.get("server") or (None, None)
        by_socket = port is None  # a Unix socket, which no browser can reach
        if self._checks and not by_socket and not self._knows(Headers(scope=scope)):
            app = PlainTextResponse(_MISDIRECTED, 421)
        await app(scope, receive, send_guarded)

    def _knows(self, headers: Headers) -> bool:
        name = _name_of(headers.get("host", ""))
        if name in self._hosts or name == "localhost":
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._only_local


def _name_of(host: str) -> str:
    """Return *host*, as a header has it, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".")
