"""The queue tools, on a real state, beside a writer that goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.cli import run_cli
from shipper.event.batch import RecordBatch, pack, unpack
from shipper.service.audit import audit
from shipper.store.store import Settlement, Store
from tests.outbox import eid, event

Capture = pytest.CaptureFixture[str]
_CONFIG = """
state: {0}/state
collector: {{url: "http://127.0.0.1:9"}}
sources: [{{name: web, paths: ["{0}/*.log"], grammar: logfmt}}]
"""


class Place:
    """A state with events in its queue, and the commands."""

    def __init__(self, home: Path, capsys: Capture) -> None:
        home.mkdir(exist_ok=True)
        self.config = home / "shipper.yaml"
        self.config.write_text(_CONFIG.format(home))
        self.store = Store.open(home / "state")
        self._capsys = capsys

    def queue(self, *numbers: int, source: str = "web", max_bytes: int = 5_000) -> None:
        batches = list(pack([event(number) for number in numbers], max_bytes))
        self.store.take_in({source: batches}, 1_795_000_000_000)

    def run(self, *arguments: str, code: int = 0) -> str:
        assert run_cli(["queue", arguments[0], "-c", str(self.config), *arguments[1:]]) == code
        return self._capsys.readouterr()[int(code != 0)]

    def events(self) -> list[bytes]:
        batches = self.store.peek(0, 1 << 40)
        return [e for queued in batches for e in unpack(queued.batch).split(b"\n")]


@pytest.fixture
def place(tmp_path: Path, capsys: Capture) -> Iterator[Place]:
    place = Place(tmp_path / "one", capsys)
    yield place
    place.store.close()


def test_stats(place: Place) -> None:
    """How much waits, of which source and since when, as text and as JSON; an empty queue, too."""
    assert json.loads(place.run("stats", "--json"))["events"] == 0
    assert "0 events" in place.run("stats")
    place.queue(*range(100))
    place.queue(*range(7), source="app")
    found = json.loads(place.run("stats", "--json"))
    assert (found["events"], found["oldest"]) == (107, "2026-11-18T11:06:40Z")
    assert [(each["source"], each["events"]) for each in found["sources"]] == [
        ("app", 7),
        ("web", 100),
    ]
    assert found["stored_bytes"] == sum(each["stored_bytes"] for each in found["sources"])
    text = place.run("stats")
    assert "107 events" in text
    assert "app: 7 events" in text


def test_peek(place: Place) -> None:
    """What is sent next comes first, an object a line; nothing leaves the queue."""
    place.queue(*range(100))
    place.queue(200, source="app")
    lines = [json.loads(line) for line in place.run("peek", "--limit", "3").splitlines()]
    assert [line["event"]["eid"] for line in lines] == [eid(0), eid(1), eid(2)]
    (other,) = place.run("peek", "--source", "app").splitlines()
    assert json.loads(other)["event"]["eid"] == eid(200)
    assert place.store.backlog().events == 101


def test_an_export_is_imported_with_the_same_bytes(
    place: Place, tmp_path: Path, capsys: Capture
) -> None:
    """What is exported here and imported there is there, byte for byte, and the books add up."""
    place.queue(*range(5_000))
    place.queue(*range(9_000, 9_010), source="app")
    file = tmp_path / "backlog.ndjson"
    place.run("export", "-o", str(file))
    assert len(file.read_bytes().splitlines()) == 5_010
    other = Place(tmp_path / "two", capsys)
    assert "5,010 events" in other.run("import", str(file))
    assert other.events() == place.events()
    assert audit(other.store).adds_up
    assert {queued.source for queued in other.store.peek(0, 1 << 40)} == {"web", "app"}
    other.store.close()


def test_an_import_makes_the_state(place: Place, tmp_path: Path) -> None:
    """On a machine where shipper never ran: the state is made, readable by its owner only."""
    place.queue(1, 2, 3)
    file, state = tmp_path / "backlog.ndjson", tmp_path / "new" / "state"
    place.run("export", "-o", str(file))
    place.config.write_text(place.config.read_text().replace(f"{tmp_path}/one/state", str(state)))
    assert "3 events" in place.run("import", str(file))
    assert "3 events" in place.run("stats")
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / "state.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense", "no exported event"),
        (b'{"source":"web","event":{"e":"ue"}}', "no exported event"),
        (b'{"event":{"eid":"x"},"source":"web"}', "no exported event"),
        (b'{"source": "web", "event": {"eid": "x"}}', "as `queue export` wrote them"),
        (b'{"source":"web","event":{"eid":"' + b"x" * 200_000 + b'"}}', "200010 bytes"),
    ],
)
def test_a_line_that_is_wrong(place: Place, tmp_path: Path, line: bytes, words: str) -> None:
    """The first wrong line ends an import; what stood before it is in, and that is said."""
    good = b'{"source":"web","event":%s}\n' % event(1)
    file = tmp_path / "wrong.ndjson"
    file.write_bytes(good * 3 + b"\n" + line + b"\n" + good)
    said = place.run("import", str(file), code=65)
    assert words in said
    assert "line 5" in said
    assert "3 events before it" in said
    assert place.store.backlog().events == 3


def test_check_finds_what_is_wrong(place: Place) -> None:
    """A sound queue is sound; a batch with a flipped byte, and a sum that is off, are named."""
    place.queue(*range(100))
    assert "100 events" in place.run("check")
    assert json.loads(place.run("check", "--json"))["faults"] == []
    (first, *_) = place.store.peek(0, 1_000)
    body = bytearray(first.batch.body)
    body[len(body) // 2] ^= 1
    with place.store._database.transaction() as db:
        db.execute("UPDATE batch SET body = ? WHERE id = ?", (bytes(body), first.id))
        db.execute("UPDATE tally SET events = events + 1 WHERE name = 'queue'")
    said = place.run("check", code=65)
    assert f"batch {first.id} of web" in said
    assert "101 events" in said
    shown = place.run("peek", "--limit", "1000").splitlines()
    assert len(shown) == 100 - first.batch.events


def test_compact_gives_back_all_there_is(place: Place) -> None:
    """The free space of a file goes back to the disk, also while others have it open."""
    for number in range(300):
        big = RecordBatch(1, 9, bytes([number % 251]) * 9_000)
        place.store.take_in({"web": [big]}, 1)
    for queued in place.store.peek(0, 1 << 40):
        place.store.settle([Settlement(queued, 1)], 1)
    before = place.store.space.free_bytes()
    assert before > 2_000_000
    assert f"{before:,} bytes given back" in place.run("compact")
    assert "nothing was free" in place.run("compact")
    assert place.store.space.free_bytes() == 0


@pytest.mark.parametrize("name", ["stats", "peek", "export", "import", "check", "compact"])
def test_each_has_help_with_an_example(name: str, capsys: Capture) -> None:
    """The help of each command shows one that can be typed."""
    assert run_cli(["queue", name, "--help"]) == 0
    assert f"shipper queue {name} -c shipper.yaml" in capsys.readouterr().out


def test_no_state_is_there(tmp_path: Path, capsys: Capture) -> None:
    """Without a state it is exit code 73, and nothing is made."""
    (tmp_path / "shipper.yaml").write_text(_CONFIG.format(tmp_path))
    assert run_cli(["queue", "stats", "-c", str(tmp_path / "shipper.yaml")]) == 73
    assert not (tmp_path / "state").exists()
    assert "no state" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["peek", "export"])
def test_no_line_is_explained(
    place: Place, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """An empty queue, or a source without events: that is said, but not among the lines."""

    def said(*options: str) -> str:
        assert run_cli(["queue", command, "-c", str(place.config), *options]) == 0
        out, err = capsys.readouterr()
        assert out == ""
        return err

    assert said() == said("--source", "web") == "nothing waits\n"
    place.queue(1)
    assert said("--source", "wbe") == "nothing of source wbe waits; what waits is of web\n"
    assert place.run(command).count("\n") == 1
