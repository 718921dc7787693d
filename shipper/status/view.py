"""What the handlers of the page look at: a configuration and its parts at work.

Rule 1: looking costs the work little. What is read from the state is read at most once a second,
        and so seldom that it takes a twentieth of the time at the most, however many look.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from shipper.config.models import Config
from shipper.model import Clock
from shipper.service.assemble import Parts
from shipper.service.notes import condition_of
from shipper.service.status import Status, status_of

_SECOND = 1.0
_SHARE = 20


@dataclass(frozen=True, slots=True)
class View:
    """A configuration, and the parts that work by it."""

    config: Config
    parts: Parts
    clock: Clock
    picture: Picture


class Picture:
    """The status as it was a moment ago (rule 1). May be asked by any thread."""

    def __init__(self, config: Config, parts: Parts, clock: Clock) -> None:
        self._config = config
        self._parts = parts
        self._clock = clock
        self._lock = threading.Lock()
        self._last: Status | None = None
        self._due = float("-inf")

    def now(self) -> Status:
        """Return the status, at most a second old if that is cheap. Raises StateError."""
        with self._lock:
            began = self._clock.monotonic()
            if self._last is None or began >= self._due:
                parts = self._parts
                condition = condition_of(parts.pump, parts.emitter, self._clock)
                self._last = status_of(self._config, parts.store, condition)
                ended = self._clock.monotonic()
                self._due = ended + max(_SECOND, _SHARE * (ended - began))
            return self._last


def view_of(config: Config, parts: Parts, clock: Clock) -> View:
    """Return the view of *parts* at work by *config*."""
    return View(config, parts, clock, Picture(config, parts, clock))
