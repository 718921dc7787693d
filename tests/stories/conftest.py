"""What the stories share: a maker of shippers whose ledgers have to add up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shipping import Make, shippers


@pytest.fixture
def ship(tmp_path: Path) -> Iterator[Make]:
    """Make shippers below the test's directory."""
    with shippers(tmp_path) as make:
        yield make
