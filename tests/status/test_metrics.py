"""Tests of the metrics: conventional, bounded, documented, and the same after a restart."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from shipper.config.load import load_config
from shipper.config.models import Config
from shipper.event.chunk import Parse, Reject
from shipper.model import Ledger
from shipper.service.status import status_of
from shipper.status import metrics
from shipper.status.metrics import exposition
from shipper.store.history import Condition
from shipper.store.store import Progress, Store
from tests.arrivals import collector, numbered
from tests.program import eventually
from tests.status.pages import PAGE, rows
from tests.status.site import Site
from tests.store.samples import begin

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(text: bytes) -> Samples:
    """The samples by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text(text.decode())
        for sample in family.samples
    }


class Place:
    """A state that holds something of everything, and its configuration."""

    def __init__(self, home: Path) -> None:
        file = home / "shipper.yaml"
        file.write_text(
            f"state: {home}/state\ncollector: {{url: 'http://127.0.0.1:9'}}\n"
            f"sources: [{{name: web, paths: ['{home}/*.log'], grammar: logfmt}}]\n"
        )
        self.config: Config = load_config(file, {})
        self.store = Store.open(home / "state")
        self.log = home / '<script>"\n.log'
        self.log.write_bytes(bytes(100))
        rejects = tuple(
            Reject(number, b"<b>", "mine", reason, "column 1: <i>")
            for number, reason in enumerate(("timeout", "no_match", "<u>", "of_tomorrow"))
        )
        ledger = Ledger(9, 90, 5, 50, 0, 0, 4, 40, events=5)
        at = begin(self.store, path=str(self.log))
        self.store.commit([Progress(at.at(90, b"", 100), Parse((), rejects, ledger))], 1)

    def scrape(self, accept: str = "", condition: Condition | None = None) -> bytes:
        return exposition(status_of(self.config, self.store, condition), accept)[0]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.store.close()


def test_the_figures_are_those_of_the_state(place: Place) -> None:
    """Lines by outcome, lag by source, dead letters by reason, requests by verdict."""
    counts = {"requests:delivered": 7, "sent:ms": 1500, "sent:bytes": 99}
    place.store.history.note(Condition(1), counts, None)
    found = scraped(place.scrape())

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert value("shipper_lines_read_total", source="web") == 9
    assert value("shipper_ledger_lines_total", source="web", outcome="rejected") == 4
    assert value("shipper_lag_bytes", source="web") == 10
    assert value("shipper_files_behind", source="web") == 1
    assert value("shipper_dead_letters_total", source="web", reason="no_match") == 1
    assert value("shipper_slow_records_total", grammar="mine") == 1
    assert value("shipper_requests_total", verdict="delivered") == 7
    assert value("shipper_requests_total", verdict="unavailable") == 0
    assert value("shipper_request_seconds_total") == 1.5
    assert value("shipper_healthy") == 0
    assert value("shipper_state_limit_bytes") == 10_000_000_000
    assert value("shipper_disk_free_bytes") > 0


def test_labels_are_bounded(place: Place) -> None:
    """Reasons that nobody knows are one label; no path and no text of a log becomes any."""
    text = place.scrape()
    known = scraped(text)
    kept = {dict(labels)["reason"]: n for (name, labels), n in known.items() if "_kept" in name}
    assert kept == {"timeout": 1, "no_match": 1, "other": 2}
    for hostile in (b"<", b"of_tomorrow", b".log", b"column"):
        assert hostile not in text


@pytest.mark.parametrize("reason", ["", *metrics.PAUSES])
def test_one_reason_holds(place: Place, reason: str) -> None:
    """While reading pauses, one reason is 1; the others stand at 0, and all are there always."""
    found = scraped(place.scrape(condition=Condition(1, reason, "words with a /path/of.log")))
    values = {dict(ls)["reason"]: v for (name, ls), v in found.items() if name == "shipper_paused"}
    assert values.keys() == set(metrics.PAUSES)
    assert [name for name, value in values.items() if value] == ([reason] if reason else [])


def test_both_formats_are_valid(place: Place) -> None:
    """Who asks for OpenMetrics gets it, with its mark at the end; everybody else gets text."""
    status = status_of(place.config, place.store)
    text, kind = exposition(status, "text/html, */*")
    assert kind.startswith("text/plain; version=0.0.4")
    opened, kind = exposition(status, OPENMETRICS)
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert opened.endswith(b"# EOF\n")
    parsed = list(parse_openmetrics(opened.decode()))  # type: ignore[no-untyped-call]  # not ours
    names = {family.name for family in parsed}
    assert {f.name: f.unit for f in parsed}["shipper_queue_oldest_seconds"] == "seconds"
    assert names == {family.name for family in parse_text(text.decode())}
    assert {family.name for family in metrics.FAMILIES} < names


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus)")
def test_prometheus_has_nothing_to_say(place: Place) -> None:
    """Prometheus' own linter finds no fault with names, types, units and help."""
    lint = ["promtool", "check", "metrics"]
    done = subprocess.run(lint, input=place.scrape(), capture_output=True, check=False)
    # The process collector is prometheus-client's, and its names are theirs.
    assert [line for line in done.stderr.decode().splitlines() if "shipper" in line] == []


def test_the_page_has_every_metric() -> None:
    """docs/metrics.md has a row for every metric, as its help says, and none for others."""
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in page if line.startswith("| `shipper_")] == list(rows())
    for name in (*metrics.PAUSES, *metrics.TROUBLES, *metrics.REASONS, *metrics.OUTCOMES):
        assert any(f"`{name}`" in line for line in page), name


@pytest.mark.e2e
def test_counters_go_on_after_a_restart(tmp_path: Path) -> None:
    """A real process is scraped before and after: no counter falls, and the work is in them."""
    with collector() as to:
        site = Site(tmp_path, to)
        site.log.write_bytes(b"".join(map(numbered, range(10))) + b"no access log line\n")
        with site.run() as (program, client):
            eventually(lambda: client.get("/api/status").json["delivered"] == {"web": 10})
            before = scraped(client.get("/metrics").body)
            assert program.stop() == 0
        with site.run() as (_, client):
            reply = client.get("/metrics", Accept=OPENMETRICS)
            assert reply.headers["content-type"].startswith("application/openmetrics-text")
            after = scraped(client.get("/metrics").body)
    counters = {key for key in before if key[0].endswith("_total") and key[0].startswith("shipper")}
    assert {key for key in counters if after[key] < before[key]} == set()
    assert after["shipper_requests_total", frozenset({("verdict", "delivered")})] >= 1
    labels = frozenset({("source", "web"), ("reason", "no_match")})
    assert after["shipper_dead_letters_total", labels] == 1
    assert after["shipper_healthy", frozenset()] == 1
    assert after["process_resident_memory_bytes", frozenset()] > 1e6
