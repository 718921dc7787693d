"""The events of a claim as they are sent, and what is put on record of their fates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shipper.collector.verdict import Delivered, Fate
from shipper.event.batch import compress, unpack
from shipper.store.dead_letters import Buried
from shipper.store.order import Queued
from shipper.store.store import Settlement


class Load:
    """The events of a claim; batches that can't be read are apart."""

    def __init__(self, claim: Sequence[Queued]) -> None:
        self.sound: list[Queued] = []
        self.damaged: list[Settlement] = []
        self.events: list[bytes] = []
        for queued in claim:
            try:
                self.events += _opened(queued)
            except ValueError as error:
                detail = f"{queued.batch.events} events lost to damage in the queue: {error}"
                buried = Buried(queued.batch.body, "damaged", detail)
                self.damaged.append(Settlement(queued, 0, [buried]))
            else:
                self.sound.append(queued)

    def part(self, group: range) -> list[bytes]:
        """Return the events of *group*."""
        return self.events[group.start : group.stop]

    def settlements(self, fates: Sequence[Fate | None]) -> Iterator[Settlement]:
        """Say of each batch what became of its events, if anything did."""
        yield from self.damaged
        start = 0
        for queued in self.sound:
            mine = slice(start, start + queued.batch.events)
            start = mine.stop
            own = fates[mine]
            fate = own[0]
            # Events that went together have one fate: comparing by identity is quick.
            if own.count(fate) < len(own) or not isinstance(fate, Delivered | None):
                yield _settlement(queued, self.events[mine], own)
            elif fate is not None:
                yield Settlement(queued, len(own))


def left_of(queued: Queued, settlement: Settlement | None) -> Queued | None:
    """Return what is left to send of *queued*."""
    if settlement is None:
        return queued
    return queued._replace(batch=settlement.left) if settlement.left else None


def _opened(queued: Queued) -> list[bytes]:
    """Return the events of a batch. Raises ValueError if they are not what the queue says."""
    batch = queued.batch
    joined = unpack(batch)
    events = joined.split(b"\n")
    if (len(joined), len(events)) != (batch.size, batch.events):
        raise ValueError(f"its {len(joined)} bytes are not the {batch.size} of its row")
    return events


def _settlement(
    queued: Queued, events: Sequence[bytes], fates: Sequence[Fate | None]
) -> Settlement:
    pairs = list(zip(events, fates, strict=True))
    left = [event for event, fate in pairs if fate is None]
    return Settlement(
        queued,
        delivered=sum(isinstance(fate, Delivered) for fate in fates),
        buried=[
            Buried(event, fate.reason, str(fate))
            for event, fate in pairs
            if not isinstance(fate, Delivered | None)
        ],
        left=compress(left) if left else None,
    )
