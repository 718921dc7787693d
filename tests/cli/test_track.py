"""`shipper track`: events from the command line, against a real collector."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.cli import run_cli
from shipper.devcollector.app import Answer
from shipper.devcollector.server import DevCollector
from shipper.protocol.selfdescribing import decode_base64
from shipper.store.lock import sender_lock
from shipper.store.store import Store
from tests.arrivals import free_port

SCHEMA = "iglu:com.example/job/jsonschema/1-0-0"
EVENT = ("-s", SCHEMA, "-j", '{"name": "backup"}')
Capture = pytest.CaptureFixture[str]


class AnySchema:
    """Takes everything."""

    def find(self, _key: object, /) -> dict[str, Any]:
        return {"$schema": "http://json-schema.org/draft-07/schema#"}

    def describe(self) -> str:
        return "any"


class Script:
    """Answers with the next of the statuses, then as usual."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.bodies: list[bytes] = []

    def __call__(self, _method: str, _target: str, body: bytes) -> Answer | None:
        self.bodies.append(body)
        return Answer(self.statuses.pop(0)) if self.statuses else None


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[DevCollector]:
    with DevCollector(AnySchema(), intercept=script) as it:
        yield it


def sent(server: DevCollector) -> list[dict[str, str]]:
    """The good events, the oldest first."""
    return [item["rawEvent"]["parameters"] for item in reversed(server.good())]


def track(server: DevCollector, *arguments: str) -> int:
    return run_cli(["track", "-c", server.url, *arguments])


def waiting(queue: Path) -> int:
    store = Store.open(queue)
    try:
        return store.backlog().events
    finally:
        store.close()


@pytest.mark.parametrize("method", ["POST", "GET", "get"])
def test_an_event_is_sent_in_one_request(
    method: str, server: DevCollector, script: Script, capsys: Capture
) -> None:
    """By either method: exit 0, exactly one request."""
    assert track(server, *EVENT, "-m", method, "--id", "ops", "--ip", "192.0.2.7") == 0
    assert capsys.readouterr().out == "1 event(s) delivered\n"
    (event,) = sent(server)
    assert (event["e"], event["aid"], event["ip"]) == ("ue", "ops", "192.0.2.7")
    assert len(script.bodies) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(200, 0), (404, 4), (400, 4), (401, 4), (501, 5), (503, 5), (302, 1)]
)
def test_the_exit_code_is_the_status(
    status: int, code: int, server: DevCollector, script: Script
) -> None:
    """0 for 2xx, 4 for 4xx, 5 for 5xx; a redirect, which loses events, is 1. One request each."""
    script.statuses = [status]
    assert track(server, *EVENT) == code
    assert len(script.bodies) == 1


def test_no_answer_is_exit_1(capsys: Capture) -> None:
    """Nobody listens there; what is lost is said, and how to keep it."""
    address = f"http://127.0.0.1:{free_port()}"
    assert run_cli(["track", "-c", address, *EVENT]) == 1
    assert "--queue keeps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no event is given"),
        (("-s", SCHEMA), "--json is missing"),
        (("-j", "{}"), "--schema is missing"),
        (("-s", SCHEMA, "-j", "{"), "--json: is malformed JSON"),
        (("-s", SCHEMA, "-j", '{"a": NaN}'), "NaN is no number"),
        (("-s", SCHEMA, "-j", "[1]"), "data: must be a mapping"),
        (("-s", "com.example/job", "-j", "{}"), "schema: 'com.example/job' is not an Iglu URI"),
        (("--sdj", '{"schema": "' + SCHEMA + '"}'), "data: must be a mapping"),
        (("--sdj", "[]"), "must be an object"),
        ((*EVENT, "--ctx", "{}"), "--contexts: must be an array"),
        ((*EVENT, "--ctx", "["), "--contexts: is malformed JSON"),
        ((*EVENT, "--ctx", "[1]"), "--contexts[0]: must have schema and data"),
        ((*EVENT, "--ip", "x" * 200), "ip_address"),
    ],
)
def test_bad_input_is_exit_1_by_name(
    arguments: tuple[str, ...], words: str, server: DevCollector, script: Script, capsys: Capture
) -> None:
    """Each mistake has its own message, and nothing is sent."""
    assert track(server, *arguments) == 1
    assert words in capsys.readouterr().err
    assert script.bodies == []


def test_a_collector_must_be_named(capsys: Capture) -> None:
    """Exit 1, with the option's name."""
    assert run_cli(["track", *EVENT]) == 1
    assert "--collector" in capsys.readouterr().err


def test_numbers_stay_as_they_are_spelled(server: DevCollector) -> None:
    """No whole number becomes a float, no fraction is rounded, at any size."""
    data = '{"i":123456789012345678901234567890,"f":0.10,"e":1E+30}'
    assert track(server, "--sdjson", '{"schema":"' + SCHEMA + '","data":' + data + "}") == 0
    (event,) = sent(server)
    text = decode_base64(event["ue_px"]).decode()
    for number in ("123456789012345678901234567890", "0.10", "1E+30"):
        assert f":{number}" in text


