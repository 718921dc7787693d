"""Random walks over everything that happens to logs, shippers and collectors, against an oracle.

``--walks`` says how many are taken side by side (default 5,000). The seeds are told at the end of
the run. Without ``--seed`` they are always the same, so that a failure is one of the change that
was made; ``--seed 0`` takes others each time.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.model.take_walks import take_walks

_ROOT = Path(__file__).parents[2]
_FEW = {"lines": 200, "stacks": 60, "pods": 60}
_SHARE = {"lines": 3, "stacks": 1, "pods": 1}
_SHARD = 500


class Shard(NamedTuple):
    """Walks that one process takes."""

    kind: str
    seed: int
    walks: int

    def take(self) -> subprocess.CompletedProcess[str]:
        """Take them; return how that went."""
        command = [sys.executable, "-W", "error", "-m", "tests.model.take_walks", *map(str, self)]
        return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of the run."""
    given = request.config.getoption("--seed")
    return random.randrange(1 << 32) if given == 0 else given or 1


@pytest.mark.parametrize("kind", _FEW)
def test_some_walks(kind: str, seed: int, tell: Callable[[str], None]) -> None:
    """79: whatever comes after what, each line that was there to be seen comes once, in order."""
    tell(f"{_FEW[kind]} walks of {kind}: --seed {seed}")
    take_walks(kind, seed, _FEW[kind])


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_many_walks(seed: int, request: pytest.FixtureRequest, tell: Callable[[str], None]) -> None:
    """79: the same, thousands of times, in as many processes as there are cores."""
    shards = _shards(seed, request.config.getoption("--walks"))
    tell(f"{sum(shard.walks for shard in shards)} walks side by side: --seed {seed}")
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for shard, result in zip(shards, pool.map(Shard.take, shards), strict=True):
            again = f"python -m tests.model.take_walks {shard.kind} {shard.seed} {shard.walks}"
            assert result.returncode == 0, f"{again}\n{result.stdout}\n{result.stderr}"


def _shards(seed: int, walks: int) -> list[Shard]:
    """Share out *walks* among the kinds, and among processes."""
    whole = sum(_SHARE.values())
    kinds = {kind: -(-walks * share // whole) for kind, share in _SHARE.items()}
    parts = [
        (kind, min(_SHARD, count - start))
        for kind, count in kinds.items()
        for start in range(0, count, _SHARD)
    ]
    return [Shard(kind, seed + number, count) for number, (kind, count) in enumerate(parts)]
