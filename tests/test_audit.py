"""`make audit`, the real pip-audit, against a vulnerability service on this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        importlib.util.find_spec("pip_audit") is None, reason="needs pip-audit: make audit"
    ),
]


class Service(ThreadingHTTPServer):
    """Speaks OSV's query; `weak` are the packages of which a version is known to be weak."""

    def __init__(self, **weak: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.weak, self.asked = weak, set[str]()
        self.url = f"http://127.0.0.1:{self.server_port}/v1/query"

    def answer(self, query: Any) -> dict[str, Any]:
        package, version = query["package"], query["version"]
        self.asked.add(package["name"])
        if self.weak.get(package["name"]) != version:
            return {}
        affected = {"package": package, "versions": [version]}
        weakness = {"id": "GHSA-xxxx-xxxx-xxxx", "summary": "invented", "affected": [affected]}
        return {"vulns": [weakness | {"modified": "2026-01-01T00:00:00Z", "details": "invented"}]}


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        query = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = orjson.dumps(self.server.answer(query))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(jinja2="2.4.1") as it:
        Thread(target=it.serve_forever, daemon=True).start()
        yield it
        it.shutdown()


def _audit(url: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "OSV_URL": url, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [ROOT / ".ci" / "audit"], env=environ, capture_output=True, text=True, check=False
    )


def test_every_locked_package_is_asked_about(service: Service) -> None:
    """Where a service answers, it is asked about all of them, and none is weak."""
    done = _audit(service.url)

    assert (done.returncode, "NOT AUDITED" in done.stdout) == (0, False), done.stderr
    assert "asking osv about requirements/*.lock" in done.stdout
    assert set(_locked()) <= service.asked


def test_a_weakness_is_told(service: Service) -> None:
    """A locked package with a known weakness fails the audit by its name."""
    service.weak["orjson"] = _locked()["orjson"]

    done = _audit(service.url)

    assert done.returncode == 1
    assert "orjson" in done.stdout
    assert "GHSA-xxxx-xxxx-xxxx" in done.stdout


def test_silence_is_no_clean_bill(service: Service) -> None:
    """A service that knows of nothing at all is not believed, and that is said."""
    service.weak.clear()

    done = _audit(service.url)

    assert (done.returncode, done.stdout.startswith("NOT AUDITED")) == (0, True)


def _locked() -> dict[str, str]:
    """Names and versions of all that is locked for this machine's Python and system, and more."""
    texts = [lock.read_text(encoding="utf-8") for lock in (ROOT / "requirements").glob("*.lock")]
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", "\n".join(texts), flags=re.MULTILINE))
