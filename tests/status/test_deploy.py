"""Tests of alert rules and dashboard: they ask for what exists, and fire when they should."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from shipper.cli import cli
from shipper.status import metrics
from tests.arrivals import collector, numbered
from tests.program import eventually
from tests.status.expressions import TARGET_LABELS, grouped, selectors
from tests.status.site import Site
from tests.status.test_metrics import scraped

ROOT = Path(__file__).parents[2]
_RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
_BOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
_MONITORING = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
_JOB = "snowplow-logfile-source"
_SETS = {
    ("shipper_paused", "reason"): set(metrics.PAUSES),
    ("shipper_trouble", "reason"): set(metrics.TROUBLES),
    ("shipper_dead_letters_total", "reason"): {*metrics.REASONS, "other"},
    ("shipper_ledger_lines_total", "outcome"): set(metrics.OUTCOMES),
    ("shipper_requests_total", "verdict"): set(metrics.VERDICTS),
}
_needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian: prometheus)"
)


def _alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(_RULES.read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def _panels() -> list[dict[str, Any]]:
    board = json.loads(_BOARD.read_text(encoding="utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _queries() -> list[str]:
    """Every expression of the dashboard: of panels, of variables, of annotations."""
    board = json.loads(_BOARD.read_text(encoding="utf-8"))
    variables = [v["definition"] for v in board["templating"]["list"] if "definition" in v]
    notes = [note["expr"] for note in board["annotations"]["list"]]
    return [t["expr"] for panel in _panels() for t in panel["targets"]] + variables + notes


def _labels_of(name: str) -> set[str]:
    labels = {family.sample_name: set(family.labels) for family in metrics.FAMILIES}
    return TARGET_LABELS | labels.get(name, set())


def _tool(*arguments: str | Path) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names that a real process serves, those without a sample as well."""
    with collector() as to:
        site = Site(tmp_path_factory.mktemp("deploy"), to)
        site.log.write_bytes(b"".join(map(numbered, range(10))))
        with site.run() as (_, client):
            eventually(lambda: client.get("/api/status").json["delivered"] == {"web": 10})
            text = client.get("/metrics").body
    declared = re.findall(r"^# TYPE (\S+)", text.decode(), re.M)
    return {*declared, *(name for name, _ in scraped(text)), "up"}


@pytest.mark.e2e
def test_every_expression_asks_for_what_exists(served: set[str]) -> None:
    """Each metric is served by a real process, and each label is one of it, with such a value."""
    expressions = [rule["expr"] for rule in _alerts()] + _queries()
    assert len(expressions) > 50
    for expression in expressions:
        asked = list(selectors(expression))
        assert asked, expression
        for name, labels in asked:
            assert name in served, f"{name} in {expression}"
            assert labels.keys() <= _labels_of(name), expression
            for label, value in labels.items():
                known = _SETS.get((name, label))
                assert known is None or value in known, expression
        assert grouped(expression) <= set().union(*(_labels_of(n) for n, _ in asked)), expression


@_needs_promtool
def test_prometheus_takes_the_rules_and_every_query(tmp_path: Path) -> None:
    """promtool finds no fault with the rules, nor with the dashboard's queries as rules."""
    _tool("check", "rules", "--lint=all", "--lint-fatal", _RULES)
    plain = [q for q in _queries() if not q.startswith("label_values")]
    filled = [q.replace("$__rate_interval", "5m") for q in plain]
    rules = [{"record": f"query:{n}", "expr": q} for n, q in enumerate(filled)]
    (tmp_path / "board.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "b", "rules": rules}]})
    )
    assert f"{len(rules)} rules found" in _tool(
        "check", "rules", "--lint=none", tmp_path / "board.yaml"
    )


_DELIVERED = 'shipper_events_delivered_total{source="web"}'
_NO_MATCH = 'shipper_dead_letters_total{source="web",reason="no_match"}'
_REJECTED = 'shipper_ledger_lines_total{source="web",outcome="rejected"}'
# What is well: by series, a minute between two values.
_WELL = {
    "up": "1x300",
    "shipper_healthy": "1x300",
    'shipper_paused{reason="queue_full"}': "0x300",
    'shipper_trouble{reason="misconfigured"}': "0x300",
    'shipper_trouble{reason="unsettled"}': "0x300",
    "shipper_failing_seconds": "0x300",
    "shipper_queue_events": "5x300",
    "shipper_queue_oldest_seconds": "1x300",
    "shipper_catch_up_seconds": "2x300",
    "shipper_set_aside_oldest_seconds": "0x300",
    _DELIVERED: "0+60x300",
    'shipper_events_dropped_total{source="web"}': "7x300",
    'shipper_lost_bytes_total{source="web"}': "7x300",
    'shipper_lines_read_total{source="web"}': "0+60x300",
    _REJECTED: "0+0.1x300",
    _NO_MATCH: "0+0.1x300",
    'shipper_slow_records_total{grammar="mine"}': "7x300",
    "shipper_state_bytes": "1000000x300",
    "shipper_state_limit_bytes": "10000000000x300",
    "shipper_dead_letters_bytes": "0x300",
    "shipper_dead_letters_limit_bytes": "1000000000x300",
    "shipper_disk_free_bytes": "100000000000x300",
    "shipper_disk_floor_bytes": "256000000x300",
    "process_open_fds": "10x300",
    "process_max_fds": "1000x300",
}
# What is not, and which alerts that is for, four hours on.
_CASES: list[tuple[set[str], dict[str, str]]] = [
    (set(), {}),
    ({"ShipperDown"}, {"up": "0x300"}),
    ({"ShipperStuck"}, {"shipper_healthy": "0x300"}),
    ({"ShipperPaused"}, {'shipper_paused{reason="queue_full"}': "1x300"}),
    ({"ShipperCollectorMisconfigured"}, {'shipper_trouble{reason="misconfigured"}': "1x300"}),
    ({"ShipperNotDelivering"}, {"shipper_failing_seconds": "0+60x300"}),
    ({"ShipperNotDelivering"}, {_DELIVERED: "9x300"}),
    (set(), {_DELIVERED: "9x300", "shipper_queue_events": "0x300"}),
    ({"ShipperSettlesNothing"}, {'shipper_trouble{reason="unsettled"}': "1x300"}),
    ({"ShipperBehind"}, {"shipper_queue_oldest_seconds": "0+60x300"}),
    ({"ShipperBehind"}, {"shipper_catch_up_seconds": "1000x300"}),
    ({"ShipperEventsSetAside"}, {"shipper_set_aside_oldest_seconds": "0+60x300"}),
    ({"ShipperDeadLettersGrow"}, {_NO_MATCH: "0+9x300"}),
    (set(), {'shipper_dead_letters_total{source="web",reason="gap"}': "0+9x300"}),
    ({"ShipperLinesRejected"}, {_REJECTED: "0+1x300"}),
    ({"ShipperEventsDropped"}, {'shipper_events_dropped_total{source="web"}': "0+1x300"}),
    ({"ShipperBytesLost"}, {'shipper_lost_bytes_total{source="web"}': "0x230 5x70"}),
    ({"ShipperQueueNearLimit"}, {"shipper_state_bytes": "9000000000x300"}),
    ({"ShipperQueueNearLimit"}, {"shipper_state_bytes": "0+31000000x300"}),
    ({"ShipperDeadLettersNearLimit"}, {"shipper_dead_letters_bytes": "900000000x300"}),
    ({"ShipperDiskNearFloor"}, {"shipper_disk_free_bytes": "300000000x300"}),
    ({"ShipperGrammarSlow"}, {'shipper_slow_records_total{grammar="mine"}': "0+1x300"}),
    ({"ShipperDescriptorsShort"}, {"process_open_fds": "950x300"}),
]  # fmt: skip


