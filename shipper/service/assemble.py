"""The one place where the parts are put together, from a configuration.

What is opened here is closed by the `ExitStack`, in the reverse order.
"""

from __future__ import annotations

import random
import socket
import time
import uuid
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from shipper.collector.client import Address, HttpCollector
from shipper.config.models import Config, SourceConfig
from shipper.emitter import Emitter, Sending
from shipper.event.builder import Envelope
from shipper.event.chunk import Parse, Policy, Recipe, flush_held
from shipper.event.entities import Origin
from shipper.event.gap import Gap, with_gap
from shipper.event.ids import event_ids
from shipper.formats.encodings import Encoding
from shipper.grammar.library import Library
from shipper.model import Clock, Ledger, Report
from shipper.pump import Pace, Pump
from shipper.store.collection import FIRST, MOST, UNKNOWN, Ended
from shipper.store.lock import sender_lock
from shipper.store.store import Progress, Store
from shipper.tail.checkpoint import Checkpoint, Node, Sighting
from shipper.tail.chunk import Limits
from shipper.tail.fleet import Fleet, Source
from shipper.tail.glob import Exclude, Glob
from shipper.tail.streams import OpenStreams
from shipper.tail.watch import Watch

CLOCK = Clock(wall=time.time, monotonic=time.monotonic)


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs: the pump and its watch, the emitter, and the store between them."""

    store: Store
    lock: Path
    fleet: Fleet
    pump: Pump
    emitter: Emitter
    watch: Watch


class State(NamedTuple):
    """An open state directory, held by this process."""

    store: Store
    lock: Path
    namespace: uuid.UUID


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
            origin = Origin(event_ids(checkpoint.generation), checkpoint.canonical)
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


def open_state(config: Config, stack: ExitStack) -> State:
    """Open the state that *config* names, and hold its lock. Raises StateError."""
    store = Store.open(config.state)
    stack.callback(store.close)
    lock = stack.enter_context(sender_lock(config.state))
    namespace = store.namespace(config.namespace or socket.gethostname())
    return State(store, lock, namespace)


def assemble(
    config: Config, state: State, streams: OpenStreams, report: Report, stack: ExitStack
) -> Parts:
    """Wire the parts round the *state* and the *streams*. Raises StateError, GrammarError."""
    recipes = recipes_of(config)
    store = state.store
    sources = sources_of(config)
    fleet = Fleet(
        sources,
        Books(store, recipes, state.namespace, CLOCK),
        report,
        limits=Limits(chunk_bytes=config.tail.chunk_bytes),
        grace=config.tail.rotate_grace,
        streams=streams,
    )
    stack.callback(fleet.close)
    pace = Pace(
        sweep=config.tail.sweep,
        queue_bytes=config.queue.max_bytes,
        backfill=config.tail.backfill_bytes,
    )
    pump = Pump(fleet, store, recipes, report, pace=pace, clock=CLOCK)
    globs = [glob for source in sources for glob in source.globs]
    watch = Watch(globs, fleet.names, pump.nudge, report)
    fleet.on_missed(watch.missed)
    collector = HttpCollector(_address(config))
    stack.callback(collector.close)
    emitter = Emitter(
        store,
        collector,
        report,
        sending=_sending(config),
        clock=CLOCK,
        rng=random.Random(),  # noqa: S311  # jitter, not a secret
    )
    return Parts(store, state.lock, fleet, pump, emitter, watch)


def library(config: Config) -> Library:
    """Return the grammars that *config* can name."""
    return Library(config.grammars.directories, config.grammars.patterns)


def recipes_of(config: Config) -> dict[str, Recipe]:
    """Return by source how its records become events. Raises GrammarError."""
    shelf = library(config)
    return {source.name: _recipe(config, source, shelf) for source in config.sources}


def _recipe(config: Config, source: SourceConfig, shelf: Library) -> Recipe:
    return Recipe(
        [shelf.get(name) for name in source.grammar],
        envelope(config, source),
        Policy(
            rules=source.rules(),
            flush_after=source.multiline.timeout if source.multiline else 1.0,
            line_bytes=source.max_line_bytes,
            long_lines=source.long_lines,
            drop_unmatched=source.unmatched == "drop",
            keep_blank=source.blank_lines == "keep",
            encoding=Encoding.named(source.encoding),
        ),
    )


def envelope(config: Config, source: SourceConfig) -> Envelope:
    """Return what the events of *source* share."""
    tracker, method = config.tracker, config.collector.method
    return Envelope(
        namespace=tracker.namespace,
        app_id=tracker.app_id,
        platform=tracker.platform,
        base64=tracker.base64 if tracker.base64 is not None else method == "get",
        entities=[{"schema": e.schema_uri, "data": e.data} for e in source.entities],
        max_bytes=config.collector.max_bytes,
    )


def sources_of(config: Config) -> list[Source]:
    """Return what the sources of *config* read."""
    return [_source(source) for source in config.sources]


def _source(source: SourceConfig) -> Source:
    return Source(
        source.name,
        tuple(Glob(str(pattern)) for pattern in source.globs),
        Exclude(source.exclude),
        from_end=source.start == "end",
        encoding=Encoding.named(source.encoding),
        partial_after=source.partial_after,
        stdin=source.stdin,
    )


def _address(config: Config) -> Address:
    collector = config.collector
    return Address(
        url=collector.url,
        headers={name: value.get_secret_value() for name, value in collector.headers.items()},
        connect_timeout=collector.connect_timeout,
        read_timeout=collector.read_timeout,
    )


def _sending(config: Config) -> Sending:
    collector = config.collector
    return Sending(
        method=collector.method,
        max_bytes=collector.max_bytes,
        max_get_bytes=collector.max_get_bytes,
        first_pause=collector.retry.first,
        longest_pause=collector.retry.cap,
        misconfigured_pause=collector.misconfigured_delay,
    )
