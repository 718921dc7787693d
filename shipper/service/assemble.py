"""The one place where the parts are put together, from a configuration.

What is opened here is closed by the `ExitStack`, in the reverse order.
"""

from __future__ import annotations

import random
import socket
import time
import uuid
from base64 import b64encode
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from shipper.collector.client import Address, HttpCollector
from shipper.collector.failover import Failover
from shipper.collector.tls import Tls
from shipper.config.collector import CollectorConfig
from shipper.config.models import Config, SourceConfig
from shipper.emitter import Emitter, Sending
from shipper.event.builder import Envelope
from shipper.event.piece import Inline, Parser
from shipper.event.recipe import Policy, Recipe
from shipper.formats.encodings import Encoding
from shipper.grammar.library import Library
from shipper.model import Clock, Report
from shipper.pump import Pace, Pump
from shipper.room import Limits as QueueLimits
from shipper.sending.outbox import Outbox
from shipper.service.books import Books
from shipper.service.chores import Beside, Chores
from shipper.service.damage import see_to_damage
from shipper.service.drops import Teller
from shipper.service.letters import Keeper
from shipper.service.notes import Notes
from shipper.store.lock import sender_lock
from shipper.store.store import Store, make_directory
from shipper.tail.chunk import Limits
from shipper.tail.fleet import Fleet, Source
from shipper.tail.glob import Exclude, Glob
from shipper.tail.streams import OpenStreams
from shipper.tail.watch import Watch

