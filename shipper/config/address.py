"""The collector's address and the headers sent to it, checked before anything is connected.

Rule 1: no message repeats an address or a header's value: either may hold a password.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from shipper.config.fields import wrong

_EXAMPLE = "write it like https://collector.example.com"
_HOST = re.compile(r"[\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f\\<>\"{}|^`\ud800-\udfff]")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]{0,8192}")
_TRACKER_PATH = "/com.snowplowanalytics.snowplow/tp2"

_PATH = re.compile(r"(/[A-Za-z0-9._~-]{1,200}){1,10}")
_USER = re.compile(r"[\x20-\x39\x3b-\x7e]{1,255}")

# The sender writes these itself; a second voice would make requests the collector refuses.
OWN_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "transfer-encoding"}
)


def collector_url(text: str) -> str:
    """Return *text* without a trailing slash if it is a usable collector address.

    Raises PydanticCustomError, which says what is missing or too much.
    """
    text = text.strip()
    if not text:
        raise wrong("is empty", _EXAMPLE)
    if _UNFIT.search(text):
        raise wrong("holds a blank or a character that no address has", _EXAMPLE)
    parts = _split(text)
    if parts.scheme not in ("http", "https"):
        raise wrong("has no scheme http:// or https://", _EXAMPLE)
    _check_host(parts)
    _check_rest(parts)
    return text.rstrip("/")


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise wrong("is no address: the host or the port is malformed", _EXAMPLE) from error
    return parts


def _check_host(parts: SplitResult) -> None:
    if "@" in parts.netloc:
        raise wrong(
            "holds a user name or password",
            "take it out: username and password are keys of their own, or send a header: "
            "headers: {Authorization: 'file:/run/secrets/token'}",
        )
    if not parts.hostname:
        raise wrong("has no host", _EXAMPLE)
    if parts.port == 0:
        raise wrong("has the port 0", "ports go from 1 to 65535")
    host = parts.netloc.removesuffix(f":{parts.netloc.rpartition(':')[2]}")
    if not _HOST.fullmatch(host if parts.port else parts.netloc.removesuffix(":")):
        raise wrong("has a host that is no name and no IP address", _EXAMPLE)


def _check_rest(parts: SplitResult) -> None:
    if parts.query or parts.fragment:
        raise wrong("has a query or a fragment", "leave out what follows the ? or #")
    if parts.path.rstrip("/").endswith(_TRACKER_PATH):
        raise wrong(
            f"ends with {_TRACKER_PATH}", "leave that path out: it is added (see collector.path)"
        )


def header_name(name: str) -> str:
    """Return *name* if it may be sent as an extra header. Raises PydanticCustomError."""
    if not _TOKEN.fullmatch(name):
        raise wrong("is no header name", "use letters, digits and dashes")
    if name.lower() in OWN_HEADERS:
        raise wrong("is a header that the sender sets itself", "leave it out")
    return name


def header_value(value: str) -> str:
    """Return *value* if it fits into a header line. Raises PydanticCustomError."""
    if not _VALUE.fullmatch(value):
        raise wrong(
            "holds a line break or a character that no header can carry, or is longer than 8192",
            "check where the value comes from",
        )
    return value


def request_path(text: str) -> str:
    """Return *text* if it is a path that a collector may have. Raises PydanticCustomError."""
    if not _PATH.fullmatch(text):
        raise wrong("is no path of a collector", "write it like /com.acme/track")
    return text


def user_name(name: str | None) -> str | None:
    """Return *name* if basic authentication can carry it. Raises PydanticCustomError."""
    if name is not None and not _USER.fullmatch(name):
        raise wrong("holds a colon or a character outside of ASCII", "use another user name")
    return name


def proxy_url(text: str) -> str:
    """Return *text* as the address of a proxy, or nothing for `direct`; it may hold a password.

    Raises PydanticCustomError.
    """
    text, example = text.strip(), "write it like http://proxy.example.com:3128, or direct"
    if text == "direct":
        return ""
    if _UNFIT.search(text):
        raise wrong("holds a blank or a character that no address has", example)
    parts = _split(text)
    if parts.scheme not in ("http", "https"):
        raise wrong("has no scheme http:// or https://", example)
    if not _HOST.fullmatch(parts.netloc.rpartition("@")[2].removesuffix(f":{parts.port}")):
        raise wrong("has a host that is no name and no IP address", example)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise wrong("has a path", "leave out what follows the port")
    return text.rstrip("/")
