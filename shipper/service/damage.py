"""A damaged state at the start: found, kept aside, and what can be read of it salvaged.

Rule 1: looking takes a quarter of a second at most, so that starting stays quick. What is found
        while the state is in use ends the process, and the next start salvages: so nothing goes in
        circles.
Rule 2: who may look at all is who holds the lock of the state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shipper.config.models import Config
from shipper.errors import StateDamagedError, StateError
from shipper.model import Report
from shipper.store.database import REMEDY
from shipper.store.soundness import clear, damage, is_salvaged, is_suspect, suspect
from shipper.store.store import DATABASE, Store

if TYPE_CHECKING:
    from shipper.store.salvage import Tick

_LOOK_SECONDS = 0.25
_TELL_PAGES = 100_000


def see_to_damage(config: Config, namespace: str, report: Report) -> None:
    """Salvage the state of *config* if it is damaged. Raises StateError where it must not."""
    path = config.state / DATABASE
    if is_salvaged(config.state):
        from shipper.store.salvage import unfinished

        if unfinished(config.state, DATABASE):
            clear(config.state)
    if not path.exists():  # somebody has moved it away: it begins anew
        clear(config.state)
    if not (why := found_in(config.state)):
        return
    if config.queue.when_damaged == "refuse":
        remedy = f"set queue.when_damaged to salvage and {REMEDY}"
        raise StateDamagedError(f"{path} is damaged ({why})", remedy)
    from shipper.store.salvage import salvage  # seldom needed, and long to load

    report("state.damaged", path=path, why=why)
    done = salvage(config.state, DATABASE, namespace, _ticker(report))
    _remember_starts(config)
    clear(config.state)
    report(
        "state.salvaged",
        kept=done.kept,
        files=done.found["file"],
        batches=done.found["batch"],
        dead_letters=done.found["dead_letter"],
        lost_events="unknown" if done.lost_events is None else done.lost_events,
        lost_dead_letters="unknown" if done.lost_letters is None else done.lost_letters,
        lost_files=done.lost_files,
    )


def found_in(state: Path) -> str:
    """Say how the state in the directory *state* is damaged, as far as a short look shows."""
    if why := damage(state / DATABASE, _LOOK_SECONDS):
        return why
    return "it was found damaged while it was in use" if is_suspect(state) else ""


@contextmanager
def noting_damage(state: Path) -> Iterator[None]:
    """Note it in the directory *state* if the block finds the state damaged (rule 1)."""
    try:
        yield
    except StateDamagedError as error:
        try:
            suspect(state)
        except OSError as other:
            what = f"{error.message}; and {state} can't be written: {other.strerror}"
            raise StateError(what, error.remedy) from error
        raise


def _remember_starts(config: Config) -> None:
    """Keep sources from beginning at the end of files whose rows may be lost."""
    store = Store.open(config.state)
    try:
        for source in config.sources:
            store.first_start_of(source.name)
    finally:
        store.close()


def _ticker(report: Report) -> Tick:
    told = 0

    def tick(done: int, of: int) -> None:
        nonlocal told
        if done - told >= _TELL_PAGES:
            told = done
            report("state.salvaging", pages=done, of=of)

    return tick
