"""Takes walks from a seed: ``python -m tests.model.take_walks KIND SEED WALKS``."""

from __future__ import annotations

import sys

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.delivery import Post
from tests.model.walk import WALKS

STEPS = 30


def take_walks(kind: str, number: int, walks: int) -> None:
    """Take *walks* walks of a *kind*, from the seed *number*. Raises what a walk raises.

    The same seed takes the same walks, as long as the steps are the same.
    """
    with Post() as post:
        walk = seed(number)(type("Walk", (WALKS[kind],), {"post": post}))
        run_state_machine_as_test(
            walk,
            settings=settings(
                max_examples=walks,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                print_blob=False,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )


if __name__ == "__main__":
    take_walks(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
