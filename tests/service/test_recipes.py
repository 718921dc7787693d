"""From the configuration of a source to how its records are read: auto, zones, both at once."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import orjson

from shipper.config.models import Config
from shipper.event.batch import unpack
from shipper.event.chunk import parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import EventIds
from shipper.service.assemble import recipes_of

NOW_US = 1_795_416_944_000_000  # 2026-11-23T06:55:44Z
ORIGIN = Origin(EventIds(uuid.UUID(int=3)), "/logs/a")


def events(tmp_path: Path, text: str, **source: Any) -> list[dict[str, Any]]:
    config = Config.model_validate(
        {
            "state": str(tmp_path / "state"),
            "collector": {"url": "http://collector.example.com"},
            "sources": [{"name": "app", "paths": "/logs/a", **source}],
        }
    )
    parse = parse_chunk(text.encode(), 0, recipes_of(config)["app"], ORIGIN, NOW_US)
    assert parse.rejects == ()
    found = [orjson.loads(e) for b in parse.batches for e in unpack(b).split(b"\n")]
    return [{**event, "ue": orjson.loads(event["ue_pr"])["data"]} for event in found]


def test_a_source_may_leave_the_grammar_to_us(tmp_path: Path) -> None:
    """Each record has the schema of the grammar that took it."""
    text = (
        '203.0.113.9 - - [23/Nov/2026:06:55:44 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/8.5.0"\n'
        "<34>1 2026-11-23T06:55:44Z web1 app - - - it is up\n"
    )
    access, syslog = events(tmp_path, text, grammar="auto")
    assert access["ue"]["schema"] == "iglu:org.logfilesource/nginx_access/jsonschema/1-0-0"
    assert access["ip"] == "203.0.113.9"
    assert syslog["ue"]["data"]["message"] == "it is up"


def test_a_source_says_the_zone_of_its_times(tmp_path: Path) -> None:
    """Of those that name none; a year that is left out is found in that zone, too."""
    text = "Nov 23 07:55:44 web1 app: x\n"
    (berlin,) = events(tmp_path, text, grammar="syslog_rfc3164", timezone="Europe/Berlin")
    (utc,) = events(tmp_path, text, grammar="syslog_rfc3164")
    assert int(berlin["ttm"]) == NOW_US // 1000
    assert int(utc["ttm"]) == NOW_US // 1000 + 3_600_000


def test_auto_knows_the_zone_as_well(tmp_path: Path) -> None:
    """The grammars are the same, read for logs of that zone."""
    (event,) = events(tmp_path, "Nov 23 07:55:44 web1 app: x\n", grammar="auto", timezone="+01:00")
    assert int(event["ttm"]) == NOW_US // 1000
