"""Who an event is about: the user and the device, checked when they are set."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from shipper.protocol.atomic import is_address
from shipper.tracker.checks import InvalidValueError, integer, refuse_bad, text, uuid_text


class Subject:
    """Facts of a user and a device. Setters may be chained; each raises InvalidValueError."""

    def __init__(self) -> None:
        self._pairs: dict[str, str] = {}

    @property
    def pairs(self) -> dict[str, str]:
        """A copy of what was set, by the protocol's keys."""
        return dict(self._pairs)

    def set_user_id(self, user_id: str) -> Self:
        """Set the application's own id of the user."""
        return self._set("uid", text("user_id", user_id))

    def set_domain_user_id(self, domain_user_id: str) -> Self:
        """Set the id that a first-party cookie holds."""
        return self._set("duid", text("domain_user_id", domain_user_id))

    def set_network_user_id(self, network_user_id: str) -> Self:
        """Set the id that the collector's cookie holds."""
        return self._set("tnuid", text("network_user_id", network_user_id))

    def set_domain_session_id(self, session_id: str | UUID) -> Self:
        """Set the UUID of the session."""
        return self._set(
            "sid", text("domain_session_id", uuid_text("domain_session_id", session_id))
        )

    def set_domain_session_index(self, index: int) -> Self:
        """Set how many sessions this user had so far."""
        return self._set(
            "vid", text("domain_session_index", integer("domain_session_index", index))
        )

    def set_ip_address(self, ip_address: str) -> Self:
        """Set the address of the user, in place of what the collector sees."""
        said = text("ip_address", ip_address)
        if not is_address(said):
            raise InvalidValueError("ip_address", f"{said!r:.60} is no address such as 203.0.113.9")
        return self._set("ip", said)

    def set_useragent(self, useragent: str) -> Self:
        """Set the user agent, in place of what the collector sees."""
        return self._set("ua", text("useragent", useragent))

    def set_language(self, language: str) -> Self:
        """Set the language, such as ``en-GB``."""
        return self._set("lang", text("language", language))

    def set_timezone(self, timezone: str) -> Self:
        """Set the time zone, such as ``Europe/Berlin``."""
        return self._set("tz", text("timezone", timezone))

    def set_screen_resolution(self, width: int, height: int) -> Self:
        """Set the screen's size in pixels."""
        return self._set("res", _size("screen_resolution", width, height))

    def set_viewport(self, width: int, height: int) -> Self:
        """Set the viewport's size in pixels."""
        return self._set("vp", _size("viewport", width, height))

    def set_color_depth(self, depth: int) -> Self:
        """Set the bits a pixel has."""
        said = text("color_depth", integer("color_depth", depth))
        if depth < 0:
            raise InvalidValueError("color_depth", f"is {depth}; it must not be negative")
        return self._set("cd", said)

    def from_id_cookie(self, cookie: str) -> Self:
        """Take user, session and its index from the value of an ``_sp_id`` cookie.

        Parts that are not what they should be are left out, as the Go tracker does.
        """
        parts = text("cookie", cookie).split(".")
        if len(parts) < 6:
            return self
        if len(parts[0]) == 36:
            self.set_domain_user_id(parts[0])
        if parts[2].isascii() and parts[2].isdigit():
            self.set_domain_session_index(int(parts[2]))
        if len(parts[5]) == 36:
            self.set_domain_session_id(parts[5])
        return self

    def _set(self, key: str, value: str) -> Self:
        refuse_bad({key: value})
        self._pairs[key] = value
        return self


def _size(field: str, width: Any, height: Any) -> str:
    both = [text(field, integer(field, each)) for each in (width, height)]
    return "x".join(both)
