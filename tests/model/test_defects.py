"""The walks see the defects that log shippers are known for."""

from __future__ import annotations

import pytest

from tests.model.defects import DEFECTS, Plant
from tests.model.take_walks import take_walks

_SEED = 1
_WALKS = 1_000  # the most that one took was 294


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", DEFECTS, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """79: with a part of the program made wrong, the oracle says so."""
    plant(monkeypatch)

    with pytest.raises(AssertionError):
        take_walks(DEFECTS[plant], _SEED, _WALKS, shortest=False)
