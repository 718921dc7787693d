"""TLS as it is configured: whom to trust, what to show, and both anew when they change.

Rule 1: nothing is sent unverified because a file is missing or broken: then there is no context.
Rule 2: files are looked at once a second at most. One that changed is read; one that can't be used
        just now, as in the middle of an exchange, leaves what was read before in force.
Rule 3: a key behind a password is refused, never asked for on a terminal.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from urllib3.util.ssl_ import create_urllib3_context

_LOOK_EVERY = 1.0
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to secure connections. `ca`: a file or directory of certificates to trust, in place of
    the built-in ones; `certificate` and `key` (in the same file, if None): what to show.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    verify: bool = True
    min_version: str = "1.2"


class Contexts:
    """The context of today; `bundle` is trusted where *tls* names no `ca`."""

    def __init__(
        self, tls: Tls, bundle: Path, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._tls = tls
        self._trusted = tls.ca or bundle
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._seen: list[object] = []
        self._looked_at = float("-inf")

    def get(self) -> ssl.SSLContext:
        """Return the context; another one if a file has changed. Raises OSError if there is none"""
        with self._lock:
            now = self._monotonic()
            if self._context is None or now - self._looked_at >= _LOOK_EVERY:
                self._looked_at = now
                self._context = self._looked(self._context)
            return self._context

    def _looked(self, context: ssl.SSLContext | None) -> ssl.SSLContext:
        seen = [_stamp(path) for path in (self._trusted, self._tls.certificate, self._tls.key)]
        if context is not None and seen == self._seen:
            return context
        try:
            fresh = self._made()
        except OSError:
            if context is None:
                raise
            return context
        self._seen = seen
        return fresh

    def _made(self) -> ssl.SSLContext:
        tls = self._tls
        context = create_urllib3_context(ssl_minimum_version=_VERSIONS[tls.min_version])
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            _load(self._trusted, lambda: _trust(context, self._trusted))
        if tls.certificate is not None:
            certificate, key = tls.certificate, tls.key
            _load(key or certificate, lambda: context.load_cert_chain(certificate, key, str))
        return context


def _trust(context: ssl.SSLContext, path: Path) -> None:
    if path.is_dir():
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)


def _load(path: Path, load: Callable[[], None]) -> None:
    """Call *load*; name *path* in its error, which OpenSSL does not."""
    try:
        load()
    except OSError as error:
        what = error.strerror if not isinstance(error, ssl.SSLError) else error.reason
        raise OSError(
            f"can't use {path}: {what or 'it is no PEM file, or needs a password'}"
        ) from None


def _stamp(path: Path | None) -> object:
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    return status and (status.st_mtime_ns, status.st_size, status.st_ino)
