"""The HTTP client: carries one request to the collector and brings back a verdict.

Rule 1: connections are kept alive, one pool a thread; no redirect is followed, no cookie kept.
Rule 2: exceptions of the HTTP library end here.
Rule 3: of an answer, no more than 64 KiB of body is read, whatever the other side sends.
Rule 4: a request ends: connecting takes `connect_timeout` at most (for each address of the host),
        sending and the whole answer `read_timeout` each.
Rule 5: the status decides. Once it has come, a body that is late, broken or endless changes
        nothing, least of all a 2xx into another try.

Requests finds proxy, certificates and pool for the address. A request is then put to the pool
itself: sessions, cookie jars and hooks, which nothing here needs, would double its cost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError

from shipper.collector.transport import (
    PatientHTTPConnection,
    PatientHTTPSConnection,
    StaleError,
)
from shipper.collector.verdict import Unavailable, Verdict, clean, verdict_of
from shipper.errors import CollectorError

POST_PATH = "/com.snowplowanalytics.snowplow/tp2"
GET_PATH = "/i"
_ANSWER_BYTES = 64 * 1024
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_HEADERS = {"User-Agent": "snowplow-logfile-source", "Accept-Encoding": "identity"}


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


class _Line(NamedTuple):
    """A thread's own way to the collector: its pool, and the targets as the pool wants them."""

    pool: HTTPConnectionPool
    post: str
    get: str


class HttpCollector:
    """A collector over HTTP or HTTPS. Any thread may use it; each has its own connections."""

    def __init__(self, address: Address) -> None:
        """Look up proxies and certificates; connect to nothing yet. Raises CollectorError."""
        self._url = _normal(address.url)
        parts = urlsplit(self._url)
        self._host = parts.netloc.rpartition("@")[2]
        self._get_path = parts.path + GET_PATH
        headers = CaseInsensitiveDict(_HEADERS)
        headers.update(address.headers)
        self._headers = dict(headers)
        self._timeout = Timeout(connect=address.connect_timeout, read=address.read_timeout)
        self._patience = address.read_timeout
        # Proxies and CA bundles from the environment are looked up once, not at each request.
        with requests.Session() as session:
            settings = session.merge_environment_settings(self._url, {}, True, None, None)
        self._verify, self._proxies = settings["verify"], dict(settings["proxies"])
        self._local = threading.local()
        self._adapters: list[HTTPAdapter] = []

    def post(self, body: bytes) -> Verdict:
        """Send *body* as tracker-protocol JSON."""
        return self._send("POST", "", self._headers | _JSON, body)

    def get(self, query: str) -> Verdict:
        """Send one event as a query string."""
        return self._send("GET", f"?{query}", self._headers, None)

    def request_line(self, query: str) -> int:
        """Return the bytes that a GET with *query* takes up in the collector's request line."""
        return len(f"GET {self._get_path}?{query} HTTP/1.1\r\n")

    def close(self) -> None:
        """Drop all connections."""
        for adapter in self._adapters:
            adapter.close()

    def _send(
        self, method: str, query: str, headers: dict[str, str], body: bytes | None
    ) -> Verdict:
        try:
            line = self._line()
            target = (line.post if method == "POST" else line.get) + query
            try:
                answer = self._exchange(line.pool, method, target, headers, body)
            except HTTPError as error:
                if not any(isinstance(cause, StaleError) for cause in _causes(error)):
                    raise
                # The collector closed an idle connection as this request set out on it: no
                # outage. A POST may be repeated here, for its events carry their ids.
                answer = self._exchange(line.pool, method, target, headers, body)
            with answer:
                said = _read(answer)
                return verdict_of(answer.status, answer.headers, said, time.time())
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            why, words = _reason(error)
            return Unavailable(f"{self._host}: {why}", words=words)

    def _exchange(
        self,
        pool: HTTPConnectionPool,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
    ) -> BaseHTTPResponse:
        return pool.urlopen(
            method,
            target,
            body=body,
            headers=headers,
            timeout=self._timeout,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )

    def _line(self) -> _Line:
        """Return this thread's line. Raises RequestException if a proxy's address is no good."""
        if not hasattr(self._local, "line"):
            adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1)
            self._adapters.append(adapter)
            self._local.line = self._open(adapter)
        line: _Line = self._local.line
        return line

    def _open(self, adapter: HTTPAdapter) -> _Line:
        post, get = (
            requests.Request("POST", self._url + path).prepare() for path in (POST_PATH, GET_PATH)
        )
        pool = cast(
            HTTPConnectionPool,
            adapter.get_connection_with_tls_context(post, self._verify, proxies=self._proxies),
        )
        adapter.cert_verify(pool, self._url, self._verify, None)  # type: ignore[no-untyped-call]
        tls = pool.scheme == "https"
        pool.ConnectionCls = PatientHTTPSConnection if tls else PatientHTTPConnection
        pool.conn_kw["patience"] = self._patience
        targets = (adapter.request_url(request, self._proxies) for request in (post, get))
        return _Line(pool, *targets)


def _normal(url: str) -> str:
    """Return *url* as it goes over the wire, without a slash at its end."""
    try:
        normal = requests.Request("GET", url).prepare().url or ""
    except requests.exceptions.RequestException as error:
        what = f"the collector's address can't be used: {clean(str(error))}"
        raise CollectorError(what, "see collector.url") from error
    return normal.rstrip("/")


def _read(answer: BaseHTTPResponse) -> bytes:
    try:
        return answer.read(_ANSWER_BYTES, decode_content=False)
    except (HTTPError, OSError):
        return b""  # rule 5


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go from *error* to its innermost cause."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _reason(error: BaseException) -> tuple[str, str]:
    """Say in a few words why there was no answer, and what varies: the innermost cause knows."""
    causes = list(_causes(error))
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return "no such host is known", ""
    if type(error) is ConnectTimeoutError:
        return "no connection in time", ""
    innermost = causes[-1]
    if isinstance(innermost, TimeoutError):
        return "no answer in time", ""
    strerror = getattr(innermost, "strerror", None)
    told = clean(str(strerror or innermost)) or type(innermost).__name__
    if isinstance(innermost, ConnectionError) and not isinstance(innermost, ConnectionRefusedError):
        # Reset, aborted, broken pipe: which one depends on the moment, and is no news by itself.
        return "the connection broke", told
    return told, ""
