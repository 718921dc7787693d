"""What an answer, or its absence, means for the events of a request: a closed set of four.

| answer | verdict | what becomes of the events |
|---|---|---|
| 2xx | Delivered | they leave the queue |
| 400, 413, 422 | Rejected | the request is halved until the culprit is alone; that one is buried |
| 3xx, other 4xx | Misconfigured | all are kept; said loudly, tried again slowly |
| 408, 425, 429, 5xx, no answer | Unavailable | all are kept; tried again after a pause |

A redirect is never followed: a client that turns a POST into a GET on the way would see 200 and
lose the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_REJECTED = {400, 413, 422}
_UNAVAILABLE = {408, 425, 429}
_WORDS = 500


@dataclass(frozen=True, slots=True)
class Delivered:
    """The collector has the events."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The collector will not have this request, now or later; `words` are its own."""

    status: int
    words: str

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.words}" if self.words else f"HTTP {self.status}"


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """Something is set up wrong, here or there; `why` says what to look at."""

    why: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The collector can't be reached or is overloaded; `retry_after` is its wish in seconds."""

    why: str
    retry_after: float | None = None


Verdict = Delivered | Rejected | Misconfigured | Unavailable


def verdict_of(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Verdict:
    """Judge an answer that came at *now* (seconds since 1970); *headers* ignores case."""
    words = " ".join(body[:_WORDS].decode("utf-8", "replace").split())
    if 200 <= status < 300:
        return Delivered()
    if status in _REJECTED:
        return Rejected(status, words)
    if status in _UNAVAILABLE or status >= 500 or status < 200:
        why = f"the collector answers {status}" + (f": {words}" if words else "")
        return Unavailable(why, retry_after(headers.get("retry-after"), now))
    return Misconfigured(_advice(status, headers, words))


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (a number or an HTTP date)."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _advice(status: int, headers: Mapping[str, str], words: str) -> str:
    if 300 <= status < 400:
        to = headers.get("location", "nowhere")
        return f"the collector answers {status}, a redirect to {to}: put the final address in url"
    advice = {
        401: "it wants credentials: see collector.headers",
        403: "it forbids this: see collector.headers and its own rules",
        404: "no collector at that path: see collector.url",
    }.get(status, "see collector.url and what stands between")
    return f"the collector answers {status}; {advice}" + (f" (it says: {words})" if words else "")
