"""Checks of an emitter's options, all before anything is opened."""

from __future__ import annotations

import math
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


def check(options: Any) -> None:
    """Raise InvalidValueError for the first option that makes no sense."""
    if not isinstance(options.queue, str | Path) or not str(options.queue):
        raise InvalidValueError("queue", "is missing; it must be a directory on a local disk")
    for name, choices in _CHOICES.items():
        if getattr(options, name) not in choices:
            said = getattr(options, name)
            raise InvalidValueError(name, f"is {said!r}; it must be one of {', '.join(choices)}")
    for name, (least, most) in _COUNTS.items():
        _require(name, getattr(options, name), least, most, whole=True)
    for name in _SECONDS:
        _require(name, getattr(options, name), 0, 86_400, whole=False)
    if options.port is not None:
        _require("port", options.port, 1, 65_535, whole=True)
    if options.callback is not None and not callable(options.callback):
        raise InvalidValueError("callback", "must be a function")


def _require(name: str, value: Any, least: int, most: int, *, whole: bool) -> None:
    kinds = int if whole else int | float
    good = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not least <= value <= most:
        what = "a whole number" if whole else "seconds"
        raise InvalidValueError(name, f"is {value!r}; it must be {what} from {least} to {most:,}")
