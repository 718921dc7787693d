"""The store, as the fleet sees it: with the namespace of ids, the time of day, and last words."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from pathlib import Path

from shipper.event.chunk import Parse, flush_held
from shipper.event.entities import Origin
from shipper.event.gap import Gap, with_gap
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.model import Clock, Ledger
from shipper.store.collection import FIRST, MOST, UNKNOWN, Ended
from shipper.store.store import Progress, Store
from shipper.tail.checkpoint import Checkpoint, Node, Sighting


class Books:
    """The store, as the fleet sees it: with the namespace of ids and the time of day."""

    def __init__(
        self,
        store: Store,
        recipes: Mapping[str, Recipe],
        namespace: uuid.UUID,
        clock: Clock,
    ) -> None:
        self._store = store
        self._recipes = recipes
        self._namespace = namespace
        self._clock = clock
        self._collected = FIRST  # how far the present round of collecting has come
        self.checkpoints = store.checkpoints
        self.known = store.known
        self.alike = store.alike
        self.first_start_of = store.first_start_of

    def begin(self, sighting: Sighting) -> Checkpoint:
        """Put a new generation on record."""
        return self._store.begin(sighting, self._namespace, self._now_ms())

    def move(self, checkpoint: Checkpoint) -> None:
        """Put on record that a generation is read from another file now, and open."""
        self._store.commit([Progress(checkpoint, Parse((), (), Ledger()))], self._now_ms())

    def finish(self, checkpoint: Checkpoint, lost_bytes: int, *, why: str = "") -> None:
        """Close the books on a generation that is over: what is held of it comes out.

        Bytes that were lost are told as an event and as a dead letter of their own, with *why*.
        """
        # What is missing of a file that was read to its end was cut off before its turn came.
        cause = "truncated" if why == "finished" else why or UNKNOWN
        read_us = int(self._clock.wall() * 1_000_000)
        recipe = self._recipes.get(checkpoint.source)
        last = Parse((), (), Ledger(), checkpoint.held)
        if recipe is not None:
            origin = Origin(EventIds(checkpoint.generation), checkpoint.canonical)
            last = flush_held(checkpoint.held, recipe, origin, read_us)
            if lost_bytes:
                gap = Gap(checkpoint.path, checkpoint.offset, lost_bytes, cause)
                last = with_gap(last, gap, recipe, origin, read_us)
        self._store.finish(checkpoint, lost_bytes, self._now_ms(), last, why=cause)

    def collect(self, held: Collection[int]) -> bool:
        """Fold some of the rows whose files are gone into the sums; tell whether more may go.

        *held* are the rows that whoever calls may read on, whatever their files look like: those
        of its tailers, and of generations whose file or copy it waits for.
        """
        now_ms = self._now_ms()
        due = self._store.collection.due(now_ms, self._collected)
        gone = [ended.row for ended in due if ended.row not in held and not _stands(ended)]
        self._store.collection.collect(gone, now_ms)
        more = len(due) == MOST
        self._collected = due[-1] if more else FIRST
        return more

    def _now_ms(self) -> int:
        return int(self._clock.wall() * 1000)


def _stands(ended: Ended) -> bool:
    """Tell whether the file of a finished generation stands where it stood, as damaged ones do.

    What can't be looked at is taken to stand. What is over was never to be read on.
    """
    if ended.state == "over":
        return False
    try:
        status = Path(ended.path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return Node.of(status.st_dev, status.st_ino) == ended.node
