"""Sample values for tests of tailing."""

from __future__ import annotations

import uuid

from shipper.formats.fingerprint import fingerprint
from shipper.tail.checkpoint import Checkpoint, Node


def checkpoint(*, path: str = "/logs/app.log", node: Node | None = None) -> Checkpoint:
    return Checkpoint(
        row=1,
        generation=uuid.UUID(int=1),
        source="web",
        path=path,
        canonical=path,
        node=node or Node(1, 2),
        head=fingerprint(b"line\n"),
        tail=fingerprint(b"line\n"),
        start=0,
        offset=5,
        size=5,
    )
