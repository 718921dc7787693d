"""How requests have fared of late, of all senders together: the evidence for and against a claim.

Rule 1: whoever fails while nearly all others pass has itself to blame (`Mark`, `passing_since`).
Rule 2: whoever refuses everything with one answer, many times in a row, judges no event: it is a
        proxy, a firewall or a wrong address (`refuses_all`).
"""

from __future__ import annotations

import re
import threading
from typing import NamedTuple

from shipper.collector.verdict import Delivered, Rejected, Verdict

_REFUSALS = 32
"""So many refusals in a row with the same answer are a word about the requests, not the events.

More than halving takes to find one bad event among the first of a million.
"""
_DOUBTS = 4
_TOLERATED = 10
_VARYING = re.compile(r"[0-9A-Fa-f-]*[0-9][0-9A-Fa-f-]*")


class Mark(NamedTuple):
    """A moment: how many requests had passed by then, and how many had failed."""

    passed: int
    failed: int


class Health:
    """Counts of verdicts. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed = self._failed = 0
        self._refusals = self._doubts = 0
        self._answer = (0, "")

    def note(self, verdict: Verdict) -> None:
        """Take down the *verdict* on a request of a claim that is not under suspicion itself."""
        with self._lock:
            match verdict:
                case Delivered():
                    self._passed += 1
                    self._refusals = self._doubts = 0
                case Rejected(status, words) if status:
                    answer = (status, _VARYING.sub("#", words))
                    self._refusals = self._refusals + 1 if answer == self._answer else 1
                    self._answer = answer
                case Rejected():
                    pass  # by our own limit
                case _:
                    self._failed += 1

    def mark(self) -> Mark:
        """Return the present moment."""
        with self._lock:
            return Mark(self._passed, self._failed)

    def passing_since(self, mark: Mark) -> bool:
        """Tell whether requests have passed since *mark* and hardly any failed."""
        now = self.mark()
        passed = now.passed - mark.passed
        return passed > 0 and (now.failed - mark.failed) * _TOLERATED <= passed

    def refuses_all(self) -> bool:
        """Tell whether the last requests were all refused with the same answer."""
        return self._refusals >= _REFUSALS

    def passed_since(self, mark: Mark | None) -> bool:
        """Tell whether a request has passed since *mark*; not if there is none."""
        return mark is not None and self._passed > mark.passed

    def doubt(self) -> None:
        """Take down that a claim was given back because everything is refused."""
        with self._lock:
            self._doubts += 1

    def others_may_tell(self) -> bool:
        """Tell whether so few claims were in doubt that another one should be asked at once."""
        return self._doubts < _DOUBTS
