"""Spool directories, turn by turn: real files, a real queue, a clock that is moved by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from shipper.event.batch import unpack
from shipper.model import Clock
from shipper.receiver.spool import OWN, Spool
from shipper.room import Limits
from shipper.service.audit import audit
from shipper.store.store import Store
from tests.devcollector.events import eid, order
from tests.shipping import Reports

NOW = 1_795_000_000.0


class Place:
    """A spool directory, and what takes what lies in it."""

    def __init__(self, home: Path, limits: Limits | None = None) -> None:
        self.root = home / "spool"
        self.root.mkdir(exist_ok=True)
        self.state = home / "state"
        self.reports = Reports()
        self.limits = limits or Limits()
        self.start()

    def start(self) -> None:
        self.store = Store.open(self.state)
        clock = Clock(wall=lambda: NOW, monotonic=lambda: NOW)
        self.spool = Spool([self.root], self.store, self.reports, self.limits, 180_000, clock)

    def write(self, name: str, *lines: Any, age: float = 60.0, end: bytes = b"\n") -> Path:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        raw = [line if isinstance(line, bytes) else orjson.dumps(line) for line in lines]
        path.write_bytes(b"\n".join(raw) + end)
        return self.age(path, age)

    def age(self, path: Path, seconds: float) -> Path:
        os.utime(path, (NOW - seconds, NOW - seconds))
        return path

    def turn(self) -> None:
        """Take turns until there is nothing to do, as the service does."""
        while self.spool.turn() is not None:
            for claimed in self.claimed():
                self.age(claimed, 60.0)

    def claimed(self) -> list[Path]:
        return sorted((self.root / OWN).glob("*"))

    def ids(self) -> list[str]:
        """The ids of the events in the queue."""
        batches = self.store.peek(0, 1 << 40)
        return [orjson.loads(e)["eid"] for q in batches for e in unpack(q.batch).split(b"\n")]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    # The time of the last change of a file's name can't be set: here, it is never news.
    monkeypatch.setattr(Spool, "_is_quiet", _by_mtime)
    it = Place(tmp_path)
    yield it
    assert audit(it.store).adds_up
    it.store.close()


def _by_mtime(_: Spool, path: Path, seconds: float) -> bool:
    try:
        return NOW - path.stat().st_mtime >= seconds
    except FileNotFoundError:
        return False


def test_what_phps_emitter_leaves_is_taken_and_deleted(place: Place) -> None:
    """Batches for its workers, what they failed to send, and files of anybody's."""
    place.write("w0/events-1.log", order(1), order(2))
    place.write("failed-logs/failed-2.log", order(3))
    place.write("mine.ndjson", order(4), b"", end=b"")
    place.turn()

    assert sorted(place.ids()) == [eid(n) for n in (1, 2, 3, 4)]
    assert [path for path in place.root.rglob("*") if path.is_file()] == []
    assert place.store.received.marked() == []


def test_what_php_is_at_work_on_is_left_alone(place: Place) -> None:
    """Its buffer, a batch that is being copied, and one that a worker has in hand."""
    kept = [
        place.write("events.log", order(1)),
        place.write("w0/events-1.log", order(2), age=0.5),
        place.write("w1/consuming-1.log", order(3), age=30.0),
    ]
    place.turn()

    assert place.ids() == []
    assert all(path.exists() for path in kept)


def test_what_a_dead_worker_had_in_hand_is_taken(place: Place) -> None:
    """An hour is more than any worker takes."""
    place.write("w1/consuming-1.log", order(3), age=3_601.0)
    place.turn()
    assert place.ids() == [eid(3)]


def test_a_bad_line_is_kept_with_the_reason_and_the_rest_goes_on(place: Place) -> None:
    """Each as a dead letter of its own, with its place and its bytes."""
    bad = [b"{", b"[1]", orjson.dumps({"e": "pv"}), orjson.dumps(order(1) | {"eid": "x"})]
    place.write("failed-logs/1.log", order(1), *bad, order(2))
    place.turn()

    assert place.ids() == [eid(1), eid(2)]
    letters = list(place.store.dead_letters.each())
    assert [letter.raw.rstrip() for letter in letters] == bad
    assert {letter.reason for letter in letters} == {"bad_event"}
    assert [letter.detail.split(";")[0].split(":")[0] for letter in letters] == [
        "the line is not JSON",
        "the line must be an object, not an array",
        "event 0",
        "event 0 (eid x)",
    ]
    assert letters[0].offset == len(orjson.dumps(order(1))) + 1


def test_a_death_between_commit_and_deletion_doubles_nothing(place: Place) -> None:
    """How far a file was read stands beside its events."""
    place.write("a.ndjson", order(1), order(2))
    place.spool.turn()  # claimed, read, committed
    assert len(place.claimed()) == 1
    place.store.close()

    place.start()
    place.turn()

    assert place.ids() == [eid(1), eid(2)]
    assert place.claimed() == []


def test_a_death_after_the_claim_loses_nothing(place: Place) -> None:
    """What was claimed and not read is read by the next who comes."""
    path = place.write("a.ndjson", order(1))
    own = place.root / OWN
    own.mkdir()
    path.rename(own / "0-a.ndjson")
    place.turn()
    assert place.ids() == [eid(1)]


def test_what_is_written_after_the_claim_is_taken(place: Place) -> None:
    """A writer that still holds the file open loses nothing; it is deleted when it is quiet."""
    path = place.write("a.ndjson", order(1))
    with path.open("ab") as writer:
        place.spool.turn()
        assert not path.exists()
        writer.write(orjson.dumps(order(2)))
        writer.flush()
        (claimed,) = place.claimed()
        place.age(claimed, 0.0)
        assert place.spool.turn() is None  # the line may not be whole
        writer.write(b"\n")
    place.age(claimed, 60.0)
    place.turn()

    assert place.ids() == [eid(1), eid(2)]
    assert place.claimed() == []


def test_a_full_queue_leaves_the_files_where_they_are(tmp_path: Path) -> None:
    """They are the buffer."""
    place = Place(tmp_path, Limits(queue_bytes=1))
    path = place.write("a.ndjson", order(1))
    assert place.spool.turn() is None
    assert path.exists()
    assert place.claimed() == []
    place.store.close()


def test_a_line_without_an_end_that_never_ends_is_refused(place: Place) -> None:
    """In pieces that fit into memory; what follows is taken."""
    place.write("a.ndjson", b'{"e":"' + b"x" * 5_000_000 + b'"}', order(1))
    place.turn()
    assert place.ids() == [eid(1)]
    assert len(list(place.store.dead_letters.each())) == 3


def test_a_directory_that_is_not_there_is_told_once(place: Place) -> None:
    """With the remedy, and again when it is there."""
    place.root.rename(place.root.with_name("away"))
    place.turn()
    place.turn()
    (told,) = place.reports.of("spool.unreadable")
    assert told["why"] == "No such file or directory"
    place.root.with_name("away").rename(place.root)
    place.turn()
    assert "spool.readable" in place.reports.names()
