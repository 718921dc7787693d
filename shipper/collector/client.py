"""The HTTP client: carries one request to the collector and brings back a verdict.

Rule 1: connections are kept alive, one pool a thread; no redirect is followed, no cookie kept.
Rule 2: exceptions of the HTTP library end here.
Rule 3: of an answer, no more than 64 KiB of body is read, whatever the other side sends.
Rule 4: a request ends: connecting takes `connect_timeout` at most (for each address of the host),
        sending and the whole answer `read_timeout` each.
Rule 5: the status decides. Once it has come, a body that is late, broken or endless changes
        nothing, least of all a 2xx into another try.

Rule 6: a certificate that has changed on disk is shown from the next request on, by a connection
        of its own (`tls`).

Requests finds proxy and certificates in the environment. A request is then put to urllib3's pool
itself: sessions, cookie jars and hooks, which nothing here needs, would double its cost.
"""

from __future__ import annotations

import gzip
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_auth_from_url, select_proxy
from urllib3 import (
    BaseHTTPResponse,
    HTTPConnectionPool,
    PoolManager,
    ProxyManager,
    Timeout,
    disable_warnings,
)
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InsecureRequestWarning,
    NameResolutionError,
)
from urllib3.util import make_headers

from shipper.collector.tls import Contexts, Tls
from shipper.collector.transport import (
    PatientHTTPConnection,
    PatientHTTPSConnection,
    StaleError,
)
from shipper.collector.verdict import Unavailable, Verdict, clean, verdict_of
from shipper.errors import CollectorError

POST_PATH = "/com.snowplowanalytics.snowplow/tp2"
GET_PATH = "/i"
HEALTH_PATH = "/health"
_ANSWER_BYTES = 64 * 1024
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_GZIP = {"Content-Encoding": "gzip"}
# By OpenSSL's numbers: not valid yet, no longer, of another host, of another address.
_DISTRUST = {
    9: "see the clock of this machine",
    10: "the collector needs a new one, or the clock of this machine is wrong",
    62: "put the name that it is for into collector.url",
    64: "put the name that it is for into collector.url",
}
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
    """Which collector, and how to talk to it; seconds.

    `headers` and `proxy` may hold secrets: never print them. `proxy` None: that of the environment,
    empty: none. `path` is that of POST requests.
    """

    url: str
    path: str = POST_PATH
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str | None = field(default=None, repr=False)
    tls: Tls = field(default_factory=Tls)
    gzip: bool = False
    connect_timeout: float = 5.0
    read_timeout: float = 30.0


class Answer(NamedTuple):
    """What came back: the status, the headers, whose names ignore case, and a part of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Line(NamedTuple):
    """A thread's own way to the collector; what stands before a path in the request line."""

    context: ssl.SSLContext | None
    manager: PoolManager
    pool: HTTPConnectionPool
    before: str


