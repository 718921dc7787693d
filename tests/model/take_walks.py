"""Takes walks from a seed: ``python -m tests.model.take_walks KIND SEED WALKS``."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.stateful import run_state_machine_as_test

from tests.model.delivery import Post
from tests.model.walk import WALKS

STEPS = 30
MEMORY = Path("/dev/shm")  # only the parent of a directory that nobody else can guess
_PREFIX = "model-"


class _Anew(HypothesisProvider):
    """Hypothesis's choices, each walk drawn anew, and by its seed alone.

    Under its own name Hypothesis makes three of four walks by changing a few steps of the one
    before. And it draws what it finds as constants in all modules that are loaded, so that a walk
    would depend on the tests that ran before in the same process.
    """

    def _maybe_draw_constant(self, *_: object, **__: object) -> None:
        return None


_BACKEND = "anew"
AVAILABLE_PROVIDERS[_BACKEND] = _Anew


def take_walks(kind: str, number: int, walks: int, *, shortest: bool = True) -> None:
    """Take *walks* walks of a *kind*, from the seed *number*. Raises what a walk raises.

    The same seed takes the same walks, as long as the steps are the same. Of a walk that raises,
    the *shortest* form is looked for, which takes minutes.
    """
    phases = (Phase.generate, Phase.shrink) if shortest else (Phase.generate,)
    with Post() as post, _place() as place:
        walk = seed(number)(type("Walk", (WALKS[kind],), {"post": post, "place": place}))
        run_state_machine_as_test(
            walk,
            settings=settings(
                max_examples=walks,
                stateful_step_count=STEPS,
                phases=phases,
                backend=_BACKEND,
                deadline=None,
                database=None,
                print_blob=False,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )


@contextmanager
def _place() -> Iterator[Path]:
    """Give a directory, in memory where there is one; take away what killed processes left."""
    parent = MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*-*"):
        process = left.name.split("-")[1]
        if not Path("/proc", process).exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent) as place:
        yield Path(place)


if __name__ == "__main__":
    take_walks(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
