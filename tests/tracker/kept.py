"""What trackers of tests hand their events to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from shipper.protocol.selfdescribing import decode_base64
from shipper.tracker.assembly import Event
from shipper.tracker.receipt import Receipt


class Kept:
    """A sink that keeps what it is given, in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, events: Sequence[Event]) -> Receipt:
        self.events += events
        receipt = Receipt(events[0].event_id)
        receipt.settle()
        return receipt

    @property
    def pairs(self) -> list[dict[str, str]]:
        return [orjson.loads(event.payload) for event in self.events]

    def data(self, number: int = -1) -> Any:
        """The self-describing JSON of an event, out of its wrapper."""
        pairs = self.pairs[number]
        text = decode_base64(pairs["ue_px"]) if "ue_px" in pairs else pairs["ue_pr"]
        return orjson.loads(text)["data"]
