"""Dead letters by HTTP: what is shown of them, and what may be done by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.arrivals import adds_up, collector, numbered
from tests.devcollector.test_app import Client, Reply
from tests.program import Running, eventually
from tests.status.site import Site

pytestmark = pytest.mark.e2e

SCRIPT = b'192.0.2.1 - - [<script>alert(1)</script>] "GET / HTTP/1.1" 200 5 "-" "x"\n'
BROKEN = b"\xff\xfe\x00\x1b[31m no line of an access log\n"
LONG = b"x" * 60_000 + b"\n"


class Desk:
    """A running shipper with a few dead letters, and who acts on them."""

    def __init__(self, site: Site, program: Running, client: Client) -> None:
        self.site = site
        self.program = program
        self.client = client
        self.token = (site.directory / "state" / "status-token").read_text().strip()

    def letters(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/api/dead-letters{query}").json["letters"]
        return found

    def act(self, what: str, token: str | None = None, **asked: Any) -> Reply:
        headers = {"Content_Type": "application/json", "X_Shipper_Token": token or self.token}
        body = json.dumps(asked).encode()
        return self.client.ask("POST", f"/api/dead-letters/{what}", body, **headers)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with collector() as to:
        site = Site(tmp_path, to)
        site.log.write_bytes(numbered(1) + SCRIPT + BROKEN + LONG + numbered(2))
        with site.run() as (program, client):
            eventually(lambda: to.counts().good == 2)
            eventually(lambda: len(client.get("/api/dead-letters").json["letters"]) == 3)
            yield Desk(site, program, client)
            assert program.stop() == 0
    adds_up(site.config)


def test_they_are_shown_with_the_place_where_grammars_stopped(desk: Desk) -> None:
    """The newest first, with line, file, offset, and what was expected; a long one is cut."""
    long, broken, script = desk.letters()
    assert script["text"] == SCRIPT.decode().rstrip()
    assert script["text"][script["stopped"] :].startswith("<script>")
    assert script["expected"] == "%{HTTPDATE:time_local}"
    assert (script["source"], script["reason"]) == ("web", "no_match")
    assert (script["path"], script["offset"]) == (str(desk.site.log), len(numbered(1)))
    assert script["grammars"] == ["nginx_access"]
    assert broken["text"] == BROKEN.decode("utf-8", "replace").rstrip()
    assert (len(long["text"]), long["cut_after"]) == (3_000, True)
    whole = desk.client.get(f"/api/dead-letters/{long['id']}").json
    assert whole["text"] == "x" * 32_768
    older = desk.letters(f"?before={broken['id']}")
    assert [letter["id"] for letter in older] == [script["id"]]
    assert desk.letters("?source=web&reason=timeout") == []
    assert desk.client.get("/api/dead-letters/999").status == 404


def test_nobody_acts_without_the_token(desk: Desk) -> None:
    """Nor by a form, which can't send JSON: nothing changes, and the answer says where to look."""
    ids = [letter["id"] for letter in desk.letters()]
    for what in ("replay", "discard"):
        for token in ("wrong", "x" * 32):
            reply = desk.act(what, token=token, ids=ids)
            assert reply.status == 403
            assert f"{desk.site.directory}/state/status-token" in reply.json["error"]
        path = f"/api/dead-letters/{what}"
        form = {"Content_Type": "text/plain", "X_Shipper_Token": desk.token}
        assert desk.client.ask("POST", path, b"{}", **form).status == 415
        assert desk.client.get(path).status == 405
    assert [letter["id"] for letter in desk.letters()] == ids


SENSELESS: list[tuple[dict[str, Any], int]] = [
    ({}, 400),
    ({"source": "web"}, 400),
    ({"ids": ["1"]}, 400),
    ({"ids": [1], "more": 1}, 400),
    ({"ids": list(range(1_001))}, 400),
    ({"ids": [1] * 900, "source": "x" * 70_000}, 413),
]


def test_what_makes_no_sense_is_refused(desk: Desk) -> None:
    """With the reason, and nothing changes."""
    for asked, status in SENSELESS:
        for what in ("replay", "discard"):
            reply = desk.act(what, **asked)
            assert (reply.status, bool(reply.json["error"])) == (status, True), asked
    assert len(desk.letters()) == 3


def test_a_replay_queues_what_parses_now(desk: Desk) -> None:
    """What fails again stays, with one more attempt; both are told in the log."""
    script = desk.letters()[-1]
    done = desk.act("replay", ids=[script["id"]]).json
    assert done == {"queued": 0, "failed": 1, "next": None}
    assert desk.letters()[-1]["attempts"] == 2
    mine = desk.site.directory / "grammars"
    mine.mkdir()
    (mine / "anything.yaml").write_text(
        "name: anything\ntitle: t\nschema: iglu:org.logfilesource/nginx_access/jsonschema/1-0-0\n"
        "match: ['^(?<text>.*)$']\nfields: {text: {max_length: 65535}}\n"
    )
    text = desk.site.config.read_text().replace("nginx_access", "anything")
    desk.site.config.write_text(f"{text}grammars: {{directories: ['{mine}']}}\n")
    desk.program.wait_for("config.reloaded")
    eventually(lambda: bool(desk.letters()) and desk.letters()[-1]["grammars"] == ["anything"])
    done = desk.act("replay", source="web", reason="no_match").json
    assert done == {"queued": 3, "failed": 0, "next": None}
    assert desk.letters() == []
    assert "queued=3 failed=0" in desk.program.wait_for("dead_letters.replayed queued=3")
    eventually(lambda: desk.site.collector.counts().total == 5)


def test_a_discard_deletes_what_was_there(desk: Desk) -> None:
    """Of a group, only what came before the moment that is named."""
    ids = [letter["id"] for letter in desk.letters()]
    assert desk.act("discard", ids=ids[:1]).json["discarded"] == 1
    old = desk.act("discard", source="web", reason="no_match", before_ms=1)
    assert old.json == {"discarded": 0, "next": None}
    assert desk.act("discard", source="web", reason="no_match").json["discarded"] == 2
    assert desk.letters() == []
    assert "by the status page" in desk.program.wait_for("dead_letters.discarded")
