"""Where generations are on record, as the fleet sees it."""

from __future__ import annotations

from typing import Protocol

from shipper.tail.checkpoint import Checkpoint, Node, Sighting


class Books(Protocol):
    """Where generations are on record."""

    def checkpoints(self) -> list[Checkpoint]:
        """Return the open generations."""

    def known(self, node: Node) -> Checkpoint | None:
        """Return the generation that was last read from *node*, unless it is over for good."""

    def alike(self, canonical: str) -> list[Checkpoint]:
        """Return generations of the log *canonical* that are open or finished, newest first."""

    def begin(self, sighting: Sighting) -> Checkpoint:
        """Put a new generation on record."""

    def move(self, checkpoint: Checkpoint) -> None:
        """Put on record that a generation is read from another file now, and open."""

    def finish(self, checkpoint: Checkpoint, lost_bytes: int, *, why: str = "") -> None:
        """Close the books on a generation that is over, and *why* it is."""

    def first_start_of(self, source: str) -> bool:
        """Tell whether *source* is new, and remember it."""
