"""docs/status-page.md, held to the program: its configurations, paths, pictures and its request."""

from __future__ import annotations

import http.client
import re
from contextlib import closing
from pathlib import Path

import pytest

from shipper.config.load import load_config
from tests.arrivals import collector, numbered
from tests.devcollector.test_app import Client
from tests.program import eventually
from tests.status.screenshots import MOST_BYTES
from tests.status.site import Site

PAGE = Path(__file__).parents[2] / "docs" / "status-page.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.S | re.M))
def test_every_configuration_loads(text: str, tmp_path: Path) -> None:
    """What is shown as a configuration is one, with a status page."""
    file = tmp_path / "shipper.yaml"
    file.write_text(text, encoding="utf-8")
    assert load_config(file, {}).status is not None


def test_every_picture_is_there_and_small() -> None:
    """Those that are named, and no others."""
    named = set(re.findall(r"\((status-page/[\w-]+\.png)\)", TEXT))
    there = {path.relative_to(PAGE.parent) for path in PAGE.with_suffix("").glob("*")}
    assert {str(path) for path in there} == named
    assert [path for path in there if (PAGE.parent / path).stat().st_size > MOST_BYTES] == []


def paths_told() -> set[str]:
    """Return the paths of the table, each with its method unless that is GET."""
    told = set()
    for row in re.findall(r"^\| (`(?:POST )?/.*?) \|", TEXT, re.M):
        first, *others = re.findall(r"`(.*?)`", row)
        told.add(first)
        told |= {o if o.startswith("/") else f"{first.rpartition('/')[0]}/{o}" for o in others}
    return told


def answer_of(client: Client, method: str, path: str) -> int:
    """Return the status of the answer, whose body may have no end."""
    with closing(http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)) as wire:
        wire.request(method, path)
        return wire.getresponse().status


@pytest.mark.e2e
def test_the_paths_are_there_and_the_request_does_what_is_shown(tmp_path: Path) -> None:
    """The request's path, headers and body, at a shipper with a dead letter of such a kind."""
    shown = re.search(r"^\$ curl (.*?)^(\{.*\})$", TEXT, re.S | re.M)
    assert shown
    command, answer = shown[1], shown[2]
    (path,) = re.findall(r"http://127\.0\.0\.1:8080(\S+)", command)
    (body,) = re.findall(r"-d '(.*)'", command)
    headers = dict(
        re.findall(r"""-H ["'](\S+): (.*)["'] ?\\?$""", command.replace(" -d", "\n-d"), re.M)
    )
    with collector() as to:
        site = Site(tmp_path, to)
        site.config.write_text(site.config.read_text().replace("name: web", "name: shop"))
        site.log.write_bytes(numbered(1) + b"no access log\n")
        with site.run() as (program, client):
            for told in paths_told():
                method, _, told_path = told.rpartition(" ")
                status = answer_of(client, method or "GET", told_path.replace("NAME", "logfmt"))
                assert status == (415 if method else 200), told
            eventually(lambda: client.get("/api/dead-letters").json["letters"] != [])
            assert headers["X-Shipper-Token"] == "$(cat /var/lib/shipper/status-token)"
            headers["X-Shipper-Token"] = (tmp_path / "state/status-token").read_text().strip()
            reply = client.ask("POST", path, body.encode(), **headers)
            assert reply.json == {"queued": 0, "failed": 1, "next": None}
            assert re.findall(r'"(\w+)"', answer) == list(reply.json)
            assert program.stop() == 0
