"""Claims on the queue: what is being sent, what came back, and what is set aside.

Rule 1: batches are claimed in their order (`store.order`); what came back goes out before others.
Rule 2: while nothing passes, the oldest is tried twice, then the next in line: so whether the
        collector or the claim is at fault is found out, and a bad claim blocks nobody.
Rule 3: what failed while others passed is set aside. It is tried again at its own times, one claim
        at a time, and not while nothing passes.
Rule 4: a request that is far from full waits for more, up to `linger` from its first batch on, if
        nothing else is to be sent.
Rule 5: claims live in memory. What is claimed and not sent is bounded; beyond that nothing new is
        taken.
Rule 6: a claim is in hand from `take` to `give_back`. Before and after that its batches may be
        dropped, by the limits of the queue; then it is for what is left.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from shipper.errors import StateBusyError
from shipper.sending.halving import Group
from shipper.sending.health import Mark
from shipper.store.order import Queued
from shipper.store.store import Store

_TRIES_IN_A_ROW = 2
_TRIES_WHOLE = 5
_MOST_CLAIMS = 256


@dataclass(slots=True, eq=False)
class Claim:
    """Batches in one sender's hand, and how they fared so far.

    `groups` say how they are divided into requests; none: not decided yet. `tries` counts failures
    since anything passed. `aside`: it failed while others passed; `suspected`: there is evidence;
    `convicted`: halved for it. `doubted`: refused together with all others, at that mark.
    `since`: when what is set aside failed first; `rest`: until when nothing aside is tried
    after its last failure. `held`: the ids that are in hand.
    """

    batches: list[Queued]
    groups: list[Group] = field(default_factory=list)
    tries: int = 0
    aside: bool = False
    suspected: bool = False
    convicted: bool = False
    doubted: Mark | None = None
    since: float | None = None
    rest: float = 0.0
    held: frozenset[int] = frozenset()

    @property
    def id(self) -> int:
        """The id of its first batch."""
        return self.batches[0].id

    @property
    def due(self) -> float:
        """When the first of its groups is to be tried."""
        return min((group.due for group in self.groups), default=0.0)


class Aside(NamedTuple):
    """How many events are set aside, and how many seconds ago the first of them failed."""

    events: int = 0
    oldest_seconds: float = 0.0


class Claims:
    """All claims. Any thread may use it; times are monotonic seconds."""

    def __init__(self, store: Store, max_bytes: int, *, linger: float = 0.0) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._linger = linger
        self._lock = threading.Lock()
        self._returned: list[Claim] = []
        self._aside: list[Claim] = []
        self._examined: Claim | None = None
        self._rest = float("-inf")
        self._lingering_until: float | None = None
        store.order.begin()

    def take(self, now: float, *, failing: bool = False) -> Claim | float | None:
        """Claim what is to be sent next; *failing* says that nothing passes at present.

        A number: come again in so many seconds. None: there is nothing to do for now.
        """
        with self._lock:
            while isinstance(claim := self._next(now, failing=failing), Claim):
                if self._holds(claim):
                    break
            return claim

    def give_back(self, claim: Claim) -> None:
        """End a claim; what its batches still hold is to be sent later."""
        with self._lock:
            self._store.order.let_go(claim.held)
            self._put_back(claim)

    def passed(self) -> None:
        """Note that a request passed: the oldest comes first again."""
        with self._lock:
            if self._returned:
                for claim in self._returned:
                    claim.tries = 0
                self._returned.sort(key=lambda c: c.id)

    def aside(self, now: float) -> Aside:
        """Return what is set aside; also what of it is being tried."""
        with self._lock:
            claims = [*self._aside, *([self._examined] if self._examined else [])]
            events = sum(queued.batch.events for claim in claims for queued in claim.batches)
            ages = [now - claim.since for claim in claims if claim.since is not None]
        return Aside(events, max(ages, default=0.0))

    def _next(self, now: float, *, failing: bool) -> Claim | float | None:
        if not failing and (claim := self._due(now)):
            return claim
        if self._returned and self._returned[0].tries < _TRIES_IN_A_ROW:
            return self._returned.pop(0)
        fresh = self._fresh(now)
        if fresh is not None or not self._returned:
            return fresh or (self._due(now) if failing else None)
        return self._least_tried()

    def _holds(self, claim: Claim) -> bool:
        """Take *claim* in hand (rule 6); tell whether anything of it is left."""
        try:
            claim.held = frozenset(self._store.order.hold([q.id for q in claim.batches]))
        except StateBusyError:
            self._put_back(claim)
            raise
        if len(claim.held) < len(claim.batches):
            claim.batches = [queued for queued in claim.batches if queued.id in claim.held]
            claim.groups = []
        if not claim.batches:
            self._put_back(claim)
        return bool(claim.batches)

    def _put_back(self, claim: Claim) -> None:
        if claim is self._examined:
            self._examined, self._rest = None, claim.rest
        if claim.batches and claim.aside:
            self._aside.append(claim)
        elif claim.batches:
            self._returned.append(claim)
            self._returned.sort(key=lambda c: (c.tries >= _TRIES_IN_A_ROW, c.id))

    def _due(self, now: float) -> Claim | None:
        if not self._aside or self._examined or now < self._rest:
            return None
        first = min(self._aside, key=lambda claim: claim.due)
        if first.due > now:
            return None
        self._aside.remove(first)
        self._examined = first
        return first

    def _fresh(self, now: float) -> Claim | float | None:
        if len(self._returned) + len(self._aside) >= _MOST_CLAIMS:
            return None
        if self._lingering_until is not None and now < self._lingering_until:
            return None  # another sender comes back for it
        batches = self._store.order.peek(self._max_bytes)
        waits = self._lingering_until is None and self._is_small(batches)
        if batches and self._linger and waits and not self._store.order.more:
            self._lingering_until = now + self._linger
            return self._linger
        self._lingering_until = None
        if not batches:
            return None
        self._store.order.claim(batches)
        return Claim(batches)

    def _is_small(self, batches: list[Queued]) -> bool:
        return sum(queued.batch.size for queued in batches) < self._max_bytes // 2

    def _least_tried(self) -> Claim:
        """Return the claim to find out with whether anything passes (rule 2)."""
        alone = len(self._returned) == 1
        claim = min(self._returned, key=lambda c: (c.tries, c.id))
        self._returned.remove(claim)
        first = claim.groups[0] if claim.groups else None
        if alone and first and first.size > 1 and first.tries >= _TRIES_WHOLE:
            half = first.size // 2  # a part of it has to be the other that passes, or does not
            claim.groups[:1] = [replace(first, size=half), replace(first, size=first.size - half)]
        return claim
