"""The check: looks at everything that a run needs, and says what is wrong with the remedy.

Nothing is changed: the state is opened only if it is there, the collector is asked for its health.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from shipper.collector.client import Answer, HttpCollector
from shipper.collector.verdict import Unavailable, clean
from shipper.config.models import Config, SourceConfig
from shipper.errors import CollectorError, GrammarError, StateError
from shipper.grammar.library import Library
from shipper.service.assemble import addresses, library
from shipper.service.damage import found_in
from shipper.service.doctor import Finding, Survey, examine, survey
from shipper.service.receiving import addresses_of
from shipper.serving.listeners import Address, Listeners
from shipper.serving.listeners import addresses as listening_at
from shipper.store.database import REMEDY
from shipper.store.lock import holder
from shipper.store.store import Store, has_state, moved_away

Where = Callable[[tuple[str | int, ...]], str]


def check(config: Config, where: Where, *, offline: bool) -> Iterator[Finding]:
    """Look at grammars, paths, state and (unless *offline*) the collector, one after the other.

    *where* gives ``file:line`` of a key of the configuration.
    """
    surveys = [survey(source) for source in config.sources]
    shelf = library(config)
    for index, each in enumerate(surveys):
        yield from _grammars(shelf, each.source, where(("sources", index, "grammar")))
        yield from _paths(each, where(("sources", index, "paths")))
    yield from _overlaps(surveys)
    yield from _state(config)
    yield from _receiver(config, where)
    yield from _page(config, where)
    yield from examine(config, surveys=surveys)
    if not offline:
        yield from _collectors(config)


def _grammars(shelf: Library, source: SourceConfig, place: str) -> Iterator[Finding]:
    for name in source.grammar:
        try:
            shelf.in_zone(source.timezone).named(name)
        except GrammarError as error:
            for problem in error.problems:
                what = f"{place}: source {source.name}: {problem}"
                yield Finding("config", what)
        else:
            yield Finding("ok", f"source {source.name}: grammar {name}")


def _paths(each: Survey, place: str) -> Iterator[Finding]:
    name = each.source.name
    for path, error in each.blind.items():
        remedy = "give this user read access (and x on each directory above)"
        yield Finding("warning", f"{place}: {path} can't be read: {error.strerror}", remedy)
    for path in (*each.files, *each.fifos):
        if not os.access(path, os.R_OK, effective_ids=True):
            yield Finding("warning", f"{place}: {path} can't be read", "give this user read access")
    yield from _streams(each, place)
    if each.files:
        yield Finding("ok", f"source {name}: {len(each.files)} files")
    elif not each.fifos and each.globs:
        remedy = "right if they come later; else see the paths"
        yield Finding("warning", f"{place}: source {name}: no file matches yet", remedy)


def _streams(each: Survey, place: str) -> Iterator[Finding]:
    name = each.source.name
    if each.source.stdin:
        yield Finding("ok", f"source {name}: standard input")
    for path in each.fifos:
        yield Finding("ok", f"source {name}: {path} is a FIFO, read anew for each writer")
        if path not in each.source.globs:
            what = f"{place}: a pattern takes the FIFO {path}: what shipper reads nobody else does"
            yield Finding("warning", what, "exclude it, or write its path in full")


def _overlaps(surveys: Iterable[Survey]) -> Iterator[Finding]:
    owner: dict[str, str] = {}
    for each in surveys:
        name = each.source.name
        for path in (*each.files, *each.fifos):
            first = owner.setdefault(path, name)
            if first != name:
                what = f"{path} is named by the sources {first} and {name}: {first} reads it"
                yield Finding("warning", what, f"exclude it from {name}")


def _state(config: Config) -> Iterator[Finding]:
    state = config.state
    pid = holder(state)
    if pid is not None:
        yield Finding("ok", f"state {state}: in use by a running shipper, pid {pid}")
        return
    try:
        if gone := moved_away(state):
            yield Finding("state", gone.message, gone.remedy)
        elif not has_state(state):
            yield _new_state(state)
        elif why := found_in(state):
            yield _damaged(config, why)
        else:
            Store.open(state).close()
            yield Finding("ok", f"state {state}")
    except StateError as error:
        yield Finding("state", error.message, error.remedy)


def _damaged(config: Config, why: str) -> Finding:
    what = f"state {config.state} is damaged ({why})"
    if config.queue.when_damaged == "refuse":
        remedy = f"set queue.when_damaged to salvage and {REMEDY}"
        return Finding("state", what, remedy)
    return Finding("warning", what, "the next `shipper run` keeps it aside and saves what it can")


def _new_state(state: Path) -> Finding:
    parent = next(p for p in (state, *state.parents) if os.path.lexists(p))
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return Finding("ok", f"state {state}: will be made")
    remedy = f"make {state}, owned by the user that runs shipper"
    return Finding("state", f"state {state} can't be made: {parent} is not writable", remedy)


def _receiver(config: Config, where: Where) -> Iterator[Finding]:
    receiver = config.receiver
    if receiver is None:
        return
    place = where(("receiver",))
    for folder in receiver.spool:
        if os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            yield Finding("ok", f"receiver: spool {folder}")
        else:
            remedy = "make it, with read and write access for the user that runs shipper"
            yield Finding("warning", f"{place}: spool {folder} can't be used", remedy)
    if holder(config.state) is not None:
        return  # a running shipper has the addresses, if it is this one's
    yield from _free("receiver", addresses_of(config), place)


def _page(config: Config, where: Where) -> Iterator[Finding]:
    page = config.status
    if page is not None and holder(config.state) is None:
        places = listening_at(page.address, page.unix_socket)
        yield from _free("status page", places, where(("status",)))


def _free(who: str, places: Iterable[Address], place: str) -> Iterator[Finding]:
    """Yield whether *who* can listen; what it is called is what its messages begin with."""
    listeners = Listeners(f"the {who}")
    try:
        listeners.open(places)
        yield from (Finding("ok", f"{who}: {name} is free") for name in listeners.names())
    except CollectorError as error:
        yield Finding("collector", f"{place}: {error.message}", error.remedy)
    finally:
        listeners.close()


def _collectors(config: Config) -> Iterator[Finding]:
    for address in addresses(config):
        patience = min(address.read_timeout, 10.0)
        try:
            collector = HttpCollector(replace(address, read_timeout=patience))
        except CollectorError as error:
            yield Finding("config", error.message, error.remedy)
            continue
        try:
            yield _health(address.url, collector.health())
        finally:
            collector.close()
    if not config.collector.tls.verify:
        what = "collector.tls.verify is false: events and secrets go to whoever answers"
        yield Finding("warning", what, "name the certificate to trust in collector.tls.ca")


def _health(url: str, answer: Answer | Unavailable) -> Finding:
    if isinstance(answer, Unavailable):
        remedy = "see collector.url, the network, and the collector"
        return Finding("collector", f"collector {url} does not answer: {answer.why}", remedy)
    if answer.status == 200:
        return Finding("ok", f"collector {url}")
    if 300 <= answer.status < 400:
        to = clean(answer.headers.get("location", "nowhere"))
        return Finding("collector", f"collector {url} redirects to {to}", "put that into url")
    what = f"collector {url} answers {answer.status} to /health"
    level = "warning" if answer.status == 404 else "collector"
    return Finding(level, what, "see collector.url, headers")
