"""What an answer, or its absence, means for the events of a request: a closed set of four.

| answer | verdict | what becomes of the events |
|---|---|---|
| 2xx | Delivered | they leave the queue |
| 400, 413, 422 | Rejected | the request is halved until the culprit is alone; that one is buried |
| 3xx, other 4xx | Misconfigured | all are kept; said loudly, tried again slowly |
| 408, 425, 429, 5xx, anything else, no answer | Unavailable | all are kept; tried again later |

Rule 1: a redirect is never followed: a client that turns a POST into a GET on the way would see
        200 and lose the body.
Rule 2: the other side's words end up in logs and on terminals, so they are cut to 500 characters
        of one printable line. They may differ from answer to answer; `why` does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

_REJECTED = {400, 413, 422}
_UNAVAILABLE = {408, 425, 429}
_WORDS = 500
# A character of UTF-8 has at most four bytes.
_WORD_BYTES = 4 * _WORDS


@dataclass(frozen=True, slots=True)
class Delivered:
    """The collector has the events."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The collector will not have this request, now or later; `words` are its own.

    `status` 0: the request was never sent, for it is over our own limit, as `words` say.
    """

    status: int
    words: str

    @property
    def reason(self) -> str:
        """The reason of a dead letter."""
        return "rejected" if self.status else "too_large"

    def __str__(self) -> str:
        status = f"HTTP {self.status}" if self.status else ""
        return ": ".join(filter(None, (status, self.words)))


@dataclass(frozen=True, slots=True)
class Suspected:
    """An event that alone failed so many `tries` in `seconds` while others passed."""

    tries: int
    seconds: float
    last: str

    reason = "suspect"

    def __str__(self) -> str:
        return f"failed {self.tries} times in {self.seconds:.0f} s while others passed: {self.last}"


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """Something is set up wrong, here or there; `why` says what to look at."""

    why: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The collector can't be reached or is overloaded; `retry_after` is its wish in seconds.

    `blames`: the request had been sent and may itself be the cause, as a server that crashes
    over an event shows it.
    """

    why: str
    retry_after: float | None = None
    words: str = ""
    blames: bool = False

    def __str__(self) -> str:
        return f"{self.why}: {self.words}" if self.words else self.why


Verdict = Delivered | Rejected | Misconfigured | Unavailable
Fate = Delivered | Rejected | Suspected


def verdict_of(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Verdict:
    """Judge an answer that came at *now* (seconds since 1970); *headers* ignores case."""
    if 200 <= status < 300:
        return Delivered()
    words = clean(body[:_WORD_BYTES].decode("utf-8", "replace"))
    if status in _REJECTED:
        return Rejected(status, words)
    if 300 <= status < 500 and status not in _UNAVAILABLE:
        return Misconfigured(_advice(status, headers), words)
    wish = retry_after(headers.get("retry-after"), now)
    # Whoever says when to come again speaks of itself, and so does who says "too many".
    blames = wish is None and (status == 408 or status >= 500)
    return Unavailable(f"the collector answers {status}", wish, words, blames)


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (a number or an HTTP date).

    None if it asks for nothing that can be understood.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    # An HTTP date is UTC whatever zone it forgets to name (RFC 9110, section 5.6.7).
    utc = date if date.tzinfo else date.replace(tzinfo=UTC)
    try:
        return max(0.0, utc.timestamp() - now)
    except (ValueError, OverflowError):
        return None


def clean(text: str) -> str:
    """Return *text* as one printable line of at most 500 characters."""
    words = " ".join(text[: 2 * _WORDS].split())[:_WORDS]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)


def _advice(status: int, headers: Mapping[str, str]) -> str:
    if 300 <= status < 400:
        to = clean(headers.get("location", "nowhere"))
        return f"the collector answers {status}, a redirect to {to}: put the final address in url"
    advice = {
        401: "it wants credentials: see collector.username and collector.headers",
        403: "it forbids this: see collector.headers and its own rules",
        404: "no collector at that path: see collector.url",
        407: "the proxy wants credentials: see collector.proxy, or the environment",
    }.get(status, "see collector.url and what stands between")
    return f"the collector answers {status}; {advice}"
