"""A walk through everything that can happen to logs and to a shipper."""

from __future__ import annotations

from tests.model.applications import Applications
from tests.model.rotators import Rotators
from tests.model.sending import Senders
from tests.model.world import LINES, PODS, STACKS


class Lines(Applications, Rotators, Senders):
    """A walk among logs of one line a record."""

    dialect = LINES


class Stacks(Lines):
    """A walk among logs whose records have several lines."""

    dialect = STACKS


class Pods(Lines):
    """A walk among logs of containers, whose lines come in pieces, on two streams."""

    dialect = PODS


WALKS = {"lines": Lines, "stacks": Stacks, "pods": Pods}
