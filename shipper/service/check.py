"""The doctor: looks at everything that a run needs, and says what is wrong with the remedy.

Nothing is changed: the state is opened only if it is there, the collector is asked for its health.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from shipper.config.models import Config, SourceConfig
from shipper.errors import GrammarError, StateError
from shipper.service.assemble import library
from shipper.store.lock import holder
from shipper.store.store import DATABASE, Store
from shipper.tail.glob import Exclude, Found, Glob

Where = Callable[[tuple[str | int, ...]], str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `level` is ``ok``, ``warning``, ``config``, ``state`` or
    ``collector``: the kind of failure decides the exit code.
    """

    level: str
    what: str
    remedy: str = ""


def check(config: Config, where: Where, *, offline: bool) -> Iterator[Finding]:
    """Look at grammars, paths, state and (unless *offline*) the collector, one after the other.

    *where* gives ``file:line`` of a key of the configuration.
    """
    for index, source in enumerate(config.sources):
        yield from _grammars(config, source, where(("sources", index, "grammar")))
        yield from _paths(source, where(("sources", index, "paths")))
    yield from _overlaps(config)
    yield from _state(config)
    if not offline:
        yield _collector(config)


def _grammars(config: Config, source: SourceConfig, place: str) -> Iterator[Finding]:
    shelf = library(config)
    for name in source.grammar:
        try:
            shelf.get(name)
        except GrammarError as error:
            for problem in error.problems:
                what = f"{place}: source {source.name}: {problem}"
                yield Finding("config", what)
        else:
            yield Finding("ok", f"source {source.name}: grammar {name}")


def _paths(source: SourceConfig, place: str) -> Iterator[Finding]:
    found = Found()
    for pattern in source.paths:
        Glob(str(pattern)).find(found)
    exclude = Exclude(source.exclude)
    files = [path for path in found.files if not exclude.matches(path)]
    for path, error in found.blind.items():
        remedy = "give this user read access (and x on each directory above)"
        yield Finding("warning", f"{place}: {path} can't be read: {error.strerror}", remedy)
    for path in files:
        if not os.access(path, os.R_OK):
            yield Finding("warning", f"{place}: {path} can't be read", "give this user read access")
    if files:
        yield Finding("ok", f"source {source.name}: {len(files)} files")
    else:
        remedy = "right if they come later; else see the paths"
        yield Finding("warning", f"{place}: source {source.name}: no file matches yet", remedy)


def _overlaps(config: Config) -> Iterator[Finding]:
    owner: dict[str, str] = {}
    for source in config.sources:
        found = Found()
        for pattern in source.paths:
            Glob(str(pattern)).find(found)
        for path in found.files:
            first = owner.setdefault(path, source.name)
            if first != source.name:
                what = f"{path} is named by the sources {first} and {source.name}: {first} reads it"
                yield Finding("warning", what, f"exclude it from {source.name}")


def _state(config: Config) -> Iterator[Finding]:
    state = config.state
    pid = holder(state)
    if pid is not None:
        yield Finding("ok", f"state {state}: in use by a running shipper, pid {pid}")
    elif (state / DATABASE).exists():
        try:
            Store.open(state).close()
        except StateError as error:
            yield Finding("state", error.message, error.remedy)
        else:
            yield Finding("ok", f"state {state}")
    else:
        yield _new_state(state)


def _new_state(state: Path) -> Finding:
    parent = next(p for p in (state, *state.parents) if p.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return Finding("ok", f"state {state}: will be made")
    remedy = f"make {state}, owned by the user that runs shipper"
    return Finding("state", f"state {state} can't be made: {parent} is not writable", remedy)


def _collector(config: Config) -> Finding:
    url = config.collector.url.rstrip("/")
    collector = config.collector
    timeout = (collector.connect_timeout, min(collector.read_timeout, 10.0))
    headers = {name: value.get_secret_value() for name, value in collector.headers.items()}
    try:
        with requests.get(
            url + "/health", timeout=timeout, headers=headers, allow_redirects=False, stream=True
        ) as answer:
            status = answer.status_code
    except requests.exceptions.RequestException as error:
        host = urlsplit(url).netloc
        what = f"collector {host} does not answer ({type(error).__name__})"
        return Finding("collector", what, "see collector.url, the network, and the collector")
    if status == 200:
        return Finding("ok", f"collector {url}")
    if 300 <= status < 400:
        to = answer.headers.get("location", "nowhere")
        return Finding("collector", f"collector {url} redirects to {to}", "put that into url")
    what = f"collector {url} answers {status} to /health"
    return Finding("warning" if status == 404 else "collector", what, "see collector.url, headers")
