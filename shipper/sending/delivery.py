"""One turn with one claim: what is sent of it, and what follows for its events.

Rule 1: a refused group is halved until the culprit is alone (`halving`).
Rule 2: what everybody is refused, with the same answer, condemns nobody: nothing is buried on it
        until a request of others has passed.
Rule 3: a group that fails while others pass is set aside. After `tries` failures it is halved as if
        refused; an event that is alone is given up after `seconds` and `tries` failures, between
        which others passed and hardly any failed; never while they do not.
Rule 4: what is aside takes no more than a tenth of a sender's time, all of it together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from shipper.collector.verdict import (
    Delivered,
    Fate,
    Misconfigured,
    Rejected,
    Suspected,
    Unavailable,
    Verdict,
)
from shipper.sending.claims import Claim
from shipper.sending.halving import Group, Halving, divide
from shipper.sending.health import Health
from shipper.sending.load import Load, left_of
from shipper.store.store import Settlement

_SHARE = 10
_SAMPLES = 8
Send = Callable[[Sequence[bytes]], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to treat a claim. `most` events go together; a turn begins nothing after `turn_seconds`.

    `tries` and `seconds` are rule 3's; the pauses between tries of what is aside are drawn from 0
    to min(longest, first × 2ⁿ).
    """

    most: int
    turn_seconds: float
    tries: int
    seconds: float
    first_pause: float
    longest_pause: float


class Chance(NamedTuple):
    """What comes from outside: the time, in monotonic seconds, and what is drawn."""

    now: Callable[[], float]
    rng: Random


class Delivery:
    """Sends the events of *claim* by *send*."""

    def __init__(
        self, claim: Claim, send: Send, manner: Manner, health: Health, chance: Chance
    ) -> None:
        self.claim = claim
        self.last: Verdict | None = None
        """The verdict on the last request; None if the collector was not asked."""
        self.kept_alone = False
        """Whether the last failure is the claim's own: it says nothing about the collector."""
        self.first_strike = False
        """Whether there is evidence now, for the first time, that the claim is at fault."""
        self.in_doubt = False
        """Whether it stopped because everything is refused, whatever the events."""
        self._load = Load(claim.batches)
        self._halving = Halving(claim.groups or divide(len(self._load.events), manner.most))
        self._send = send
        self._manner = manner
        self._health = health
        self._now, self._rng = chance

    def run(self) -> None:
        """Send until all has its fate, something is in the way, or the time is over."""
        halving, end = self._halving, self._now() + self._manner.turn_seconds
        while (group := halving.next(began := self._now())) is not None:
            if halving.decided and began > end:
                break
            verdict = self._try(group)
            if not isinstance(verdict, Delivered | Rejected):
                self._failed(group, verdict, self._now() - began)
                break
            if isinstance(verdict, Rejected) and self._is_doubtful() and not self._sample():
                self._doubt(verdict)
                break

    def _try(self, group: Group) -> Verdict:
        verdict = self._send(self._load.part(group.events))
        if not isinstance(verdict, Rejected) or verdict.status:
            self.last = verdict
        if isinstance(verdict, Delivered | Rejected):
            self._health.note(verdict)
            self._halving.note(group, verdict)
        return verdict

    def settlements(self) -> list[Settlement]:
        """Return what became of the events, and leave the rest in the claim."""
        made = list(self._load.settlements(self._halving.fates))
        fared = {settlement.queued.id: settlement for settlement in made}
        left = [left_of(queued, fared.get(queued.id)) for queued in self.claim.batches]
        self.claim.batches = [queued for queued in left if queued is not None]
        self.claim.groups = self._halving.groups
        return made

    def _is_doubtful(self) -> bool:
        """Tell whether it is the claim's own events that are refused, or every request."""
        return self._health.refuses_all() and not self._health.passed_since(self.claim.doubted)

    def _sample(self) -> bool:
        """Send some of the events alone, chosen by chance; tell whether any passed."""
        self.claim.doubted = self._health.mark()
        for _ in range(_SAMPLES):
            group = self._halving.single_out(self._rng)
            if group is None or not isinstance(self._try(group), Delivered | Rejected):
                break
        return self._health.passed_since(self.claim.doubted)

    def _doubt(self, refused: Rejected) -> None:
        """Take back what was condemned in this turn (rule 2)."""
        self.in_doubt = True
        fates, most = self._halving.fates, self._manner.most
        kept: list[Fate | None] = [
            None if isinstance(fate, Rejected) and fate.status else fate for fate in fates
        ]
        self._halving.fates, self._halving.groups = kept, divide(kept.count(None), most)
        self._health.doubt()
        self.claim.tries += 2  # the next in line may tell at once
        why = f"every request is refused with HTTP {refused.status} and none is taken"
        self.last = Misconfigured(
            f"{why}; see collector.url and what stands between", refused.words
        )

    def _failed(self, group: Group, verdict: Misconfigured | Unavailable, took: float) -> None:
        claim = self.claim
        claim.tries += 1
        alone = self._health.passed_since(group.mark)
        struck = group.mark is not None and self._health.passing_since(group.mark)
        if not claim.aside:
            self._health.note(verdict)
        if not isinstance(verdict, Unavailable) or not verdict.blames:
            return
        now = self._now()
        group.tries += 1
        group.strikes += struck
        group.since = now if group.since is None else group.since
        group.mark = self._health.mark()
        claim.aside = self.kept_alone = claim.aside or alone
        self.first_strike = struck and not claim.suspected
        claim.suspected = claim.suspected or struck
        if claim.aside:
            claim.since = claim.since if claim.since is not None else group.since
            manner = self._manner
            ceiling = min(manner.longest_pause, manner.first_pause * 2.0 ** min(group.tries, 60))
            rest = took * (_SHARE - 1)
            group.due = now + self._rng.uniform(0.0, ceiling) + rest
            claim.rest = now + self._rng.uniform(0.0, manner.first_pause) + rest
            self._convict(group, now, str(verdict))

    def _convict(self, group: Group, now: float, words: str) -> None:
        claim, manner = self.claim, self._manner
        if group.size > 1:
            if claim.convicted or group.tries >= manner.tries:
                claim.convicted = True
                self._halving.halve(group, group.mark)
            return
        lasted = now - (group.since or now)
        if group.strikes >= manner.tries and lasted >= manner.seconds:
            self._halving.note(group, Suspected(group.tries, lasted, words))