class HttpCollector:
    """A collector over HTTP or HTTPS. Any thread may use it; each has its own connections."""

    def __init__(self, address: Address, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Look up proxies and certificates; connect to nothing yet. Raises CollectorError."""
        self._url = normal_url(address.url)
        parts = urlsplit(self._url)
        self.host = parts.netloc.rpartition("@")[2]
        self._prefix = parts.path
        self._path = address.path
        headers = CaseInsensitiveDict(_HEADERS)
        headers.update(address.headers)
        self._headers = dict(headers)
        self._post_headers = self._headers | _JSON | (_GZIP if address.gzip else {})
        self._gzip = address.gzip
        self._timeout = Timeout(connect=address.connect_timeout, read=address.read_timeout)
        self._patience = address.read_timeout
        # Proxies and CA bundles from the environment are looked up once, not at each request.
        with requests.Session() as session:
            settings = session.merge_environment_settings(self._url, {}, True, None, None)
        self._proxy = address.proxy
        if address.proxy is None:
            self._proxy = select_proxy(self._url, settings["proxies"])
        bundle = (
            settings["verify"] if isinstance(settings["verify"], str) else DEFAULT_CA_BUNDLE_PATH
        )
        contexts = Contexts(address.tls, Path(bundle), monotonic)
        self._contexts = contexts if parts.scheme == "https" else None
        if not address.tls.verify:
            disable_warnings(InsecureRequestWarning)  # it is told once, at the start
        self._local = threading.local()
        self._managers: list[PoolManager] = []

    def post(self, body: bytes) -> Verdict:
        """Send *body* as tracker-protocol JSON."""
        if self._gzip:
            body = gzip.compress(body, 6, mtime=0)
        return self.judged(self._ask("POST", self._path, self._post_headers, body))

    def get(self, query: str) -> Verdict:
        """Send one event as a query string."""
        return self.judged(self._ask("GET", f"{GET_PATH}?{query}", self._headers, None))

    def health(self) -> Answer | Unavailable:
        """Ask how the collector is; no event is sent."""
        return self._ask("GET", HEALTH_PATH, self._headers, None)

    def request_line(self, query: str) -> int:
        """Return the bytes that a GET with *query* takes up in the collector's request line."""
        return len(f"GET {self._prefix}{GET_PATH}?{query} HTTP/1.1\r\n")

    def close(self) -> None:
        """Drop all connections."""
        for manager in self._managers:
            manager.clear()

    def judged(self, answer: Answer | Unavailable) -> Verdict:
        """Return what *answer* means for the events of the request that it answers."""
        if isinstance(answer, Unavailable):
            return answer
        return verdict_of(answer.status, answer.headers, answer.body, time.time())

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> Answer | Unavailable:
        try:
            line = self._line()
            target = line.before + path
            try:
                answer = self._exchange(line.pool, method, target, headers, body)
            except HTTPError as error:
                if not any(isinstance(cause, StaleError) for cause in _causes(error)):
                    raise
                # The collector closed an idle connection as this request set out on it: no
                # outage. A POST may be repeated here, for its events carry their ids.
                answer = self._exchange(line.pool, method, target, headers, body)
            with answer:
                return Answer(answer.status, answer.headers, _read(answer))
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            why, words, blames = _reason(error)
            return Unavailable(f"{self._way()}: {why}", words=words, blames=blames)

    def _way(self) -> str:
        proxy = urlsplit(self._proxy or "").netloc.rpartition("@")[2]
        return f"{self.host} by the proxy {proxy}" if proxy else self.host

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
        """Return this thread's line. Raises OSError; HTTPError if a proxy's address is no good."""
        context = self._contexts.get() if self._contexts else None
        line: _Line | None = getattr(self._local, "line", None)
        if line is None or line.context is not context:
            if line is not None:
                line.manager.clear()
                self._managers.remove(line.manager)
            self._local.line = None
            self._local.line = line = self._open(context)
        return line

    def _open(self, context: ssl.SSLContext | None) -> _Line:
        manager = _manager(self._proxy or "", context)
        pool = manager.connection_from_url(self._url)
        pool.ConnectionCls = PatientHTTPSConnection if context else PatientHTTPConnection
        if pool.scheme == "https" and not context:  # a plain address through a proxy with TLS
            pool.ConnectionCls = PatientHTTPSConnection
        pool.conn_kw["patience"] = self._patience
        self._managers.append(manager)
        # A proxy is told the whole address, unless what goes through it is a tunnel.
        whole = self._proxy and not context
        return _Line(context, manager, pool, self._url if whole else self._prefix)


def _manager(proxy: str, context: ssl.SSLContext | None) -> PoolManager:
    if not proxy:
        return PoolManager(num_pools=1, maxsize=1, ssl_context=context)
    user, password = get_auth_from_url(proxy)
    headers = make_headers(proxy_basic_auth=f"{user}:{password}") if user else None
    return ProxyManager(
        proxy,
        num_pools=1,
        maxsize=1,
        proxy_headers=headers,
        proxy_ssl_context=context,
        ssl_context=context,
    )


def normal_url(url: str) -> str:
    """Return *url* as it goes over the wire, without a slash at its end. Raises CollectorError."""
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
        context = None if cause.__suppress_context__ else cause.__context__
        cause = cause.__cause__ or context


def _reason(error: BaseException) -> tuple[str, str, bool]:
    """Say in a few words why there was no answer, and what varies: the innermost cause knows.

    The third: whether the request may have been sent, and may be the cause.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return "no such host is known", "", False
    if isinstance(causes[-1], ssl.SSLCertVerificationError):
        return _distrust(causes[-1]), "", False
    if type(error) is ConnectTimeoutError:
        return "no connection in time", "", False
    innermost = causes[-1]
    if isinstance(innermost, TimeoutError):
        return "no answer in time", "", True
    strerror = getattr(innermost, "strerror", None)
    told = clean(str(strerror or innermost)) or type(innermost).__name__
    if isinstance(innermost, ConnectionError) and not isinstance(innermost, ConnectionRefusedError):
        # Reset, aborted, broken pipe: which one depends on the moment, and is no news by itself.
        return "the connection broke", told, True
    if isinstance(innermost, ConnectionRefusedError):
        told += ", nothing listens there"
    return told, "", False


def _distrust(error: ssl.SSLCertVerificationError) -> str:
    """Say what is wrong with a certificate, and whose task it is to mend it."""
    remedy = _DISTRUST.get(error.verify_code, "name who vouches for it in collector.tls.ca")
    return f"certificate verify failed: {clean(error.verify_message).rstrip('.')}: {remedy}"