def _series(name: str, values: str) -> dict[str, str]:
    bare, _, labels = name.rstrip("}").partition("{")
    where = f'job="{_JOB}",instance="a:8080"'
    return {"series": f"{bare}{{{where}{',' if labels else ''}{labels}}}", "values": values}


def _case(fire: set[str], series: dict[str, str]) -> dict[str, Any]:
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(fire)]
    firing = 'group by (alertname) (ALERTS{alertstate="firing"})'
    return {
        "interval": "1m",
        "input_series": [_series(*each) for each in {**_WELL, **series}.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": "4h", "exp_samples": samples}],
    }


@_needs_promtool
def test_each_alert_fires_when_it_should_and_no_other_does(tmp_path: Path) -> None:
    """Prometheus' own rule tests: where all is well nothing fires, each trouble fires its alert."""
    assert set().union(*(fire for fire, _ in _CASES)) == {rule["alert"] for rule in _alerts()}
    test = {
        "rule_files": [str(_RULES)],
        "evaluation_interval": "5m",
        "tests": [_case(*case) for case in _CASES],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test), encoding="utf-8")
    _tool("test", "rules", tmp_path / "test.yaml")


def test_each_alert_has_its_page_in_the_runbook() -> None:
    """Whoever is woken finds by the alert's name what it means and what to do."""
    for rule in _alerts():
        name = rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        assert rule["annotations"]["runbook"] == f"docs/monitoring.md#{name.lower()}"
        assert f"\n### {name}\n" in _MONITORING
    titles = re.findall(r"^### (Shipper\w+)$", _MONITORING, re.M)
    assert titles == [rule["alert"] for rule in _alerts()]


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`shipper ([^`]+)`", _MONITORING))))
def test_the_runbook_names_commands_that_exist(line: str) -> None:
    """Each command of the page is one, with its subcommand where it has some, and its options."""
    found: click.Command = cli
    for word in line.split():
        if word.startswith("-"):
            known = {name for parameter in found.params for name in parameter.opts}
            assert word in known, f"shipper {line}"
        elif isinstance(found, click.Group):
            inner = found.get_command(click.Context(found), word)
            assert inner is not None, f"shipper {line}"
            found = inner
    assert not isinstance(found, click.Group), f"shipper {line}"


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    across = a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
    return across and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def test_the_dashboard_is_whole() -> None:
    """Panels have a title, a description, a unit and a place of their own; nothing is linked."""
    board = json.loads(_BOARD.read_text(encoding="utf-8"))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert "://" not in _BOARD.read_text(encoding="utf-8")
    for panel in _panels():
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not any(_overlap(a, b) for a, b in itertools.combinations(places, 2))


def _examples(kind: str) -> Iterator[str]:
    yield from re.findall(rf"^```yaml {kind}\n(.*?)^```$", _MONITORING, re.S | re.M)


@_needs_promtool
def test_prometheus_takes_the_example(tmp_path: Path) -> None:
    """The scrape configuration of the page is one, with the rules where it says."""
    (text,) = _examples("prometheus")
    assert f"job_name: {_JOB}" in text
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(_RULES, tmp_path / "alerts.yaml")
    _tool("check", "config", tmp_path / "prometheus.yml")


def test_the_collector_example_scrapes_the_same(tmp_path: Path) -> None:
    """OpenTelemetry's Collector is shown with the same job, and with pipes that exist."""
    (text,) = _examples("otelcol")
    config = yaml.safe_load(text)
    (job,) = config["receivers"]["prometheus"]["config"]["scrape_configs"]
    assert job["job_name"] == _JOB
    (pipeline,) = config["service"]["pipelines"].values()
    for kind, names in pipeline.items():
        assert set(names) <= config[kind].keys()