CLOCK = Clock(wall=time.time, monotonic=time.monotonic)


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs: the pump and its watch, the emitter, and the store between them.

    `recipes` say by source how records become events.
    """

    recipes: Mapping[str, Recipe]
    store: Store
    lock: Path
    fleet: Fleet
    pump: Pump
    chores: Chores
    emitter: Emitter
    watch: Watch

    def drain(self, fresh: Config | None) -> None:
        """When no turn will follow: commit what can't be read again, note what is not noted.

        *fresh* is the configuration to go on with, if there is one.
        """
        self.pump.drain(sources_of(fresh) if fresh else ())
        self.chores.close()


class State(NamedTuple):
    """An open state directory, held by this process; it outlives a configuration."""

    store: Store
    lock: Path
    namespace: uuid.UUID
    outbox: Outbox


def open_state(config: Config, report: Report, stack: ExitStack) -> State:
    """Open the state that *config* names, and hold its lock. Raises StateError.

    A damaged one is salvaged before, unless the configuration says otherwise.
    """
    make_directory(config.state)
    lock = stack.enter_context(sender_lock(config.state))
    name = config.namespace or socket.gethostname()
    see_to_damage(config, name, report)
    store = Store.open(config.state)
    stack.callback(store.close)
    return State(store, lock, store.namespace(name), Outbox(store, report, CLOCK))


def assemble(
    config: Config, state: State, streams: OpenStreams, report: Report, stack: ExitStack
) -> Parts:
    """Wire the parts round the *state* and the *streams*. Raises StateError, GrammarError."""
    recipes = recipes_of(config)
    parser = _parser(config, recipes, report, stack)
    store = state.store
    store.space.bound(config.queue.max_bytes)
    sources = sources_of(config)
    books = Books(store, recipes, state.namespace, CLOCK)
    fleet = Fleet(
        sources,
        books,
        report,
        limits=Limits(chunk_bytes=config.tail.chunk_bytes * max(1, 2 * config.workers)),
        grace=config.tail.rotate_grace,
        streams=streams,
    )
    stack.callback(fleet.close)
    letters, tail = config.dead_letters, config.tail
    pace = Pace(sweep=tail.sweep, backfill=tail.backfill_bytes, **asdict(limits_of(config)))
    pump = Pump(fleet, store, parser, report, pace=pace, clock=CLOCK)
    globs = [glob for source in sources for glob in source.globs]
    watch = Watch(globs, fleet.names, pump.nudge, report)
    fleet.on_missed(watch.missed)
    emitter = Emitter(
        state.outbox,
        _collector(config, report, stack),
        sending=_sending(config),
        rng=random.Random(),  # noqa: S311  # jitter, not a secret
    )
    teller = Teller(store, recipes, state.namespace, report, CLOCK)
    most = letters.max_bytes if letters.when_full == "drop_oldest" else None
    keeper = Keeper(store, report, CLOCK, max_bytes=most, max_age=letters.max_age)
    beside = Beside(teller, keeper, Notes(store, pump, emitter, CLOCK))
    chores = Chores(store, books, fleet, pump, CLOCK, beside)
    return Parts(recipes, store, state.lock, fleet, pump, chores, emitter, watch)


def _parser(
    config: Config, recipes: Mapping[str, Recipe], report: Report, stack: ExitStack
) -> Parser:
    """Return what parses: this process, or workers, each with two parts of a chunk."""
    if not config.workers:
        return Inline(recipes)
    from shipper.workers import Workers

    make, part = partial(recipes_of, config), config.tail.chunk_bytes
    return stack.enter_context(closing(Workers(make, recipes, config.workers, part, report)))


def limits_of(config: Config) -> QueueLimits:
    """Return what may wait, by *config*."""
    letters = config.dead_letters
    return QueueLimits(
        queue_bytes=config.queue.max_bytes,
        queue_age=config.queue.max_age,
        when_full=config.queue.when_full,
        min_free=config.queue.min_free,
        letters_bytes=letters.max_bytes if letters.when_full == "pause" else None,
    )


def library(config: Config) -> Library:
    """Return the grammars that *config* can name."""
    return Library(config.grammars.directories, config.grammars.patterns)


def recipes_of(config: Config) -> dict[str, Recipe]:
    """Return by source how its records become events. Raises GrammarError."""
    shelf = library(config)
    return {source.name: _recipe(config, source, shelf) for source in config.sources}


def _recipe(config: Config, source: SourceConfig, shelf: Library) -> Recipe:
    return Recipe(
        [shelf.in_zone(source.timezone).named(name) for name in source.grammar],
        envelope(config, source),
        policy(source),
    )


def policy(source: SourceConfig) -> Policy:
    """Return what becomes of the lines of *source* before and after grammars see them."""
    return Policy(
        rules=source.rules(),
        flush_after=source.multiline.timeout if source.multiline else 1.0,
        line_bytes=source.max_line_bytes,
        long_lines=source.long_lines,
        drop_unmatched=source.unmatched == "drop",
        keep_blank=source.blank_lines == "keep",
        encoding=Encoding.named(source.encoding),
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
        vendor=config.grammars.vendor,
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


def _collector(config: Config, report: Report, stack: ExitStack) -> HttpCollector | Failover:
    """Return the way to the collectors; say what of it is not safe. Raises CollectorError."""
    if not config.collector.tls.verify:
        report(
            "collector.unverified",
            why="collector.tls.verify is false: events and secrets go to whoever answers",
            remedy="name the certificate that vouches for the collector in collector.tls.ca",
        )
    collectors = [HttpCollector(address) for address in addresses(config)]
    for each in collectors:
        stack.callback(each.close)
    if len(collectors) == 1:
        return collectors[0]
    retry = config.collector.retry
    rng = random.Random()  # noqa: S311  # jitter, not a secret
    return Failover(collectors, report, pauses=(retry.first, retry.cap), clock=CLOCK, rng=rng)


def addresses(config: Config) -> list[Address]:
    """Return the collectors of *config*, the preferred one first."""
    collector = config.collector
    proxy, tls = collector.proxy, collector.tls
    return [
        Address(
            url=url,
            path=collector.path,
            headers=_headers(collector),
            proxy=None if proxy is None else proxy.get_secret_value(),
            tls=Tls(**tls.model_dump()),
            gzip=collector.gzip,
            connect_timeout=collector.connect_timeout,
            read_timeout=collector.read_timeout,
        )
        for url in collector.urls
    ]


def _headers(collector: CollectorConfig) -> dict[str, str]:
    headers = {name: value.get_secret_value() for name, value in collector.headers.items()}
    if collector.password is not None:
        pair = f"{collector.username}:{collector.password.get_secret_value()}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    if collector.anonymous:
        headers["SP-Anonymous"] = "*"
    return headers


def _sending(config: Config) -> Sending:
    collector = config.collector
    return Sending(
        method=collector.method,
        max_bytes=collector.max_bytes,
        max_events=collector.max_events,
        max_get_bytes=collector.max_get_bytes,
        linger=collector.linger,
        first_pause=collector.retry.first,
        longest_pause=collector.retry.cap,
        misconfigured_pause=collector.misconfigured_delay,
        suspect_tries=collector.suspect_tries,
        suspect_seconds=collector.suspect_after,
        least=collector.min_concurrency,
        most=collector.concurrency,
    )
