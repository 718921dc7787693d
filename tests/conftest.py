"""What tests share: options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options to pytest's."""
    parser.addoption("--kills", type=int, default=50, help="how often the kill test kills")
    parser.addoption("--seed", type=int, default=None, help="seed of the kill test")
