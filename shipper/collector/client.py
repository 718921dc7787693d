"""The HTTP client: carries one request to the collector and brings back a verdict.

Rule 1: connections are kept alive, one pool a thread; no redirect is followed, no cookie kept.
Rule 2: exceptions of the HTTP library end here.
Rule 3: of an answer, no more than 64 KiB is read, whatever the other side sends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, ReadTimeoutError

from shipper.collector.verdict import Unavailable, Verdict, verdict_of

POST_PATH = "/com.snowplowanalytics.snowplow/tp2"
GET_PATH = "/i"
_ANSWER_BYTES = 64 * 1024


class Collector(Protocol):
    """Where events go."""

    def post(self, body: bytes) -> Verdict:
        """Send a POST body."""

    def get(self, query: str) -> Verdict:
        """Send a GET query."""

    def request_line(self, query: str) -> int:
        """Return the bytes that a GET with *query* takes up in the request line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Which collector, and how to talk to it. `headers` may hold secrets: never print them."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = 5.0
    read_timeout: float = 30.0


class HttpCollector:
    """A collector over HTTP or HTTPS. Any thread may use it; each has its own connections."""

    def __init__(self, address: Address) -> None:
        base = address.url.rstrip("/")
        self._host = urlsplit(base).netloc
        self._post_url, self._get_url = base + POST_PATH, base + GET_PATH
        self._headers = {
            "User-Agent": "snowplow-logfile-source",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "keep-alive",
            **address.headers,
        }
        self._timeout = (address.connect_timeout, address.read_timeout)
        # Proxies and CA bundles from the environment are looked up once, not at each request.
        with requests.Session() as session:
            settings = session.merge_environment_settings(base, {}, True, None, None)
        self._verify, self._proxies = settings["verify"] or False, settings["proxies"]
        self._local = threading.local()
        self._adapters: list[HTTPAdapter] = []

    def post(self, body: bytes) -> Verdict:
        """Send *body* as tracker-protocol JSON."""
        headers = {**self._headers, "Content-Type": "application/json; charset=utf-8"}
        return self._send(_prepared("POST", self._post_url, headers, body))

    def get(self, query: str) -> Verdict:
        """Send one event as a query string."""
        return self._send(_prepared("GET", f"{self._get_url}?{query}", self._headers, None))

    def request_line(self, query: str) -> int:
        """Return the bytes that a GET with *query* takes up in the collector's request line."""
        path = "/" + self._get_url.split("/", 3)[3]
        return len(f"GET {path}?{query} HTTP/1.1\r\n")

    def close(self) -> None:
        """Drop all connections."""
        for adapter in self._adapters:
            adapter.close()

    def _send(self, request: requests.PreparedRequest) -> Verdict:
        try:
            answer = self._adapter().send(
                request,
                stream=True,
                timeout=self._timeout,
                verify=self._verify,
                proxies=self._proxies,
            )
            with answer:
                body = answer.raw.read(_ANSWER_BYTES, decode_content=False)
                return verdict_of(answer.status_code, answer.headers, body, time.time())
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            return Unavailable(f"{self._host}: {_reason(error)}")

    def _adapter(self) -> HTTPAdapter:
        if not hasattr(self._local, "adapter"):
            self._local.adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1)
            self._adapters.append(self._local.adapter)
        adapter: HTTPAdapter = self._local.adapter
        return adapter


def _prepared(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> requests.PreparedRequest:
    # Request.prepare() would parse and quote the same URL for each request.
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, url, body
    request.headers = CaseInsensitiveDict(headers)
    if body is not None:
        request.headers["Content-Length"] = str(len(body))
    request.hooks = requests.hooks.default_hooks()
    return request


def _reason(error: BaseException) -> str:
    """Say in a few words why there was no answer: the innermost cause knows best."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.ReadTimeout | ReadTimeoutError):
        return "no answer in time"
    innermost = error
    while (cause := innermost.__cause__ or innermost.__context__) is not None:
        innermost = cause
    strerror = getattr(innermost, "strerror", None)
    return str(strerror or innermost) or type(innermost).__name__
