"""Tests of a start on a damaged state: salvaged or refused, never a loop, and told."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from shipper.cli.collector import known_schemas
from shipper.config.load import load_config
from shipper.devcollector.server import DevCollector
from shipper.errors import StateDamagedError
from shipper.grammar.library import Library
from shipper.service.check import check
from shipper.service.damage import noting_damage, see_to_damage
from shipper.store.database import Database
from shipper.store.soundness import is_suspect
from shipper.store.store import DATABASE, Store
from tests.program import shipper
from tests.shipping import Reports

_TIME = "23/Nov/2026:10:00:00 +0000"
_PAGE = 4096


def _configure(home: Path, url: str, more: str = "") -> Path:
    file = home / "shipper.yaml"
    file.write_text(
        f"state: {home}/state\nnamespace: test\n"
        f'collector: {{url: "{url}", max_bytes: 9000, retry: {{first: 0.05, cap: 0.1}}}}\n'
        f"queue: {{min_free: 0{more}}}\n"
        f"sources: [{{name: web, paths: ['{home}/*.log'], grammar: nginx_access}}]\n"
    )
    return file


def _backlog(home: Path) -> Path:
    """Read a log with the collector away; return the configuration."""
    rng = Random(1)
    with (home / "access.log").open("w") as log:
        for number in range(1, 2_001):
            target = f"/{number}?{rng.randbytes(30).hex()}"
            log.write(f'192.0.2.9 - - [{_TIME}] "GET {target} HTTP/1.1" 200 5 "-" "x"\n')
    config = _configure(home, "http://127.0.0.1:9")
    done = shipper("run", "-c", config, "--once", "--give-up", "0.1")
    assert done.returncode == 69, done.stderr
    return config


def _hurt(home: Path, part: float) -> None:
    path = home / "state" / DATABASE
    pages = path.stat().st_size // _PAGE
    with path.open("r+b") as file:
        file.seek(int(pages * part) * _PAGE)
        file.write(os.urandom(_PAGE))


@pytest.mark.e2e
@pytest.mark.parametrize("part", [0.0, 0.1, 0.3, 0.5, 0.9])
def test_what_was_salvaged_is_delivered(tmp_path: Path, part: float) -> None:
    """The real program goes on after damage: what is not delivered is told, with its count."""
    _backlog(tmp_path)
    _hurt(tmp_path, part)
    with DevCollector(known_schemas(Library()), max_events=100_000) as collector:
        config = _configure(tmp_path, collector.url)
        done = shipper("run", "-c", config, "--once")
        assert done.returncode == 0, done.stderr
        again = shipper("run", "-c", config, "--once")
        assert again.returncode == 0, again.stderr
        assert "state.damaged" not in again.stderr
        events = [event["rawEvent"]["parameters"] for event in collector.good()]
        assert not list(collector.bad())
    gaps = [event for event in events if "/gap/" in event["ue_pr"]]
    arrived = len({event["eid"] for event in events}) - len(gaps)
    if "state.salvaged" in done.stderr:
        (kept,) = (tmp_path / "state").glob("state.db.damaged-*")
        assert str(kept) in done.stderr
    lost = 2_000 - arrived
    assert lost <= 200, "a page costs its own batch"
    assert (lost > 0) is bool(gaps)
    if gaps:
        assert f'"events":{lost}' in gaps[0]["ue_pr"]
    audit = shipper("audit", "-c", config)
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.mark.e2e
def test_refusing_by_policy(tmp_path: Path) -> None:
    """With `when_damaged: refuse` nothing is touched: exit code 73, and the remedy."""
    _backlog(tmp_path)
    _hurt(tmp_path, 0.0)
    before = (tmp_path / "state" / DATABASE).read_bytes()
    config = _configure(tmp_path, "http://127.0.0.1:9", ", when_damaged: refuse")
    for _ in range(2):
        done = shipper("run", "-c", config, "--once")
        assert done.returncode == 73
        assert "queue.when_damaged" in done.stderr
    assert (tmp_path / "state" / DATABASE).read_bytes() == before


@pytest.mark.e2e
def test_the_check_sees_it(tmp_path: Path) -> None:
    """`check` says what the next start will do to a damaged state, and touches nothing."""
    _backlog(tmp_path)
    _hurt(tmp_path, 0.5)
    before = (tmp_path / "state" / DATABASE).read_bytes()
    for policy, level in (("salvage", "warning"), ("refuse", "state")):
        more = f", when_damaged: {policy}"
        config = load_config(_configure(tmp_path, "http://127.0.0.1:9", more), {})
        (found,) = [f for f in check(config, str, offline=True) if "is damaged" in f.what]
        assert found.level == level
        assert found.remedy
    assert (tmp_path / "state" / DATABASE).read_bytes() == before


def test_damage_that_shows_while_running(tmp_path: Path) -> None:
    """What the look at the start did not see ends the process once; the next start salvages."""
    config = load_config(_configure(tmp_path, "http://127.0.0.1:9"), {})
    state = tmp_path / "state"
    Store.open(state).close()
    reports = Reports()
    see_to_damage(config, "test", reports)
    assert reports.names() == []
    (state / "other.db").write_bytes(b"garbage " * 1_000)
    with pytest.raises(StateDamagedError) as caught, noting_damage(state):
        Database(state / "other.db")
    assert caught.value.exit_code == 73
    assert "shipper run" in caught.value.remedy
    assert is_suspect(state)
    see_to_damage(config, "test", reports)
    assert reports.names() == ["state.damaged", "state.salvaged"]
    see_to_damage(config, "test", reports)
    assert reports.names() == ["state.damaged", "state.salvaged"]


def test_a_source_never_begins_at_the_end_after_damage(tmp_path: Path) -> None:
    """`start: end` is for the first start ever: after damage it would skip what was not read."""
    config = load_config(_configure(tmp_path, "http://127.0.0.1:9"), {})
    state = tmp_path / "state"
    state.mkdir()
    (state / DATABASE).write_bytes(os.urandom(10 * _PAGE))
    see_to_damage(config, "test", Reports())
    store = Store.open(state)
    assert not store.first_start_of("web")
    store.close()
