"""What tests share: options of the test run, and what its first lines say of them."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings

# No test may hinge on how fast a machine is; pytest's own timeout ends what hangs.
settings.register_profile("shipper", deadline=None)
settings.load_profile("shipper")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options to pytest's."""
    parser.addoption("--kills", type=int, default=50, help="how often the kill test kills")
    parser.addoption("--walks", type=int, default=5000, help="how many walks the model takes")
    parser.addoption("--seed", type=int, default=None, help="seed of the kill test and the walks")


def pytest_configure(config: pytest.Config) -> None:
    """Choose a seed where none is to be chosen, once for all processes of the run."""
    if config.option.seed == 0:
        config.option.seed = random.randrange(1, 1 << 32)


def pytest_report_header(config: pytest.Config) -> str:
    """Say which walks are taken."""
    return f"model: --walks {config.option.walks} --seed {config.option.seed or 'of each kind'}"
