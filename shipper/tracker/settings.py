"""Checks of an emitter's options, all before anything is opened."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shipper.tracker.checks import InvalidValueError

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "protocol": ("https", "http"),
    "method": ("post", "get"),
    "durability": ("process", "power"),
}
_COUNTS: Final[Mapping[str, tuple[int, int]]] = {
    "send_limit": (1, 1_000_000),
    "byte_limit_post": (1_000, 10_000_000),
    "byte_limit_get": (500, 100_000),
    "max_queue_bytes": (1_000_000, 1 << 50),
}
_SECONDS: Final = (
    "linger", "connect_timeout", "read_timeout", "first_pause", "longest_pause", "exit_timeout"
)  # fmt: skip
_SWITCHES: Final = ("blocking", "send")
_YEAR: Final = 365 * 86_400.0
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e\xa0-\xff\t]*")


def check(options: Any) -> None:
    """Raise InvalidValueError for the first option that makes no sense."""
    _check_queue(options.queue)
    for name, choices in _CHOICES.items():
        if getattr(options, name) not in choices:
            said = getattr(options, name)
            raise InvalidValueError(name, f"is {said!r}; it must be one of {', '.join(choices)}")
    for name in _SWITCHES:
        if not isinstance(getattr(options, name), bool):
            said = getattr(options, name)
            raise InvalidValueError(name, f"is {said!r:.60}; it must be True or False")
    _check_numbers(options)
    _check_patience(options)
    _check_objects(options)
    _check_headers(options.headers)


def _check_numbers(options: Any) -> None:
    for name, (least, most) in _COUNTS.items():
        _require(name, getattr(options, name), least, most, whole=True)
    for name in _SECONDS:
        _require(name, getattr(options, name), 0, 86_400, whole=False)
    if options.port is not None:
        _require("port", options.port, 1, 65_535, whole=True)


def _check_objects(options: Any) -> None:
    if options.callback is not None and not callable(options.callback):
        raise InvalidValueError("callback", "must be a function")
    if options.session is not None and not callable(getattr(options.session, "request", None)):
        said = type(options.session).__name__
        raise InvalidValueError("session", f"must be a session of requests, not {said}")


def seconds(name: str, value: Any) -> float:
    """Return a time to wait, a year at most: more is for ever, and no clock counts it.

    Raises InvalidValueError.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise InvalidValueError(name, f"is {value!r:.60}; it must be a number of seconds")
    return max(0.0, min(float(value), _YEAR))


def _check_queue(queue: Any) -> None:
    right = "it must be a directory on a local disk"
    if queue is None or queue == "":
        raise InvalidValueError("queue", f"is missing; {right}")
    if not isinstance(queue, str | Path):
        raise InvalidValueError("queue", f"must be a text or a Path, not {type(queue).__name__}")
    try:
        sound = b"\0" not in os.fsencode(queue)
    except UnicodeEncodeError:
        sound = False
    if not sound:
        raise InvalidValueError("queue", f"is no path that a system can have; {right}")


def _check_patience(options: Any) -> None:
    for name in ("connect_timeout", "read_timeout", "longest_pause"):
        if not getattr(options, name):
            raise InvalidValueError(name, "is 0; it must be more")


def _check_headers(headers: Any) -> None:
    """Check what is sent besides. No message repeats a value: it may be a secret."""
    if not isinstance(headers, Mapping):
        said = type(headers).__name__
        raise InvalidValueError("headers", f"must be a mapping of texts, not {said}")
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise InvalidValueError("headers", f"{name!r:.60} is no header name")
        if not isinstance(value, str):
            raise InvalidValueError(
                f"headers.{name}", f"must be a text, not {type(value).__name__}"
            )
        if not _PRINTABLE.fullmatch(value):
            why = "holds a line break or a character that no header can carry"
            raise InvalidValueError(f"headers.{name}", why)


def _require(name: str, value: Any, least: int, most: int, *, whole: bool) -> None:
    kinds = int if whole else int | float
    good = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not least <= value <= most:
        what = "a whole number" if whole else "seconds"
        raise InvalidValueError(name, f"is {value!r}; it must be {what} from {least} to {most:,}")
