"""The audit: does everything that was read add up to what became of it?

Rule 1: of each file, read == the sum of the fates and of what is held, in lines and in bytes; and
        so of the sums that stand for the files whose rows were collected.
Rule 2: over all, the bytes between where reading began and the checkpoints == bytes read. (Not of
        each file: what is held at the end of a rotated one is counted in the next. Nor of each
        source: that one may have another name by now.)
Rule 3: over all, events made + received from trackers + records replayed == delivered + queued
        + events refused for good + events dropped or discarded + events whose fate was lost with a
        damaged state. An event that tells of a drop is made, too.
Rule 4: all is read from one snapshot, so that it adds up while a shipper runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from shipper.model import Ledger
from shipper.store.collection import UNKNOWN, Collected
from shipper.store.dead_letters import DISCARDED
from shipper.store.drops import COUNTER, GAPS
from shipper.store.received import RECEIVED
from shipper.store.salvage import FORGOTTEN
from shipper.store.store import Account, Store


class Sum(NamedTuple):
    """What became of some files: how many, the ledger, what is held, and bytes lost by cause."""

    files: int
    ledger: Ledger
    lines_held: int
    bytes_held: int
    lost: dict[str, int]

    @classmethod
    def of(cls, accounts: Iterable[Account]) -> Self:
        """Add up *accounts*."""
        every = list(accounts)
        lost: Counter[str] = Counter()
        for account in every:
            if account.ledger.bytes_lost:
                lost[account.lost_why or UNKNOWN] += account.ledger.bytes_lost
        return cls(
            len(every),
            Ledger(*map(sum, zip(*(account.ledger for account in every), strict=True))),
            sum(account.held.lines for account in every),
            sum(account.held.width for account in every),
            dict(lost),
        )

    @classmethod
    def of_collected(cls, collected: Collected) -> Self:
        """Take the sums of generations whose rows were collected; nothing is held of them."""
        return cls(collected.generations, collected.ledger, 0, 0, collected.lost)


@dataclass(frozen=True, slots=True)
class Audit:
    """The books of all files, of those whose rows were collected, and the sum over all events."""

    accounts: list[Account]
    collected: dict[str, Collected]
    made: int
    replayed: int
    delivered: int
    queued: int
    refused: int
    dropped: dict[str, int]
    discarded: int = 0
    forgotten: int = 0
    received: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether there is nothing wrong."""
        return not any(self.faults())

    def faults(self) -> Iterator[str]:
        """Yield, in a sentence each, what does not add up."""
        yield from _file_faults(self.accounts)
        yield from _collected_faults(self.collected)
        read, booked = self._bytes_read()
        if read != booked:
            yield f"{read} bytes were read, but {booked} are booked"
        there = self.made + self.received + self.replayed
        gone = self.delivered + self.queued + self.refused
        gone += sum(self.dropped.values()) + self.discarded + self.forgotten
        if there != gone:
            yield f"{there} events were made, but {gone} are delivered, queued, refused or dropped"

    def _bytes_read(self) -> tuple[int, int]:
        """Return the bytes read by the checkpoints, and by the ledgers."""
        accounts, collected = self.accounts, self.collected.values()
        read = sum(each.offset - each.start for each in accounts) + sum(c.span for c in collected)
        ledgers = [*(each.ledger for each in accounts), *(each.ledger for each in collected)]
        return read, sum(ledger.bytes_read for ledger in ledgers)


def audit(store: Store) -> Audit:
    """Read the books. Raises StateError."""
    with store.snapshot():
        accounts = store.accounts()
        collected = store.collection.sums()
        counters = store.counters()
        queued = store.backlog().events
        refused = store.dead_letters.events()

    def total(name: str) -> int:
        return sum(value for (counted, _), value in counters.items() if counted == name)

    made = sum(account.ledger.events for account in accounts) + total(GAPS)
    causes = {name for name, _ in counters if name.startswith(COUNTER)}
    return Audit(
        accounts=accounts,
        collected=collected,
        made=made + sum(each.ledger.events for each in collected.values()),
        received=total(RECEIVED),
        replayed=total("replayed"),
        delivered=total("delivered"),
        queued=queued,
        refused=refused,
        discarded=total(DISCARDED),
        forgotten=total(FORGOTTEN),
        dropped={name.removeprefix(COUNTER): total(name) for name in sorted(causes)},
    )


def _file_faults(accounts: Iterable[Account]) -> Iterator[str]:
    for account in accounts:
        if not account.ledger.adds_up(account.held.lines, account.held.width):
            yield f"{account.path}: {account.ledger.lines_read} lines read, not all have a fate"


def _collected_faults(collected: Mapping[str, Collected]) -> Iterator[str]:
    for source, each in collected.items():
        if not each.ledger.adds_up():
            read = each.ledger.lines_read
            yield f"source {source}: {read} lines read of collected files, not all have a fate"
        if (known := sum(each.lost.values())) != each.ledger.bytes_lost:
            lost = each.ledger.bytes_lost
            yield f"source {source}: {lost} bytes lost of collected files, {known} have a cause"
