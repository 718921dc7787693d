"""What the handlers of the page look at: a configuration and its parts at work.

Rule 1: looking costs the work little. What is read from the state is read at most once a second,
        and so seldom that it takes a twentieth of the time at the most, however many look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from shipper.config.models import Config
from shipper.model import Clock, Report
from shipper.service.assemble import Parts
from shipper.service.audit import Audit, audit
from shipper.service.notes import condition_of
from shipper.service.status import Status, status_of

T = TypeVar("T")

_SECOND: Final = 1.0
_SHARE: Final = 20


class Seldom(Generic[T]):
    """What is made anew when it is asked for, but not too often (rule 1). For any thread."""

    def __init__(self, make: Callable[[], T], clock: Clock, least: float) -> None:
        """*make* it at most every *least* seconds."""
        self._make = make
        self._clock = clock
        self._least = least
        self._lock = threading.Lock()
        self._last: T | None = None
        self._due = float("-inf")

    def now(self) -> T:
        """Return it as it was a moment ago. Raises what making it raises."""
        with self._lock:
            began = self._clock.monotonic()
            if self._last is None or began >= self._due:
                self._last = self._make()
                ended = self._clock.monotonic()
                self._due = ended + max(self._least, _SHARE * (ended - began))
            return self._last


@dataclass(frozen=True, slots=True)
class View:
    """A configuration, the parts that work by it, their status and their books."""

    config: Config
    parts: Parts
    clock: Clock
    report: Report
    picture: Seldom[Status]
    books: Seldom[Audit]


def view_of(config: Config, parts: Parts, clock: Clock, report: Report) -> View:
    """Return the view of *parts* at work by *config*."""

    def picture() -> Status:
        condition = condition_of(parts.pump, parts.emitter, clock)
        return status_of(config, parts.store, condition)

    return View(
        config,
        parts,
        clock,
        report,
        Seldom(picture, clock, _SECOND),
        Seldom(lambda: audit(parts.store), clock, _SECOND),
    )
