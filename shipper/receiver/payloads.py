"""From what a tracker sends to the events that are stored, or the reasons why it is refused.

Rule 1: one invalid event refuses the request whole: nothing is stored, and the tracker hears why.
Rule 2: what the tracker says is kept as it says it (`eid`, `dtm`, `tv`); `stm` is left out, for
        each attempt at sending sets its own.
Rule 3: what the collector would see of the client is carried where the payload does not say it: our
        own hop would stand there otherwise. A value that Enrich would refuse is not carried.
Rule 4: of a query string, keys that a POST must not have are ignored, as Enrich does in a GET.
Rule 5: an event without an id gets one here, so that whatever is sent twice later has the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from uuid import UUID, uuid4

import orjson

from shipper.event.batch import fits
from shipper.protocol.atomic import fits as fits_column
from shipper.protocol.payload import KEYS, check_payload, examine
from shipper.protocol.post import TOLD, RefusedPostError, event_name, events_of
from shipper.serving.wire import Visitor

NOBODY: Final = Visitor(None, None, None)
"""Who sent what lies in a file."""

_NO_ID: Final = str(UUID(int=0))
"""The network user id of those who do not want one."""


class InvalidEventsError(ValueError):
    """What was sent can't be taken; `reasons` say why, as far as it is worth reading."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(self.reasons))


def posted(
    body: bytes,
    content_type: str | None,
    query: Mapping[str, str],
    who: Visitor,
    max_bytes: int,
) -> list[bytes]:
    """Return the events of a POST to tp2; parameters of its *query* win over each event's own.

    *max_bytes* is what a request to the collector holds. Raises InvalidEventsError.
    """
    try:
        events = events_of(body, content_type, query)
    except RefusedPostError as error:
        raise InvalidEventsError(error.reasons) from error
    common = _known(query)
    # The envelope of each event was checked just now; what the query adds keeps it.
    joined = [{**event, **common} for event in events] if common else events
    return _all_of(joined, who, max_bytes, lambda event: examine(event).reasons)


def asked(query: Mapping[str, str], who: Visitor, max_bytes: int) -> list[bytes]:
    """Return the event of a GET, as a list of one. Raises InvalidEventsError."""
    if not query:
        what = "query string: is empty; it must hold the event, as in ?e=pv&p=web&tv=x-1"
        raise InvalidEventsError([what])
    return stored([_known(query)], who, max_bytes)


def stored(events: Iterable[Any], who: Visitor, max_bytes: int) -> list[bytes]:
    """Return *events*, payloads of a tracker, as they are queued. Raises InvalidEventsError."""
    return _all_of(events, who, max_bytes, check_payload)


def _all_of(
    events: Iterable[Any], who: Visitor, max_bytes: int, check: Callable[[Any], list[str]]
) -> list[bytes]:
    carried = _carried(who)
    found: list[bytes] = []
    reasons: list[str] = []
    for index, event in enumerate(events):
        wrong = check(event)
        packed = b"" if wrong else _packed(event, carried)
        if packed and not fits(packed, max_bytes):
            wrong = [f"has {len(packed):,} bytes; a request to the collector holds {max_bytes:,}"]
        reasons += [f"{event_name(index, event)}: {reason}" for reason in wrong]
        if len(reasons) >= TOLD:
            break
        found.append(packed)
    if reasons:
        raise InvalidEventsError(reasons[:TOLD])
    return found


def _known(query: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if key in KEYS}


def _carried(who: Visitor) -> dict[str, str]:
    """Return what is known of the client, as far as Enrich takes it."""
    seen = {"ip": who.ip, "ua": who.user_agent}
    return {key: value for key, value in seen.items() if value and fits_column(key, value)} | (
        {"nuid": who.user_id or _NO_ID} if who is not NOBODY else {}
    )


def _packed(event: Mapping[str, str], carried: Mapping[str, str]) -> bytes:
    whole = {**carried, **event}
    if "tnuid" in event and "nuid" not in event:
        whole.pop("nuid", None)
    whole.pop("stm", None)
    if "eid" not in whole:
        whole["eid"] = str(uuid4())
    return orjson.dumps(whole)
