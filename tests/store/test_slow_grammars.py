"""Grammars that took too long: counted by name, for longer than the dead letters are kept."""

from __future__ import annotations

from pathlib import Path

from shipper.event.chunk import TIMEOUT, Parse, Reject
from shipper.model import Ledger
from shipper.store.dead_letters import ALL, FILED, SLOW
from shipper.store.store import Progress, Store
from tests.store.samples import begin


def rejects(*grammars: str, reason: str = TIMEOUT) -> Parse:
    found = tuple(Reject(n, b"line", name, reason, "why") for n, name in enumerate(grammars))
    return Parse((), found, Ledger())


def test_the_grammar_is_counted(tmp_path: Path) -> None:
    """By source and grammar, over the turns; a line that merely does not match is not slow."""
    with_state = Store.open(tmp_path)
    here, there = begin(with_state), begin(with_state, source="db", path="/logs/db", inode=43)
    with_state.commit([Progress(here, rejects("mine", "mine", "other"))], 1)
    with_state.commit([Progress(there, rejects("mine"))], 2)
    with_state.commit([Progress(here, rejects("mine", reason="no_match"))], 3)
    assert with_state.counters() == {
        (SLOW + "mine", "web"): 2,
        (SLOW + "other", "web"): 1,
        (SLOW + "mine", "db"): 1,
        (FILED + "timeout", "web"): 3,
        (FILED + "timeout", "db"): 1,
        (FILED + "no_match", "web"): 1,
    }
    with_state.close()


def test_the_count_outlives_the_letters(tmp_path: Path) -> None:
    """Who empties the dead letters still sees which grammar is to be mended."""
    with_state = Store.open(tmp_path)
    with_state.commit([Progress(begin(with_state), rejects("mine"))], 1)
    assert with_state.dead_letters.discard(ALL) == 1
    assert with_state.counters() == {
        (SLOW + "mine", "web"): 1,
        (FILED + "timeout", "web"): 1,
    }
    with_state.close()