@pytest.mark.parametrize("count", [0, 2])
def test_contexts_go_with_the_event(count: int, server: DevCollector) -> None:
    """An empty array adds nothing; two entities are two."""
    entities = [{"schema": SCHEMA, "data": {"n": n}} for n in range(count)]
    assert track(server, *EVENT, "--contexts", json.dumps(entities)) == 0
    (event,) = sent(server)
    assert ("cx" in event) == bool(count)
    if count:
        assert json.loads(decode_base64(event["cx"]))["data"] == entities


def test_lines_of_a_file_are_events(server: DevCollector, tmp_path: Path) -> None:
    """Several events a run, in one request; a line says its own id, times and contexts."""
    eid = "0f8e5c1a-77d2-4d43-9c1e-2b7a4f60d913"
    lines: list[dict[str, Any]] = [{"schema": SCHEMA, "data": {"n": n}} for n in range(3)]
    lines[1] |= {"event_id": eid, "timestamp": 1_795_000_000_000, "contexts": [lines[0]]}
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert track(server, "--ndjson", str(file)) == 0
    events = {event["eid"]: event for event in sent(server)}
    assert len(events) == 3
    assert events[eid]["dtm"] == "1795000000000"
    assert "cx" in events[eid]


def test_a_bad_line_is_named_and_the_others_are_sent(
    server: DevCollector, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From standard input: exit 1, with the number of the line."""
    good = json.dumps({"schema": SCHEMA, "data": {}})
    text = f'{good}\n{{"schema": 1}}\n{good[:-1]}, "colour": "red"}}\n\xff\n{good}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode("latin-1"))))
    assert track(server, "--ndjson", "-") == 1
    errors = capsys.readouterr().err
    assert [f":{n}: " in errors for n in (1, 2, 3, 4, 5)] == [False, True, True, True, False]
    assert len(sent(server)) == 2


def test_retries_try_again(server: DevCollector, script: Script) -> None:
    """Two failures and two retries: delivered, the same event in each request."""
    script.statuses = [503, 503]
    assert track(server, *EVENT, "--retries", "2") == 0
    assert len(script.bodies) == 3
    assert len({json.loads(body)["data"][0]["eid"] for body in script.bodies}) == 1


def test_a_queue_keeps_what_could_not_be_delivered(
    server: DevCollector, tmp_path: Path, capsys: Capture
) -> None:
    """The run that finds no collector ends with 1; the next delivers both events."""
    queue = tmp_path / "queue"
    address = f"http://127.0.0.1:{free_port()}"
    assert run_cli(["track", "-c", address, *EVENT, "--queue", str(queue)]) == 1
    assert "in the queue" in capsys.readouterr().err
    assert waiting(queue) == 1
    assert track(server, *EVENT, "--dbpath", str(queue)) == 0
    assert len(sent(server)) == 2


def test_where_another_sends_the_command_adds(tmp_path: Path, capsys: Capture) -> None:
    """The queue is another process's to send: the event waits in it, and the command says so."""
    address = f"http://127.0.0.1:{free_port()}"
    with sender_lock(tmp_path):
        arguments = ["track", "-c", address, *EVENT, "--queue", str(tmp_path), "--timeout", "0.1"]
        assert run_cli(arguments) == 1
    assert "another process sends" in capsys.readouterr().err
    assert waiting(tmp_path) == 1


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_dry_run_prints_the_request(
    method: str, server: DevCollector, script: Script, tmp_path: Path, capsys: Capture
) -> None:
    """Address and body as they would go out; nothing is sent, and no queue is touched."""
    queue = tmp_path / "queue"
    assert track(server, *EVENT, "-m", method, "--queue", str(queue), "--dry-run") == 0
    shown = capsys.readouterr().out
    path = "/com.snowplowanalytics.snowplow/tp2" if method == "POST" else "/i?"
    assert shown.startswith(f"{method} {server.url}{path}")
    if method == "POST":
        (event,) = json.loads(shown.partition("\n\n")[2])["data"]
        assert event["e"] == "ue"
    assert script.bodies == []
    assert not queue.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--nope",), "--nope"),
        (("-m", "PUT"), "PUT"),
        (("--ndjson", "missing"), "missing"),
        (("--queue", "file", *EVENT), "file"),
        (("--queue", "file/queue", *EVENT), "file/queue"),
        (("--ndjson", "file", *EVENT), "--ndjson and --schema"),
    ],
)
def test_any_other_trouble_is_exit_1(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    """A wrong option, or a queue that can't be, ends as the Tracking CLI does, and is named."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert run_cli(["track", "-c", "http://127.0.0.1:1", *arguments]) == 1
    errors = capsys.readouterr().err
    assert said in errors
    assert "Traceback" not in errors
