"""The address of a collector, of what a caller says of it."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from shipper.collector.client import GET_PATH, POST_PATH, normal_url
from shipper.errors import CollectorError
from shipper.tracker.checks import InvalidValueError, text


class Endpoint(Protocol):
    """What is said of a collector."""

    @property
    def collector(self) -> str:
        """Host, and what else of an address is known."""

    @property
    def protocol(self) -> str:
        """The scheme, if `collector` has none."""

    @property
    def port(self) -> int | None:
        """The port, if `collector` has none."""

    @property
    def method(self) -> str:
        """``post`` or ``get``."""


def collector_url(endpoint: Endpoint) -> str:
    """Return the address without the protocol's path. Raises InvalidValueError."""
    said = text("collector", endpoint.collector).rstrip("/")
    url = said if "://" in said else f"{endpoint.protocol}://{said}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidValueError("collector", f"is no address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        right = "it must be a host such as collector.example.com, or its http or https address"
        raise InvalidValueError("collector", f"{said!r:.200} is no address of a collector; {right}")
    if endpoint.port is not None and port is None:
        url = parts._replace(netloc=f"{parts.netloc}:{endpoint.port}").geturl()
    return url


def refuse_odd(url: str, *, session: bool) -> None:
    """Raise InvalidValueError for an address to which no request can be made.

    A user's name is sent by a *session* only; the address, which may hold a password, is not
    repeated.
    """
    parts = urlsplit(url)
    if parts.username is not None and not session:
        why = "holds a user's name: it must not; use headers, or a session with auth"
        raise InvalidValueError("collector", why)
    if parts.fragment:
        raise InvalidValueError(
            "collector", f"has a fragment, {parts.fragment!r:.60}; leave it out"
        )
    try:
        normal_url(url)
    except CollectorError as error:
        raise InvalidValueError("collector", error.message) from error


def path_of(endpoint: Endpoint) -> str:
    """Return the path that requests go to."""
    return POST_PATH if endpoint.method == "post" else GET_PATH
