"""Ids that say the same of the same line, always.

Rule 1: a generation's id follows from the namespace, the canonical path, the first line and the
        ordinal; an event's id from its generation, its offset in plain bytes and its raw bytes.
Rule 2: no clock, no chance, no configuration goes in, so a re-read repeats ids.

Event ids are UUIDs of version 8 (RFC 9562: free use) over keyed BLAKE2b: Snowplow takes any
version, and BLAKE2b is no slower here than MD5 or SHA-1, while nobody who can write into a log
can make two of its lines share an id.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

EventId = Callable[[int, bytes], str]


def namespace_id(name: str) -> uuid.UUID:
    """Return the namespace of the installation called *name* (a host name by default)."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"snowplow-logfile-source:{name}")


def stream_key(canonical_path: str, first_line: bytes) -> bytes:
    """Return the 16 bytes under which generations of equal path and first line are counted."""
    return hashlib.blake2b(
        canonical_path.encode("utf-8", "surrogateescape") + b"\0" + first_line, digest_size=16
    ).digest()


def generation_id(namespace: uuid.UUID, stream: bytes, ordinal: int) -> uuid.UUID:
    """Return the id of the generation that is number *ordinal* (from 0) in its stream."""
    return uuid.uuid5(namespace, f"{stream.hex()}:{ordinal}")


def event_ids(generation: uuid.UUID) -> EventId:
    """Return the function (offset, raw bytes) → event id for the records of *generation*."""
    copy = hashlib.blake2b(digest_size=16, key=generation.bytes).copy

    def event_id(offset: int, raw: bytes) -> str:
        state = copy()
        state.update(b"%d:" % offset)
        state.update(raw)
        h = state.hexdigest()
        return f"{h[:8]}-{h[8:12]}-8{h[13:16]}-a{h[17:20]}-{h[20:]}"

    return event_id
