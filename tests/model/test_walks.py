"""Random walks over everything that happens to logs, shippers and collectors, against an oracle.

``--walks`` says how many are taken. They are shared out among tests, whose names are what to give
to `tests.model.take_walks`: the kind, the seed, how many. Without ``--seed`` the seeds are always
the same, so that a failure is one of the change that was made; ``--seed 0`` takes others each time.
Each test is a process of its own, for what Hypothesis draws depends on what ran before.
"""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import pytest

_SHARE = {"lines": 3, "stacks": 1, "pods": 1}
_SHARD = 250
_FIRST_SEEDS = {"lines": 1, "stacks": 21, "pods": 31}


class Shard(NamedTuple):
    """Walks that one test takes."""

    kind: str
    seed: int
    walks: int


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each shard."""
    option = metafunc.config.getoption
    shards = _shards(option("--seed"), option("--walks"))
    metafunc.parametrize("shard", shards, ids=["-".join(map(str, shard)) for shard in shards])


@pytest.mark.timeout(900)
def test_walks(shard: Shard) -> None:
    """79: whatever comes after what, each line that was there to be seen comes once, in order."""
    command = [sys.executable, "-W", "error", "-m", "tests.model.take_walks", *map(str, shard)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]


def _shards(seed: int | None, walks: int) -> list[Shard]:
    """Share out *walks* among the kinds, and among tests; from *seed* on, or by the usual seeds."""
    whole = sum(_SHARE.values())
    shards: list[Shard] = []
    for kind, share in _SHARE.items():
        count = -(-walks * share // whole)
        for number, start in enumerate(range(0, count, _SHARD)):
            usual = _FIRST_SEEDS[kind] + number
            chosen = usual if seed is None else seed + len(shards)
            shards.append(Shard(kind, chosen, min(_SHARD, count - start)))
    return shards
