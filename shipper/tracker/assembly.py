"""From what a caller says of an event to the bytes that are stored, all checks passed.

Rule 1: an event has `eid` and `dtm`, from the caller or made here; `ttm` only from the caller.
Rule 2: the subject of the event goes over the tracker's, pair by pair.
Rule 3: what the event itself says goes over everything.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypedDict
from uuid import UUID, uuid4

from shipper import __version__
from shipper.protocol.iglu import CONTEXTS, UNSTRUCT_EVENT
from shipper.tracker.checks import (
    InvalidValueError,
    milliseconds,
    optional_text,
    refuse_bad,
    uuid_text,
)
from shipper.tracker.payload import Payload
from shipper.tracker.self_describing import SelfDescribingJson
from shipper.tracker.subject import Subject

TRACKER_VERSION: Final = f"shipper-{__version__}"


class Common(TypedDict, total=False):
    """What every event may have.

    `timestamp` is when it happened by this machine's clock (`dtm`; now, if not given),
    `true_timestamp` when it truly happened (`ttm`): milliseconds, or a time with a zone.
    """

    contexts: Iterable[SelfDescribingJson]
    event_id: str | UUID | None
    timestamp: int | float | datetime | None
    true_timestamp: int | float | datetime | None
    subject: Subject | None


class Event(NamedTuple):
    """An event that passed all checks."""

    event_id: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What the events of one tracker share."""

    namespace: str
    app_id: str
    platform: str
    base64: bool
    subject: Subject | None

    def event(
        self,
        own: Mapping[str, str | None],
        common: Common,
        described: SelfDescribingJson | None = None,
    ) -> Event:
        """Return the event of its *own* pairs, or of *described*. Raises InvalidValueError."""
        unknown = common.keys() - Common.__annotations__.keys()
        if unknown:
            raise TypeError(f"no event has the argument {sorted(unknown)[0]!r}")
        payload = Payload(self._shared(common.get("subject")))
        event_id = uuid_text("event_id", common.get("event_id")) or str(uuid4())
        now = time.time_ns() // 1_000_000
        payload.add("eid", event_id)
        payload.add("dtm", milliseconds("timestamp", common.get("timestamp")) or str(now))
        payload.add("ttm", milliseconds("true_timestamp", common.get("true_timestamp")))
        self._describe(payload, described, common.get("contexts") or ())
        payload.add_all(own)
        refuse_bad(payload.pairs)
        return Event(event_id, payload.to_bytes())

    def _shared(self, subject: Subject | None) -> dict[str, str | None]:
        if not isinstance(subject, Subject | None):
            raise InvalidValueError("subject", f"must be a Subject, not {type(subject).__name__}")
        who = subject.over(self.subject) if subject else (self.subject or Subject()).pairs
        own = {"tna": self.namespace, "aid": self.app_id, "p": self.platform}
        return {**who, **own, "tv": TRACKER_VERSION}

    def _describe(
        self, payload: Payload, described: SelfDescribingJson | None, contexts: Any
    ) -> None:
        if described is not None:
            event = {"schema": UNSTRUCT_EVENT, "data": _sdj("event", described).document}
            payload.add_json(event, base64=self.base64, keys=("ue_px", "ue_pr"))
        documents = _documents(contexts)
        if documents:
            wrapped = {"schema": CONTEXTS, "data": documents}
            payload.add_json(wrapped, base64=self.base64, keys=("cx", "co"))


def shared(assembly: Assembly) -> None:
    """Check what the events of a tracker share. Raises InvalidValueError."""
    texts = {
        "tna": optional_text("namespace", assembly.namespace),
        "aid": optional_text("app_id", assembly.app_id),
        "p": optional_text("platform", assembly.platform),
    }
    refuse_bad(texts, whole=False)
    if not isinstance(assembly.subject, Subject | None):
        said = type(assembly.subject).__name__
        raise InvalidValueError("subject", f"must be a Subject, not {said}")


def _documents(contexts: Any) -> list[dict[str, Any]]:
    if isinstance(contexts, SelfDescribingJson | str | bytes | Mapping):
        raise InvalidValueError("contexts", "must be a list of SelfDescribingJson")
    try:
        listed = list(contexts)
    except TypeError as error:
        raise InvalidValueError("contexts", "must be a list of SelfDescribingJson") from error
    return [_sdj(f"contexts[{n}]", each).document for n, each in enumerate(listed)]


def _sdj(field: str, value: Any) -> SelfDescribingJson:
    if not isinstance(value, SelfDescribingJson):
        said = "is missing; it must" if value is None else "must"
        kind = "" if value is None else f", not {type(value).__name__}"
        raise InvalidValueError(field, f"{said} be a SelfDescribingJson{kind}")
    return value
