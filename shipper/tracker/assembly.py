"""From what a caller says of an event to the bytes that are stored, all checks passed.

Rule 1: an event has `eid` and `dtm`, from the caller or made here; `ttm` only from the caller.
Rule 2: the subject of the event goes over the tracker's, pair by pair.
Rule 3: what the event itself says goes over everything.
Rule 4: the bytes are compact JSON with sorted keys, without a line end: they are stored as they
        are, and every attempt at sending repeats them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypedDict
from uuid import UUID

from shipper import __version__
from shipper.protocol.iglu import CONTEXTS, UNSTRUCT_EVENT
from shipper.tracker.checks import (
    InvalidValueError,
    milliseconds,
    optional_text,
    refuse_bad,
    text,
    uuid_text,
)
from shipper.tracker.payload import Payload
from shipper.tracker.self_describing import SelfDescribingJson, compact
from shipper.tracker.subject import Subject

TRACKER_VERSION: Final = f"shipper-{__version__}"
_ID_BITS: Final = ~(0xF000 << 64 | 0xC000 << 48)
_ID_MARK: Final = 0x4000 << 64 | 0x8000 << 48


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


_ARGUMENTS: Final = Common.__annotations__.keys()


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
        if unknown := common.keys() - _ARGUMENTS:
            raise TypeError(f"no event has the argument {sorted(unknown)[0]!r}")
        said = Payload()
        said.add("eid", uuid_text("event_id", common.get("event_id")))
        said.add("dtm", milliseconds("timestamp", common.get("timestamp")))
        said.add("ttm", milliseconds("true_timestamp", common.get("true_timestamp")))
        self._describe(said, described, common.get("contexts"))
        said.add_all(own)
        pairs = said.pairs
        refuse_bad(pairs)  # the rest was checked when it was set
        pairs = {**self._shared(common.get("subject")), **pairs}
        event_id = pairs.setdefault("eid", new_id())
        pairs.setdefault("dtm", str(time.time_ns() // 1_000_000))
        return Event(event_id, compact(pairs))

    def _shared(self, subject: Subject | None) -> dict[str, str]:
        if subject is not None and not isinstance(subject, Subject):
            raise InvalidValueError("subject", f"must be a Subject, not {type(subject).__name__}")
        pairs = {"tv": TRACKER_VERSION, "p": self.platform}
        if self.subject is not None:
            pairs.update(self.subject.pairs)
        if subject is not None:
            pairs.update(subject.pairs)
        if self.namespace:
            pairs["tna"] = self.namespace
        if self.app_id:
            pairs["aid"] = self.app_id
        return pairs

    def _describe(
        self, payload: Payload, described: SelfDescribingJson | None, contexts: Any
    ) -> None:
        if described is not None:
            event = {"schema": UNSTRUCT_EVENT, "data": _sdj("event", described).document}
            payload.add_json(event, base64=self.base64, keys=("ue_px", "ue_pr"))
        if contexts is not None and (documents := _documents(contexts)):
            wrapped = {"schema": CONTEXTS, "data": documents}
            payload.add_json(wrapped, base64=self.base64, keys=("cx", "co"))


def new_id() -> str:
    """Return a random UUID of version 4, as `uuid4` does in twice the time."""
    digits = f"{int.from_bytes(os.urandom(16)) & _ID_BITS | _ID_MARK:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def shared(assembly: Assembly) -> None:
    """Check what the events of a tracker share. Raises InvalidValueError."""
    texts = {
        "tna": optional_text("namespace", assembly.namespace),
        "aid": optional_text("app_id", assembly.app_id),
        "p": text("platform", assembly.platform),
    }
    refuse_bad(texts)
    if not isinstance(assembly.base64, bool):
        raise InvalidValueError("base64", f"is {assembly.base64!r:.60}; it must be True or False")
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
