"""Several collectors, of which the first healthy one gets the events.

Rule 1: a request goes to one collector. Only when that did not take it, it may go to another later,
        as it would have gone to the same one again.
Rule 2: a collector that can't be reached is given up at once; one that answers badly, after three
        requests in a row, for that may be the request's fault.
Rule 3: one that was given up is asked for its health after a pause of full jitter, at least what it
        wished for, and never with events. When it is well, it gets the next request again.
Rule 4: if none is healthy, the one that has rested longest is tried.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from shipper.backoff import Backoff, Leave
from shipper.collector.client import HttpCollector
from shipper.collector.verdict import Delivered, Rejected, Unavailable, Verdict
from shipper.model import Clock, Report

_BAD_ANSWERS = 3


@dataclass(slots=True, eq=False)
class _Site:
    """One collector and how it fares; `resting`: it was given up, as the how manieth."""

    collector: HttpCollector
    pauses: Backoff
    failures: int = 0
    resting: int | None = None


class Failover:
    """A collector that is made of several, in the order of preference."""

    def __init__(
        self,
        collectors: Sequence[HttpCollector],
        report: Report,
        *,
        pauses: tuple[float, float],
        clock: Clock,
        rng: Random,
    ) -> None:
        """Rest a collector between the first and the longest of *pauses*, seconds."""
        self._sites = [_Site(each, Backoff(*pauses, rng)) for each in collectors]
        self._report = report
        self._clock = clock
        self._lock = threading.Lock()
        self._used = self._sites[0]
        self._rests = 0

    def post(self, body: bytes) -> Verdict:
        """Send a POST body to the first healthy collector."""
        return self._send(lambda collector: collector.post(body))

    def get(self, query: str) -> Verdict:
        """Send a GET query to the first healthy collector."""
        return self._send(lambda collector: collector.get(query))

    def request_line(self, query: str) -> int:
        """Return the bytes that *query* takes up in the longest of the request lines."""
        return max(site.collector.request_line(query) for site in self._sites)

    def close(self) -> None:
        """Drop all connections."""
        for site in self._sites:
            site.collector.close()

    def _send(self, send: Callable[[HttpCollector], Verdict]) -> Verdict:
        site = self._chosen()
        leave = site.pauses.enter(self._clock.monotonic())
        verdict = send(site.collector)
        with self._lock:
            if isinstance(verdict, Delivered | Rejected):
                self._took(site, leave)
            else:
                self._failed(site, leave, verdict)
        return verdict

    def _chosen(self) -> _Site:
        for site in self._sites:
            if site.resting is None or self._is_well(site):
                self._use(site)
                return site
        site = min(self._sites, key=lambda site: site.resting or 0)
        self._use(site)
        return site

    def _is_well(self, site: _Site) -> bool:
        """Ask a collector that rests, if it is time; one sender at a time does."""
        leave = site.pauses.enter(self._clock.monotonic())
        if leave.wait:
            return False
        answer = site.collector.health()
        # 404: something answers that knows no such path, as a proxy that passes on two paths only.
        well = not isinstance(answer, Unavailable) and (answer.status < 300 or answer.status == 404)
        with self._lock:
            if well:
                site.pauses.leave(leave)
                site.failures, site.resting = 0, None
            else:
                site.pauses.fail(leave, self._clock.monotonic())
        return well

    def _use(self, site: _Site) -> None:
        with self._lock:
            before, self._used = self._used, site
        if before is not site:
            self._report("collector.changed", to=site.collector.host, before=before.collector.host)

    def _took(self, site: _Site, leave: Leave) -> None:
        site.pauses.succeed(leave)
        site.failures, site.resting = 0, None

    def _failed(self, site: _Site, leave: Leave, verdict: Verdict) -> None:
        site.failures += 1
        unreachable = isinstance(verdict, Unavailable) and not verdict.blames
        if not unreachable and site.failures < _BAD_ANSWERS:
            return
        wish = verdict.retry_after if isinstance(verdict, Unavailable) else None
        site.pauses.fail(leave, self._clock.monotonic(), wish or 0.0)
        self._rests += 1
        site.resting = self._rests
