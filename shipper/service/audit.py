"""The audit: does everything that was read add up to what became of it?

Rule 1: of each file, read == the sum of the fates and of what is held, in lines and in bytes.
Rule 2: of each source, the bytes between where reading began and the checkpoints == bytes read.
        (Not of each file: what is held at the end of a rotated one is counted in the next.)
Rule 3: over all, events made + records replayed == delivered + queued + events refused for good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shipper.store.store import Account, Store


@dataclass(frozen=True, slots=True)
class Audit:
    """The books of all files, and the sum over all events."""

    accounts: list[Account]
    made: int
    replayed: int
    delivered: int
    queued: int
    refused: int

    @property
    def adds_up(self) -> bool:
        """Whether there is nothing wrong."""
        return not list(self.faults())

    def faults(self) -> Iterator[str]:
        """Yield, in a sentence each, what does not add up."""
        yield from _file_faults(self.accounts)
        yield from _source_faults(self.accounts)
        there, gone = self.made + self.replayed, self.delivered + self.queued + self.refused
        if there != gone:
            yield f"{there} events were made, but {gone} are delivered, queued or refused"


def _file_faults(accounts: Iterable[Account]) -> Iterator[str]:
    for account in accounts:
        if not account.ledger.adds_up(account.held.lines, account.held.width):
            yield f"{account.path}: {account.ledger.lines_read} lines read, not all have a fate"


def _source_faults(accounts: Iterable[Account]) -> Iterator[str]:
    read: Counter[str] = Counter()
    booked: Counter[str] = Counter()
    for account in accounts:
        read[account.source] += account.offset - account.start
        booked[account.source] += account.ledger.bytes_read
    for source, size in read.items():
        if size != booked[source]:
            yield f"source {source}: {size} bytes were read, but {booked[source]} are booked"


def audit(store: Store) -> Audit:
    """Read the books. Raises StateError."""
    accounts = store.accounts()
    counters = store.counters()

    def total(name: str) -> int:
        return sum(value for (counted, _), value in counters.items() if counted == name)

    return Audit(
        accounts=accounts,
        made=sum(account.ledger.events for account in accounts),
        replayed=total("replayed"),
        delivered=total("delivered"),
        queued=store.backlog().events,
        refused=store.dead_letters.events(),
    )
