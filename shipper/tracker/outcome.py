"""What became of each request, for those who want to be called; and the clients that tell it.

Rule 1: one outcome a request, also for one that is sent again.
Rule 2: what the caller's function raises is logged, and stops nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson
import requests

from shipper.collector.client import GET_PATH, Address, Answer, HttpCollector
from shipper.collector.verdict import Delivered, Unavailable, Verdict, verdict_of

LOG: Final = logging.getLogger("shipper.tracker")
_STAMPED: Final = b'{"stm":"'


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request: how many events, the answer's status (0: none came), whether they arrived.

    `why` says why not. `body` is what was sent: JSON of a POST, or the query string of a GET.
    """

    count: int
    status: int
    delivered: bool
    why: str = ""
    body: bytes = field(default=b"", repr=False)

    def payloads(self) -> list[dict[str, Any]]:
        """Return the events of the request."""
        if self.body.startswith(b"{"):
            events: list[dict[str, Any]] = orjson.loads(self.body)["data"]
            return events
        return [dict(parse_qsl(self.body.decode(), keep_blank_values=True))]


Callback = Callable[[Outcome], None]


class _Told:
    """Calls the caller's function."""

    def __init__(self, callback: Callback | None) -> None:
        self._callback = callback

    def tell(self, body: bytes, status: int, verdict: Verdict) -> Verdict:
        if self._callback is not None:
            # Quotes inside of a text are escaped, so this stands at the head of an event only.
            count = body.count(_STAMPED) or 1
            why = "" if isinstance(verdict, Delivered) else _why(verdict)
            try:
                self._callback(Outcome(count, status, not why, why, body))
            except Exception:  # rule 2
                LOG.exception("the callback of the emitter failed")
        return verdict


def _why(verdict: Verdict) -> str:
    words = getattr(verdict, "words", "")
    return ": ".join(filter(None, (getattr(verdict, "why", ""), words))) or str(verdict)


class ObservedCollector(HttpCollector):
    """The usual client, which tells of each request."""

    def __init__(self, address: Address, callback: Callback | None) -> None:
        super().__init__(address)
        self._told = _Told(callback)
        self._seen = threading.local()

    def post(self, body: bytes) -> Verdict:
        """Send *body*, and tell what became of it."""
        verdict = super().post(body)
        return self._told.tell(body, self._seen.status, verdict)

    def get(self, query: str) -> Verdict:
        """Send one event, and tell what became of it."""
        verdict = super().get(query)
        return self._told.tell(query.encode(), self._seen.status, verdict)

    def judged(self, answer: Answer | Unavailable) -> Verdict:
        """Remember the status."""
        self._seen.status = 0 if isinstance(answer, Unavailable) else answer.status
        return super().judged(answer)


class SessionCollector:
    """Sends through a session of the caller's own: its adapters, proxies, authentication.

    Its redirects are not followed, as a POST would lose its body on the way.
    """

    def __init__(
        self, address: Address, session: requests.Session, callback: Callback | None
    ) -> None:
        self._url = address.url.rstrip("/")
        self._post_url = self._url + address.path
        self._prefix = urlsplit(self._url).path
        self._headers = dict(address.headers)
        self._timeout = (address.connect_timeout, address.read_timeout)
        self._session = session
        self._told = _Told(callback)
        self._lock = threading.Lock()

    def post(self, body: bytes) -> Verdict:
        """Send *body*, and tell what became of it."""
        headers = {**self._headers, "Content-Type": "application/json; charset=utf-8"}
        return self._ask("POST", self._post_url, headers, body, body)

    def get(self, query: str) -> Verdict:
        """Send one event, and tell what became of it."""
        url = f"{self._url}{GET_PATH}?{query}"
        return self._ask("GET", url, self._headers, None, query.encode())

    def request_line(self, query: str) -> int:
        """Return the bytes that a GET with *query* takes up in the request line."""
        return len(f"GET {self._prefix}{GET_PATH}?{query} HTTP/1.1\r\n")

    def close(self) -> None:
        """Leave the session to its owner."""

    def _ask(
        self, method: str, url: str, headers: dict[str, str], data: bytes | None, body: bytes
    ) -> Verdict:
        verdict: Verdict
        try:
            with self._lock:  # a session is one caller's at a time
                answer = self._session.request(
                    method,
                    url,
                    data=data,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                )
            status = answer.status_code
            verdict = verdict_of(status, answer.headers, answer.content, time.time())
        except (requests.RequestException, OSError) as error:
            status, verdict = 0, Unavailable(f"{type(error).__name__}", words=str(error)[:500])
        return self._told.tell(body, status, verdict)
