"""Which events of a turn are packed together, and in which order they stand in the queue."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shipper.event.batch import compress, unpack
from shipper.event.chunk import Loose, Parse
from shipper.model import Ledger
from shipper.store.gathering import Lot, lots
from shipper.tail.checkpoint import Checkpoint
from tests.tail.samples import checkpoint

Read = tuple[Checkpoint, Parse, bool]


def _read(
    log: str, event: str, *, source: str = "web", short: bool = True, behind: bool = False
) -> Read:
    events = (f'"{event}"'.encode(),)
    parse = Parse((), (), Ledger(), loose=Loose(events, 1_000))
    at = replace(checkpoint(path=log), source=source)
    return at, parse if short else parse.packed(), behind


def _events(lot: Lot) -> list[str]:
    texts = [unpack(batch).decode().split("\n") for batch in lot.batches]
    return [text.strip('"') for some in texts for text in some]


def _no(_log: str) -> bool:
    return False


def test_short_chunks_of_many_files_make_one_batch() -> None:
    """Whichever file they are of, but not of several sources."""
    turn = [_read(f"/{n}", str(n)) for n in range(5)]
    turn += [_read("/a", "a", source="app"), _read("/5", "5")]
    web, app = lots(turn, _no)
    assert (web.source, web.logs, _events(web)) == (
        "web",
        tuple(f"/{n}" for n in range(6)),
        [*"012345"],
    )
    assert (app.source, app.logs, _events(app)) == ("app", ("/a",), ["a"])
    assert [len(web.batches), len(app.batches)] == [1, 1]


def test_what_is_packed_together_fits_requests() -> None:
    """Of more than a request holds there are several batches."""
    turn = [_read(f"/{n}", "x" * 300) for n in range(9)]
    (lot,) = lots(turn, _no)
    assert len(lot.batches) > 2
    assert all(batch.size < 1_000 for batch in lot.batches)


def test_a_log_that_is_behind_is_not_put_together_with_others() -> None:
    """Its backlog would take theirs along."""
    turn = [_read("/a", "a"), _read("/big", "big", behind=True), _read("/b", "b")]
    found = [(lot.logs, lot.behind) for lot in lots(turn, _no)]
    assert found == [(("/a",), False), (("/big",), True), (("/b",), False)]


def test_what_waits_for_a_backlog_is_not_put_together_with_what_need_not() -> None:
    """Rule 2."""
    turn = [_read("/a", "a"), _read("/waits", "1"), _read("/b", "b"), _read("/waits", "2")]
    first, second = lots(turn, "/waits".__eq__)
    assert (first.logs, _events(first)) == (("/a", "/b"), ["a", "b"])
    assert (second.logs, _events(second)) == (("/waits",), ["1", "2"])


def test_what_gave_no_events_is_not_queued() -> None:
    """Rejects only, or blank lines."""
    assert list(lots([(checkpoint(), Parse((), (), Ledger()), False)], _no)) == []


read = st.tuples(st.sampled_from("abcd"), st.booleans(), st.booleans(), st.sampled_from(["x", "y"]))


@given(st.lists(read, max_size=12), st.sets(st.sampled_from("abcd")))
def test_each_log_keeps_its_order(kinds: list[tuple[str, bool, bool, str]], late: set[str]) -> None:
    """Rule 1, however long its chunks are, and whatever is behind; nothing is lost or twice."""
    turn = [
        _read(f"{source}{log}", f"{log}{n}", source=source, short=short, behind=behind)
        for n, (log, short, behind, source) in enumerate(kinds)
    ]
    made = [
        (lot.source, event)
        for lot in lots(turn, lambda log: log[1] in late)
        for event in _events(lot)
    ]
    given_ = [(source, f"{log}{n}") for n, (log, _, _, source) in enumerate(kinds)]
    assert sorted(made) == sorted(given_)
    for log in {(source, log) for log, _, _, source in kinds}:
        of = [pair for pair in made if (pair[0], pair[1][0]) == log]
        assert of == [pair for pair in given_ if (pair[0], pair[1][0]) == log]


def test_packing_a_parse_keeps_what_is_packed_in_front() -> None:
    """`packed` leaves nothing loose, and changes nothing where nothing is."""
    batch = compress([b'"first"'])
    parse = Parse((batch,), (), Ledger(), loose=Loose((b'"then"',), 1_000)).packed()
    assert [unpack(each) for each in parse.batches] == [b'"first"', b'"then"']
    assert parse.loose is None
    assert parse.packed() is parse
