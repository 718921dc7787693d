"""What shows a running service to the outside, as the status page does.

It is made above this room and handed to `run`. What it opens outlives a configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shipper.config.models import Config
from shipper.service.assemble import Parts


class Window(Protocol):
    """Looks at a running service. All methods are called by the main thread."""

    def open(self, config: Config) -> None:
        """Listen where *config* says, beside what is open. Raises CollectorError, and opens none.

        What *config* does not name stays open until it is started.
        """

    def start(self, config: Config, parts: Parts, failed: Callable[[BaseException], None]) -> None:
        """Show *parts*, which work by *config*; *failed* is called if showing ends by an error.

        Raises CollectorError if it can't be listened where *config* says.
        """

    def stop(self) -> None:
        """Show no more; what is open stays open. Does nothing if it was not started."""

    def close(self) -> None:
        """Close what is open."""


class Shut:
    """A window that shows nothing."""

    def open(self, config: Config) -> None:
        """Do nothing."""

    def start(self, config: Config, parts: Parts, failed: Callable[[BaseException], None]) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
