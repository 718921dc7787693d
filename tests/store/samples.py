"""Sample values for tests of the store."""

from __future__ import annotations

import uuid

from shipper.formats.fingerprint import NOTHING, digest, fingerprint
from shipper.store.store import Store
from shipper.tail.checkpoint import Checkpoint, Node, Sighting

NAMESPACE = uuid.UUID(int=7)


def sighting(
    *, source: str = "web", path: str = "/logs/web.log", first: bytes = b"one", inode: int = 42
) -> Sighting:
    return Sighting(
        source=source,
        path=path,
        canonical=path,
        node=Node(1, inode),
        head=fingerprint(first),
        tail=NOTHING,
        first_line=digest(first),
        start=0,
        size=100,
    )


def begin(
    store: Store, *, source: str = "web", path: str = "/logs/web.log", inode: int = 42
) -> Checkpoint:
    return store.begin(sighting(source=source, path=path, inode=inode), NAMESPACE, 1)
