"""The main job as its user sees it: real processes, real files, a real collector."""

from __future__ import annotations

import itertools
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.app import Answer
from shipper.devcollector.server import DevCollector
from shipper.grammar.library import Library
from tests.program import eventually, running, shipper

pytestmark = pytest.mark.e2e

TIME = "23/Nov/2026:10:00:00 +0000"


def line(number: int) -> str:
    return f'192.0.2.9 - - [{TIME}] "GET /{number} HTTP/1.1" 200 5 "-" "curl/8.10.1"\n'


class Site:
    """A directory with a log, a configuration and a state."""

    def __init__(self, directory: Path, url: str) -> None:
        self.log = directory / "access.log"
        self.config = directory / "shipper.yaml"
        self.directory = directory
        self._numbers = itertools.count(1)
        self.configure(url)

    def configure(self, url: str, more: str = "") -> None:
        self.config.write_text(
            f"state: {self.directory}/state\n"
            f'collector: {{url: "{url}", retry: {{first: 0.05, cap: 0.2}}}}\n'
            f"sources: [{{name: web, paths: ['{self.log}*'], grammar: nginx_access}}]\n{more}"
        )

    def write(self, lines: int) -> None:
        with self.log.open("a") as log:
            log.writelines(line(next(self._numbers)) for _ in range(lines))

    def run_once(self, *more: str) -> tuple[int, str]:
        done = shipper("run", "-c", self.config, "--once", *more)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def collector() -> Iterator[DevCollector]:
    with DevCollector(known_schemas(Library())) as it:
        yield it


@pytest.fixture
def site(tmp_path: Path, collector: DevCollector) -> Site:
    return Site(tmp_path, collector.url)


def queued(site: Site) -> int:
    """Return how many events wait in the queue, as `status` says."""
    told = shipper("status", "-c", site.config, "--json")
    return int(json.loads(told.stdout)["queued_events"]) if told.returncode == 0 else 0


def paths(collector: DevCollector) -> list[str]:
    """Return the request paths of all events, in the order of their arrival."""
    events = reversed(collector.good())
    return [event["event"]["unstruct_event"]["data"]["data"]["path"] for event in events]


def test_each_line_is_shipped_once(site: Site, collector: DevCollector) -> None:
    """A second run sends nothing; a line that is added sends one event."""
    site.write(3_000)

    assert site.run_once()[0] == 0
    assert (collector.counts().good, collector.counts().bad) == (3_000, 0)

    assert site.run_once()[0] == 0
    assert collector.counts().total == 3_000

    site.write(1)
    assert site.run_once()[0] == 0
    assert (collector.counts().good, collector.counts().bad) == (3_001, 0)


def test_a_dead_collector_costs_time_only(tmp_path: Path) -> None:
    """Lines written while no collector listens wait in the queue, over restarts, in order."""
    with DevCollector(known_schemas(Library())) as gone:
        port = gone.port
    site = Site(tmp_path, f"http://127.0.0.1:{port}")
    # With several requests in flight, the network decides which of them comes first.
    text = site.config.read_text().replace("collector: {", "collector: {concurrency: 1, ")
    site.config.write_text(text)
    for _ in range(3):
        site.write(700)
        code, output = site.run_once("--give-up", "0.3")
        assert code == 69, output
    assert "2100 events are safe in the queue" in output

    with DevCollector(known_schemas(Library()), port=port) as back:
        assert site.run_once()[0] == 0
        assert [f"/{number}" for number in range(1, 2_101)] == paths(back)


def test_one_bad_event_costs_only_itself(tmp_path: Path) -> None:
    """70: Of 500 events one is refused: 499 arrive, one is a dead letter, replay delivers it."""
    strict = True

    def refuse(_method: str, _target: str, body: bytes) -> Answer | None:
        if strict and b"/250 " in body.replace(b'\\",', b" "):
            return Answer(400, body=b"we do not serve number 250")
        return None

    with DevCollector(known_schemas(Library()), intercept=refuse) as collector:
        site = Site(tmp_path, collector.url)
        site.write(500)

        code, output = site.run_once()
        assert (code, collector.counts().good) == (0, 499), output

        listed = shipper("dead-letters", "list", "-c", site.config, "--json").stdout
        (letter,) = map(json.loads, listed.splitlines())
        assert letter["reason"] == "rejected"
        assert "we do not serve number 250" in letter["detail"]

        strict = False
        replayed = shipper("dead-letters", "replay", "-c", site.config, "--all")
        assert "1 queued, 0 failed again" in replayed.stdout
        assert site.run_once()[0] == 0
        assert collector.counts().good == 500
        assert {f"/{number}" for number in range(1, 501)} == set(paths(collector))


def test_sigterm_ends_a_run_in_good_order(site: Site, collector: DevCollector) -> None:
    """SIGTERM: exit 0, the lock is free, the next run goes on where this one stopped."""
    site.write(50)
    with running("run", "-c", site.config) as program:
        program.wait_for("service.started")
        assert program.stop(signal.SIGTERM) == 0
    site.write(50)
    assert site.run_once()[0] == 0
    assert [f"/{number}" for number in range(1, 101)] == paths(collector)


def test_a_stop_does_not_wait_for_a_slow_collector(tmp_path: Path) -> None:
    """74: stopping ends within the grace time though a request hangs, and nothing is lost."""
    hang = Answer(200, delay=20.0, counted=True)
    with DevCollector(known_schemas(Library()), intercept=lambda *_: hang) as collector:
        site = Site(tmp_path, collector.url)
        site.write(10)
        with running("run", "-c", site.config, "--grace", "0.5") as program:
            program.wait_for("service.started")
            eventually(lambda: queued(site) == 10)
            started = time.monotonic()
            assert program.stop() == 0
            assert time.monotonic() - started < 10
        assert queued(site) == 10


