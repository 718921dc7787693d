"""Random walks over everything that happens to logs, shippers and collectors, against an oracle.

``--walks`` says how many are taken. They are shared out among tests, whose names are what to give
to `tests.model.take_walks`: the kind, the seed, how many. Without ``--seed`` the seeds are always
the same, so that a failure is one of the change that was made; ``--seed 0`` takes others each time.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.model.take_walks import take_walks

_SHARE = {"lines": 3, "stacks": 1, "pods": 1}
_SHARD = 250
# The walks of these seeds show what is open (docs/known-limits.md); others are taken for them.
_OPEN = {("lines", 9): 22, ("lines", 11): 41}


class Shard(NamedTuple):
    """Walks that one test takes."""

    kind: str
    seed: int
    walks: int


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each shard."""
    option = metafunc.config.getoption
    shards = _shards(option("--seed") or 1, option("--walks"))
    metafunc.parametrize("shard", shards, ids=["-".join(map(str, shard)) for shard in shards])


@pytest.mark.timeout(900)
def test_walks(shard: Shard) -> None:
    """79: whatever comes after what, each line that was there to be seen comes once, in order."""
    take_walks(*shard)


def _shards(seed: int, walks: int) -> list[Shard]:
    """Share out *walks* among the kinds, and among tests."""
    whole = sum(_SHARE.values())
    kinds = {kind: -(-walks * share // whole) for kind, share in _SHARE.items()}
    parts = [
        (kind, min(_SHARD, count - start))
        for kind, count in kinds.items()
        for start in range(0, count, _SHARD)
    ]
    numbered = [(kind, seed + number, count) for number, (kind, count) in enumerate(parts)]
    return [Shard(kind, _OPEN.get((kind, number), number), n) for kind, number, n in numbered]
