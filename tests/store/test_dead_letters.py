"""Tests of the dead letters: filed, found, paged, put back once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.event.batch import compress, unpack
from shipper.event.chunk import Parse, Reject
from shipper.model import Ledger
from shipper.store.dead_letters import Buried, Selection
from shipper.store.store import Progress, Settlement, Store
from tests.store.samples import begin


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path)
    yield store
    store.close()


def _reject(store: Store, *rejects: Reject, source: str = "web") -> None:
    checkpoint = begin(store, source=source, path=f"/logs/{source}.log")
    store.commit([Progress(checkpoint, Parse((), rejects, Ledger()))], 1)


def _bury(store: Store, *events: bytes) -> None:
    store.enqueue("web", [compress(list(events))], 1)
    (queued,) = store.peek(0, 1 << 30)
    buried = [Buried(event, "rejected", "400: no") for event in events]
    store.settle([Settlement(queued, 0, buried)], 2)


def test_a_record_keeps_its_bytes_and_its_place(store: Store) -> None:
    """A dead letter has the raw bytes, where they stood, and why they could not go on."""
    _reject(store, Reject(17, b"\xff\0raw", "nginx", "no_match", "column 1: expected IP"))
    (letter,) = store.dead_letters.page()
    assert letter.raw == b"\xff\0raw"
    assert (letter.offset, letter.path, letter.source) == (17, "/logs/web.log", "web")
    assert (letter.grammar, letter.reason) == ("nginx", "no_match")
    assert isinstance(letter.generation, uuid.UUID)
    assert letter.event is None
    assert letter.attempts == 1


def test_an_empty_record_is_kept(store: Store) -> None:
    """A record of no bytes is a dead letter like any other."""
    _reject(store, Reject(0, b"", "", "no_match", ""))
    assert store.dead_letters.page()[0].raw == b""


def test_a_refused_event_keeps_the_collectors_words(store: Store) -> None:
    """An event that was refused is kept byte for byte, with the reason."""
    _bury(store, b'{"e":"ue"}')
    (letter,) = store.dead_letters.page()
    assert (letter.event, letter.raw) == (b'{"e":"ue"}', b"")
    assert letter.detail == "400: no"


def test_pages_go_through_all_in_order(store: Store) -> None:
    """Paging by the last id meets each letter once, oldest first."""
    _reject(store, *(Reject(n, b"x", "", "no_match", str(n)) for n in range(25)))
    found: list[int] = []
    after = 0
    while page := store.dead_letters.page(after=after, limit=10):
        assert len(page) <= 10
        found += [int(letter.detail) for letter in page]
        after = page[-1].id
    assert found == list(range(25))
    assert [int(letter.detail) for letter in store.dead_letters.each()] == found


def test_letters_that_arrive_and_leave_between_pages(store: Store) -> None:
    """`each` goes on where it is, whatever is put back or comes meanwhile."""
    _bury(store, *(b'{"n":%d}' % n for n in range(5)))
    seen = 0
    for letter in store.dead_letters.each():
        store.dead_letters.requeue([(letter, letter.event or b"")], 180_000, 1)
        seen += 1
    assert seen == 5
    assert not store.dead_letters.page()
    assert store.backlog().events == 5


def test_selections(store: Store) -> None:
    """Letters are chosen by id, reason and source; an id that is not there chooses nothing."""
    _reject(store, Reject(0, b"a", "", "no_match", ""), Reject(1, b"b", "", "bad_time", ""))
    _reject(store, Reject(0, b"c", "", "no_match", ""), source="app")

    def raws(**choice: object) -> list[bytes]:
        return [x.raw for x in store.dead_letters.page(Selection(**choice))]  # type: ignore[arg-type]

    assert raws() == [b"a", b"b", b"c"]
    assert raws(reason="no_match") == [b"a", b"c"]
    assert raws(source="app") == [b"c"]
    assert raws(reason="bad_time", source="app") == []
    assert raws(ids=[1, 3, 99]) == [b"a", b"c"]
    assert raws(ids=[10**30, -1]) == []
    assert raws(ids=range(1, 50_000)) == [b"a", b"b", b"c"]
    assert store.dead_letters.reasons()[0] == ("app", "no_match", 1)


def test_putting_back_twice_at_once_sends_once(store: Store) -> None:
    """Two who put the same letters back at the same time queue each event once."""
    _bury(store, *(b'{"n":%d}' % n for n in range(40)))
    letters = [(letter, letter.event or b"") for letter in store.dead_letters.page()]
    counts: list[int] = []

    def replay() -> None:
        counts.extend(store.dead_letters.requeue([pair], 180_000, 1) for pair in letters)

    threads = [threading.Thread(target=replay) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 40
    events = [e for q in store.peek(0, 1 << 30) for e in unpack(q.batch).split(b"\n")]
    assert sorted(events) == sorted(event for _, event in letters)


def test_putting_back_is_whole_or_nothing(store: Store) -> None:
    """Where putting back fails half-way, the letters are all there and nothing is queued."""
    _bury(store, b'{"n":1}', b'{"n":2}')
    first, second = store.dead_letters.page()

    def events() -> Iterator[tuple[object, bytes]]:
        yield first, first.event or b""
        raise RuntimeError(second)

    with pytest.raises(RuntimeError):
        store.dead_letters.requeue(events(), 180_000, 1)  # type: ignore[arg-type]
    assert len(store.dead_letters.page()) == 2
    assert store.backlog().events == 0


def test_another_failed_attempt_is_noted(store: Store) -> None:
    """A letter that failed again has the new reason, and one attempt more."""
    _reject(store, Reject(0, b"a", "", "no_match", "old"))
    (letter,) = store.dead_letters.page()
    store.dead_letters.amend(letter, "bad_time", "new")
    (again,) = store.dead_letters.page()
    assert (again.reason, again.detail, again.attempts) == ("bad_time", "new", 2)