def test_a_state_has_one_sender(site: Site) -> None:
    """80: A second run on the same state is refused with exit 73 and names the pid of the first."""
    site.write(1)
    with running("run", "-c", site.config) as first:
        first.wait_for("service.started")
        code, output = site.run_once()
        assert code == 73
        assert f"pid {first.process.pid}" in output
        assert first.stop() == 0


def test_a_line_that_does_not_parse_is_kept(site: Site, collector: DevCollector) -> None:
    """What no grammar takes is a dead letter with its place, and replayed once the grammar does."""
    site.write(2)
    with site.log.open("a") as log:
        log.write("no access log line\n")
    assert site.run_once()[0] == 0
    assert collector.counts().good == 2
    shown = shipper("dead-letters", "show", "-c", site.config, "1").stdout
    assert "no access log line" in shown
    assert "no_match" in shown

    grammars = site.directory / "grammars"
    grammars.mkdir()
    (grammars / "any.yaml").write_text(
        "name: any\ntitle: any line\nschema: iglu:com.example/any/jsonschema/1-0-0\n"
        "match: ['^%{GREEDYDATA:message}$']\n"
        "fields: {message: {type: string, description: the line}}\n"
        "samples: [{line: a, expect: {message: a}}]\n"
    )
    site.configure(collector.url, f"grammars: {{directories: ['{grammars}']}}\n")
    text = site.config.read_text().replace("grammar: nginx_access", "grammar: [nginx_access, any]")
    site.config.write_text(text)
    replayed = shipper("dead-letters", "replay", "-c", site.config, "1")
    assert "1 queued" in replayed.stdout, replayed.stderr


def test_the_log_of_a_pod_arrives_with_its_place(tmp_path: Path, collector: DevCollector) -> None:
    """CRI lines, split and with a stack trace among them: whole records, with their container."""
    uid = "3f6b7a0e-1c2d-4e5f-8a9b-0c1d2e3f4a5b"
    log = tmp_path / f"pods/shop_web-1_{uid}/app/0.log"
    log.parent.mkdir(parents=True)
    at = "2026-11-23T06:55:44.5Z stdout"
    log.write_text(
        f"{at} F level=error msg=broken\n{at} F   at com.example.Basket.add(Basket.java:7)\n"
        f"{at} P level=info \n{at} F msg=whole\n"
    )
    site = Site(tmp_path, collector.url)
    more = "grammar: logfmt, container: auto, multiline: {preset: java, timeout: 200ms}"
    text = site.config.read_text().replace("grammar: nginx_access", more)
    site.config.write_text(text.replace(f"{site.log}*", f"{tmp_path}/pods/*/*/*.log"))
    code, output = site.run_once()
    assert (code, collector.counts().good, collector.counts().bad) == (0, 2, 0), output
    for event in collector.good():
        (place,) = event["event"]["contexts"]["data"]
        assert place["data"]["pod"] == "web-1"
        assert place["data"]["stream"] == "stdout"
    assert 'adds_up":true' in shipper("audit", "-c", site.config, "--json").stdout


def test_get_sends_one_event_a_request(tmp_path: Path, collector: DevCollector) -> None:
    """With `method: get`, events arrive whole, base64 in the query."""
    site = Site(tmp_path, collector.url)
    site.config.write_text(
        site.config.read_text().replace("collector: {", "collector: {method: get, ")
    )
    site.write(20)
    assert site.run_once()[0] == 0
    assert (collector.counts().good, collector.counts().bad) == (20, 0)


def test_a_changed_configuration_is_taken_up_without_a_restart(
    site: Site, collector: DevCollector
) -> None:
    """75: SIGHUP adds a source and reads nothing again; a wrong configuration is refused."""
    site.write(5)
    with running("run", "-c", site.config) as program:
        program.wait_for("service.started")
        other = site.directory / "other.txt"
        other.write_text(line(901) + line(902))
        good = site.config.read_text()

        site.config.write_text(good.replace("grammar: nginx_access", "grammar: nonsense"))
        program.process.send_signal(signal.SIGHUP)
        assert "nonsense" in program.wait_for("config.refused")

        more = f", {{name: other, paths: ['{other}'], grammar: nginx_access}}]"
        site.config.write_text(good.replace("}]", "}" + more))
        program.wait_for("config.reloaded")  # by itself: the file has changed
        site.write(1)
        eventually(lambda: collector.counts().total >= 8)
        assert program.stop() == 0
    expected = [*(f"/{number}" for number in range(1, 7)), "/901", "/902"]
    assert sorted(paths(collector)) == sorted(expected)


@pytest.mark.parametrize(
    ("status", "word"),
    [(301, "redirect"), (401, "credentials"), (404, "no collector at that path"), (503, "503")],
)
def test_an_answer_that_a_person_must_mend_keeps_everything(
    tmp_path: Path, status: int, word: str
) -> None:
    """A redirect, a wrong key, a wrong path, an overload: all is kept, and the log says why."""
    answer = Answer(status, headers={"location": "http://127.0.0.1:1/"})
    with DevCollector(known_schemas(Library()), intercept=lambda *_: answer) as collector:
        site = Site(tmp_path, collector.url)
        site.write(10)
        code, output = site.run_once("--give-up", "0.2")
    assert code == 69
    assert word in output
    assert "10 events are safe in the queue" in output
