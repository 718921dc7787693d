"""What tests share: options of the test run, and what is told when it is over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings

# No test may hinge on how fast a machine is; pytest's own timeout ends what hangs.
settings.register_profile("shipper", deadline=None)
settings.load_profile("shipper")

_TOLD = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options to pytest's."""
    parser.addoption("--kills", type=int, default=50, help="how often the kill test kills")
    parser.addoption("--walks", type=int, default=1000, help="how many walks the model takes")
    parser.addoption("--seed", type=int, default=None, help="seed of the kill test and the walks")


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Tell something at the end of the run, whether the test passes or not."""
    return request.config.stash.setdefault(_TOLD, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was told."""
    for line in config.stash.get(_TOLD, []):
        terminalreporter.write_line(line)
