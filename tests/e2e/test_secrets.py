"""What goes wrong on the way to the collector is said with its remedy, and never with a secret."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.collector.test_tls import AUTHORITY, over_tls
from tests.faults import OK, FaultServer, answer, answering, refused_url
from tests.program import running, shipper

pytestmark = pytest.mark.e2e

_PASSWORD, _HEADER, _PROXY, _KEY = (f"{word}-Zk3xQv9y" for word in ("word", "head", "way", "key"))
_PAIR = b64encode(f"me:{_PASSWORD}".encode()).decode()
_PROXY_PAIR = b64encode(f"me:{_PROXY}".encode()).decode()
_SECRETS = (_PASSWORD, _HEADER, _PROXY, _KEY, _PAIR, _PROXY_PAIR)
_ENVIRON = {"PASSWORD": _PASSWORD, "TOKEN": _HEADER, "WAY": _PROXY, "HASH_KEY": _KEY}
_GRAMMAR = """
name: visits
title: who came
schema: iglu:com.example/visits/jsonschema/1-0-0
then: {grammar: nginx_access}
redact: {user: {hash: '${HASH_KEY}', length: 16}}
samples:
  - {line: nonsense, expect: null}
"""
_LINE = '192.0.2.9 - ada [23/Nov/2026:10:00:00 +0000] "GET /1 HTTP/1.1" 200 5 "-" "x"\n'
_CONFIG = """
state: {home}/state
grammars: {{directories: ['{home}/grammars']}}
collector:
  url: {url}
  username: me
  password: ${{PASSWORD}}
  headers: {{X-Token: '${{TOKEN}}'}}
  proxy: {proxy}
  misconfigured_delay: 0.2
  retry: {{first: 0.05, cap: 0.2}}
  tls: {tls}
sources: [{{name: web, paths: ['{home}/visits.log'], grammar: visits}}]
queue: {{min_free: 0}}
"""
_COMMANDS = (
    ("check",),
    ("check", "--show"),
    ("status",),
    ("status", "--json"),
    ("audit",),
    ("queue", "stats"),
    ("queue", "peek"),
    ("dead-letters", "list"),
    ("run", "--help"),
)


class Fault(NamedTuple):
    """What the log has to say of a fault, and what `check` returns then."""

    words: tuple[str, ...]
    check: int = 69
    status: int = 0
    certificate: str = ""
    trusted: bool = True
    url: str = ""
    proxy: str = "direct"


_FAULTS = {
    "wrong path": Fault(("answers 404", "see collector.url"), check=0, status=404),
    "no credentials": Fault(("answers 401", "see collector.username"), status=401),
    "port closed": Fault(("Connection refused", "nothing listens there"), url="closed"),
    "unknown host": Fault(("no such host",), url="http://collector.invalid"),
    "proxy closed": Fault(
        ("by the proxy 127.0.0.1:", "nothing listens there"),
        url="http://collector.example.com",
        proxy="'http://me:${WAY}@127.0.0.1:PORT'",
    ),
    "wrong name": Fault(("not valid for", "the name that it is for"), certificate="other"),
    "expired": Fault(("has expired", "needs a new one"), certificate="expired"),
    "not trusted": Fault(("collector.tls.ca",), certificate="server", trusted=False),
}


@contextmanager
def _place(home: Path, fault: Fault) -> Iterator[Path]:
    """Make a configuration under which *fault* happens."""
    scene = answering(answer(fault.status, b"sorry") if fault.status else OK)
    with FaultServer(over_tls(scene, fault.certificate) if fault.certificate else scene) as server:
        url = fault.url or server.url.replace("http:", "https:" if fault.certificate else "http:")
        closed = refused_url()
        values = {
            "url": closed if url == "closed" else url,
            "proxy": fault.proxy.replace("PORT", closed.rpartition(":")[2]),
            "tls": f"{{ca: '{AUTHORITY}'}}" if fault.certificate and fault.trusted else "{}",
        }
        (home / "grammars").mkdir()
        (home / "grammars/visits.yaml").write_text(_GRAMMAR)
        (home / "visits.log").write_text(_LINE)
        file = home / "shipper.yaml"
        file.write_text(_CONFIG.format(home=home, **values))
        yield file


def _assert_no_secret(text: str) -> None:
    for secret in _SECRETS:
        assert secret not in text, secret


@pytest.mark.parametrize("name", _FAULTS)
def test_a_fault_is_told_with_its_remedy_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The log of a run has the words; no secret is in it, in what is printed, or in the state."""
    fault = _FAULTS[name]
    for variable, value in _ENVIRON.items():
        monkeypatch.setenv(variable, value)
    with _place(tmp_path, fault) as config:
        with running("run", "-c", config) as program:
            told = program.wait_for(" collector.")
            for command in _COMMANDS:
                done = shipper(*command, "-c", config)
                assert done.returncode == (fault.check if command == ("check",) else 0), done
                _assert_no_secret(done.stdout + done.stderr)
            assert program.stop() == 0
        assert all(word in told for word in fault.words), told
        once = shipper("run", "--once", "--give-up", "0.5", "-c", config)
        assert once.returncode == 69, once
    _assert_no_secret("".join(program.log) + once.stdout + once.stderr)
    for file in (tmp_path / "state").iterdir():
        _assert_no_secret(file.read_bytes().decode("latin-1"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("url: http", "url: http://me:${PASSWORD}@http"),
        ("me\n", "['${PASSWORD}']\n"),
        ("password: ${PASSWORD}", "passwort: ${PASSWORD}"),
        ("X-Token: '${TOKEN}'", 'X-Token: "${TOKEN}\\n"'),
        ("proxy: direct", "proxy: 'gopher://me:${WAY}@192.0.2.1'"),
        ("proxy: direct", "proxy: 'http://me:${WAY}@192.0.2.1:port'"),
    ],
)
def test_a_configuration_that_is_wrong_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    """A secret in a wrong place, or in a value that is wrong, is not repeated in the refusal."""
    for variable, value in _ENVIRON.items():
        monkeypatch.setenv(variable, value)
    with _place(tmp_path, _FAULTS["wrong path"]) as config:
        text = config.read_text()
        assert old in text
        config.write_text(text.replace(old, new))
        for command in (("check",), ("run", "--once")):
            done = shipper(*command, "-c", config)
            assert done.returncode == 78, done
            _assert_no_secret(done.stdout + done.stderr)
