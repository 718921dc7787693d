"""The option of the fault matrix."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our option to pytest's; it is there where this directory is named."""
    parser.addoption("--long", action="store_true", help="the long form of the fault matrix")
