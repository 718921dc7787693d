"""Dead letters get another try, with the ids that they would have had from the start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from shipper.config.models import Config
from shipper.event.batch import compress, unpack
from shipper.event.chunk import cut_line, parse_chunk
from shipper.event.entities import Origin
from shipper.event.ids import EventIds, namespace_id
from shipper.formats.fingerprint import fingerprint
from shipper.service.assemble import recipes_of
from shipper.service.replay import Replayed, replay
from shipper.store.dead_letters import KEPT_BYTES, Buried, DeadLetter, Selection
from shipper.store.store import Progress, Settlement, Store
from shipper.tail.checkpoint import Checkpoint, Node, Sighting
from tests.outbox import NOW_MS, event

LATER_MS = NOW_MS + 3_600_000
STRICT = """
name: visits
title: visits
schema: iglu:com.example/visits/jsonschema/1-0-0
match: ['^%{WORD:who} %{INT:number:integer}$']
fields:
  who: {description: who}
  number: {type: integer, description: a number}
samples:
  - line: 'ann 1'
    expect: {who: ann, number: 1}
"""
LENIENT = STRICT.replace("%{WORD:who}", "%{NOTSPACE:who}")
LINES = b"ann 1\nb-n 2\ncat 3\nd-n 4\n"


class Desk:
    """A state directory, a configuration with one source, and a grammar that can be mended."""

    def __init__(self, directory: Path) -> None:
        self.grammars = directory / "grammars"
        self.grammars.mkdir()
        self.write(STRICT)
        self.store = Store.open(directory / "state")
        self.config = self.configured()

    def write(self, grammar: str) -> None:
        (self.grammars / "visits.yaml").write_text(grammar)

    def configured(self, source: str = "app", **more: Any) -> Config:
        extra = {key: more.pop(key) for key in ("max_bytes", "method") if key in more}
        return Config.model_validate(
            {
                "collector": {"url": "http://collector.example.com", **extra},
                "grammars": {"directories": [str(self.grammars)]},
                "sources": [{"name": source, "paths": "/logs/a", "grammar": "visits", **more}],
            }
        )

    def read(self, chunk: bytes, config: Config | None = None) -> Checkpoint:
        """Take a file of *chunk* as the pump would, with the grammar of today."""
        config = config or self.config
        sighting = Sighting(
            source="app",
            path="/logs/a",
            canonical="/logs/a",
            node=Node(1, 2),
            head=fingerprint(chunk),
            tail=fingerprint(b""),
            first_line=chunk.split(b"\n")[0],
            start=0,
            size=len(chunk),
        )
        checkpoint = self.store.begin(sighting, namespace_id("host"), NOW_MS)
        made = recipes_of(config)[config.sources[0].name]
        origin = Origin(EventIds(checkpoint.generation), checkpoint.canonical)
        parse = parse_chunk(chunk, 0, made, origin, NOW_MS * 1000)
        self.store.commit([Progress(checkpoint, parse)], NOW_MS)
        return checkpoint

    def replay(self, config: Config | None = None, **selection: Any) -> Replayed:
        """Replay; return the counts. What is told of the first that failed is true."""
        letters = self.store.dead_letters.each(Selection(**selection))
        done = replay(config or self.config, self.store, letters, LATER_MS)
        assert (done.first is not None) == (done.failed > 0)
        if done.first is not None:
            letter, reason, detail = done.first
            (kept,) = self.store.dead_letters.page(Selection((letter.id,)))
            assert (kept.reason, kept.detail) == (reason, detail)
        return done._replace(first=None)

    def letters(self) -> list[DeadLetter]:
        return self.store.dead_letters.page()

    def queued(self) -> list[dict[str, str]]:
        batches = self.store.peek(0, 10_000_000)
        return [orjson.loads(e) for q in batches for e in unpack(q.batch).split(b"\n")]

    def refuse(self, *numbers: int) -> None:
        """Bury events as the emitter does when the collector refuses them."""
        self.bury(*[Buried(event(number), "rejected", "HTTP 400: no") for number in numbers])

    def bury(self, *letters: Buried) -> None:
        batch = compress([b"{}"])
        self.store.enqueue("app", [batch], NOW_MS)
        last = self.store.peek(0, 1_000_000)[-1]
        self.store.settle([Settlement(last, 0, letters)], NOW_MS)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_records_get_the_events_they_would_have_had(tmp_path: Path) -> None:
    """After the grammar was mended: equal to the bytes of a first reading with the mended one."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    late, early = Desk(tmp_path / "a"), Desk(tmp_path / "b")
    early.write(LENIENT)
    early.read(LINES)
    late.read(LINES)
    assert len(late.letters()) == 2
    late.write(LENIENT)

    assert late.replay() == Replayed(queued=2, failed=0)

    by_id = itemgetter("eid")
    assert sorted(late.queued(), key=by_id) == sorted(early.queued(), key=by_id)
    assert late.letters() == []
    for made in (late, early):
        made.store.close()


def test_what_fails_again_stays_and_is_counted(desk: Desk) -> None:
    """Two more tries are two more attempts; the reason is today's; nothing is queued."""
    desk.read(LINES)
    assert desk.replay() == Replayed(queued=0, failed=2)
    assert desk.replay() == Replayed(queued=0, failed=2)
    assert [letter.attempts for letter in desk.letters()] == [3, 3]
    assert {letter.reason for letter in desk.letters()} == {"no_match"}
    assert len(desk.queued()) == 2


