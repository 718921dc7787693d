"""One payload in the making: pairs of texts, where what is empty is left out.

A key that is set again has the last value; an empty key or value sets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shipper.protocol.base64 import encode
from shipper.tracker.self_describing import compact


class Payload:
    """The pairs of an event."""

    def __init__(self, pairs: Mapping[str, str | None] | None = None) -> None:
        self._pairs: dict[str, str] = {}
        self.add_all(pairs or {})

    def add(self, key: str, value: str | None) -> None:
        """Set *key*, unless one of both is empty."""
        if key and value:
            self._pairs[key] = value

    def add_all(self, pairs: Mapping[str, str | None]) -> None:
        """Set each of *pairs* that is not empty."""
        self._pairs.update({key: value for key, value in pairs.items() if key and value})

    def add_json(self, document: Any, *, base64: bool, keys: tuple[str, str]) -> None:
        """Set JSON under the first of *keys* as base64, or under the second as it is."""
        if document:
            data = compact(document)
            self.add(keys[0] if base64 else keys[1], encode(data) if base64 else data.decode())

    @property
    def pairs(self) -> dict[str, str]:
        """A copy of the pairs."""
        return dict(self._pairs)
