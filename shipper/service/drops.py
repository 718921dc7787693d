"""Telling of drops: what was dropped becomes a gap event, a dead letter, and a line of the log.

Rule 1: at most one of each a minute, source and cause, however long the queue stays full.
Rule 2: the id of the event follows from what was dropped before: told twice, it is the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from shipper.event.batch import pack
from shipper.event.gap import Dropped, drop_event
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.model import Clock, Report
from shipper.store.drops import COUNTER
from shipper.store.store import Store

_EVERY_MS = 60_000


class Teller:
    """Tells of what was dropped."""

    def __init__(
        self,
        store: Store,
        recipes: Mapping[str, Recipe],
        namespace: uuid.UUID,
        report: Report,
        clock: Clock,
    ) -> None:
        self._store = store
        self._recipes = recipes
        self._namespace = namespace
        self._report = report
        self._clock = clock
        self._told_ms: dict[str, int] = {}

    def tell(self, *, all_: bool = False) -> None:
        """Tell of what was dropped, if the last time is a minute ago, or of *all_* there is."""
        now_ms = int(self._clock.wall() * 1000)
        for drop in self._store.drops.untold():
            if all_ or now_ms - self._told_ms.get(drop.cause, 0) >= _EVERY_MS:
                self._tell(drop, now_ms)

    def _tell(self, drop: Dropped, now_ms: int) -> None:
        # What was lost with the state is of no source that is known: any may speak for it.
        recipe = self._recipes.get(drop.source) or next(iter(self._recipes.values()))
        total = self._store.counters().get((COUNTER + drop.cause, drop.source), 0)
        name = uuid.uuid5(self._namespace, f"dropped:{drop.source}:{drop.cause}")
        eid = EventIds(name)(total, str(drop.events).encode())
        event = drop_event(drop, recipe, eid, now_ms * 1000)
        batches = list(pack([event], recipe.envelope.max_bytes))
        self._store.drops.told(drop, batches, str(drop), now_ms)
        self._told_ms[drop.cause] = now_ms
        self._report(
            "queue.dropped",
            source=drop.source,
            events=drop.events,
            lost_bytes=drop.size,
            why=drop.cause,
        )