def test_refused_events_go_back_as_they_are(desk: Desk) -> None:
    """The same bytes, so the same id; also when their source is configured no more."""
    desk.refuse(1, 2, 3)
    assert desk.replay(desk.configured(source="other")) == Replayed(queued=3, failed=0)
    assert desk.queued() == [orjson.loads(event(number)) for number in (1, 2, 3)]
    assert desk.letters() == []


def test_a_choice_of_letters(desk: Desk) -> None:
    """By number and by reason; the others stay untouched."""
    desk.refuse(1, 2)
    desk.read(LINES)
    first = desk.letters()[0].id
    assert desk.replay(ids=[first]) == Replayed(1, 0)
    assert desk.replay(reason="no_match") == Replayed(0, 2)
    assert [letter.attempts for letter in desk.letters()] == [1, 2, 2]
    assert desk.replay(ids=[first]) == Replayed(0, 0), "it is gone"


def test_two_replays_at_once_queue_each_event_once(tmp_path: Path) -> None:
    """From two connections, at the same moment, over several pages."""
    desk = Desk(tmp_path)
    for start in range(0, 1200, 300):
        desk.refuse(*range(start, start + 300))
    other = Store.open(tmp_path / "state")
    gate = threading.Barrier(2)
    done: list[Replayed] = []

    def run(store: Store) -> None:
        letters = store.dead_letters.each()
        gate.wait(10)
        done.append(replay(desk.config, store, letters, LATER_MS))

    threads = [threading.Thread(target=run, args=(store,)) for store in (desk.store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    assert sum(replayed.queued for replayed in done) == 1200
    assert sorted(e["eid"] for e in desk.queued()) == sorted(
        orjson.loads(event(number))["eid"] for number in range(1200)
    )
    assert desk.letters() == []
    desk.store.close()


def test_an_event_over_todays_limit_stays(desk: Desk) -> None:
    """It would come back at once; the detail says what to change, and then it goes."""
    desk.refuse(1)
    small = desk.configured(max_bytes=1_000)
    desk.bury(Buried(event(2, 5_000), "rejected", "HTTP 413"))

    assert desk.replay(small) == Replayed(queued=1, failed=1)
    (letter,) = desk.letters()
    assert (letter.reason, letter.attempts) == ("too_large", 2)
    assert letter.detail == "the event has 5000 bytes, a request takes 1000"
    assert desk.replay() == Replayed(queued=1, failed=0)


def test_a_damaged_batch_stays(desk: Desk) -> None:
    """Its bytes are no event; they are kept for whoever can read them."""
    desk.bury(Buried(b"\x28\xb5 no zstd", "damaged", "3 events lost to damage"))
    assert desk.replay() == Replayed(0, 1)
    (letter,) = desk.letters()
    assert (letter.reason, letter.detail, letter.attempts) == (
        "damaged",
        "3 events lost to damage",
        2,
    )


def test_a_record_of_a_source_that_is_gone_stays(desk: Desk) -> None:
    """Nobody knows its grammar any more, and the detail says so."""
    desk.read(LINES)
    desk.write(LENIENT)
    assert desk.replay(desk.configured(source="other")) == Replayed(0, 2)
    assert {letter.detail for letter in desk.letters()} == {"no source is named 'app' any more"}
    assert desk.replay() == Replayed(2, 0), "back in the configuration, it goes"


def test_an_overlong_line_goes_when_the_limit_was_raised(desk: Desk) -> None:
    """The limit is on the line with its end, as at the first reading."""
    line = b"a" * 3_000 + b" 1\n"
    desk.read(line, desk.configured(long_lines="dead_letter", max_line_bytes=1_024))
    assert [letter.reason for letter in desk.letters()] == ["oversize"]
    just_under = desk.configured(long_lines="dead_letter", max_line_bytes=len(line) - 1)
    just_right = desk.configured(long_lines="dead_letter", max_line_bytes=len(line))
    assert desk.replay(just_under) == Replayed(0, 1)
    assert desk.replay(just_right) == Replayed(1, 0)


def test_a_line_whose_end_was_not_kept_is_never_parsed(desk: Desk) -> None:
    """Of a line cut at what is kept, no event is made, whatever the limit is now."""
    desk.write(STRICT.replace(" %{INT:number:integer}$", "(?: %{INT:number:integer})?"))
    checkpoint = desk.read(b"first\n")
    strict = desk.configured(long_lines="dead_letter")
    made = recipes_of(strict)[strict.sources[0].name]
    origin = Origin(EventIds(checkpoint.generation), checkpoint.canonical)
    kept = (b"a" * KEPT_BYTES, 6, KEPT_BYTES + 5_000)
    parse = cut_line(kept, made, origin, NOW_MS * 1000)
    desk.store.commit([Progress(checkpoint, parse)], NOW_MS)
    config = desk.configured(long_lines="dead_letter", max_line_bytes=64 * 1024 * 1024)
    assert desk.replay(config) == Replayed(0, 1)
    (letter,) = desk.letters()
    assert letter.reason == "oversize"


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("raw = ?", (b"",)),
        ("generation = NULL, offset = ?", (None,)),
        ("offset = ?", (None,)),
        ("raw = ?", (b"two\nlines",)),
    ],
)
def test_a_letter_without_its_place_or_record_stays(
    desk: Desk, sql: str, values: tuple[bytes | None]
) -> None:
    """Whatever was done to the row, the answer is words and not a traceback."""
    desk.read(b"b-n 2\n")
    packed = [zstandard.compress(v) if v else v for v in values]
    with desk.store._database.transaction() as db:
        db.execute(f"UPDATE dead_letter SET {sql}", packed)
    assert desk.replay() == Replayed(0, 1)
    assert len(desk.letters()) == 1
