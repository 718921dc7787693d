"""The request that carries events to a collector, made by joining stored bytes.

Rule 1: an event is JSON without a raw LF, so LF joins events in storage and marks their borders.
Rule 2: the size of a request is known before it is built:
        len(post_body) == WRAPPER + STAMP * events + bytes of the events + (events - 1) commas.
Rule 3: `stm`, the time of sending, is not part of an event: each attempt stamps it anew.

The wrapper's 88 bytes and the stamp's 22 are the Go tracker's figures; its sum of commas, one too
small, is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import orjson

_HEAD = b'{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":['
_TAIL = b"]}"
WRAPPER = len(_HEAD) + len(_TAIL)
STAMP = len(b'"stm":"1479899744123",')


def post_size(events: int, joined_bytes: int) -> int:
    """Return the exact size of a POST of *events* whose LF-joined form has *joined_bytes*."""
    return WRAPPER + STAMP * events + joined_bytes


def post_body(events: Sequence[bytes], stm_ms: int) -> bytes:
    """Build the body of a POST from *events*, stamped with *stm_ms* (13 digits)."""
    stamp = b'{"stm":"%013d",' % stm_ms
    rests = [event[1:] for event in events]
    rests[0] = b"".join((_HEAD, stamp, rests[0]))
    rests[-1] += _TAIL
    return (b"," + stamp).join(rests)


def get_query(event: bytes, stm_ms: int) -> str:
    """Build the query string of a GET for one event, keys sorted as the Go tracker sorts them."""
    payload: dict[str, str] = orjson.loads(event)
    payload["stm"] = f"{stm_ms:013d}"
    return urlencode(sorted(payload.items()))
