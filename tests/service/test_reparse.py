"""Records among dead letters are parsed again, by mended or by other grammars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from shipper.errors import GrammarError
from shipper.service.replay import Reparse, Reparsed, reparse
from shipper.store.dead_letters import Selection
from tests.service.test_replay import LATER_MS, LENIENT, LINES, Desk

OTHER = LENIENT.replace("name: visits", "name: guests").replace("visits/json", "guests/json")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def again(desk: Desk, *names: str, **how: Any) -> Reparsed:
    selection = {key: how.pop(key) for key in ("ids", "reason", "source") if key in how}
    letters = desk.store.dead_letters.each(Selection(**selection))
    config = how.pop("config", desk.config)
    return reparse(config, desk.store, letters, LATER_MS, Reparse(names, **how))


def test_a_mended_grammar_gives_the_events_of_a_first_reading(tmp_path: Path) -> None:
    """The same bytes, so the same ids, as if the grammar had been right from the start."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    late, early = Desk(tmp_path / "a"), Desk(tmp_path / "b")
    early.write(LENIENT)
    early.read(LINES)
    late.read(LINES)
    late.write(LENIENT)
    assert again(late) == Reparsed(Counter(app=2), Counter(), None)
    by_id = itemgetter("eid")
    assert sorted(late.queued(), key=by_id) == sorted(early.queued(), key=by_id)
    assert late.letters() == []
    for made in (late, early):
        made.store.close()


def test_other_grammars_may_be_tried(desk: Desk, tmp_path: Path) -> None:
    """Those named, in that order, also from a directory that the configuration does not know."""
    desk.read(LINES)
    more = tmp_path / "more"
    more.mkdir()
    (more / "guests.yaml").write_text(OTHER)
    with pytest.raises(GrammarError, match="guests"):
        again(desk, "guests")
    assert again(desk, "visits", "guests", directories=[more]).parsed == {"app": 2}
    schemas = [event["ue_pr"].split('"schema":"')[2].split('"')[0] for event in desk.queued()]
    assert sorted(schemas)[0] == "iglu:com.example/guests/jsonschema/1-0-0"


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    """The share is told; letters, attempts and queue stay as they were."""
    desk.read(LINES + b"!! x\n")
    before, queued = desk.letters(), desk.queued()
    desk.write(LENIENT)
    done = again(desk, dry=True)
    assert (done.parsed, done.failed) == ({"app": 2}, {"app": 1})
    assert done.first is not None
    assert done.first.letter.raw == b"!! x"
    assert (desk.letters(), desk.queued()) == (before, queued)


def test_what_fails_again_has_the_reason_of_today(desk: Desk) -> None:
    """One attempt more, and the furthest column of the grammar that was tried."""
    desk.read(b"b-n two\n")
    assert desk.letters()[0].detail == "column 2: expected ' '"
    desk.write(LENIENT)
    done = again(desk)
    assert done.failed == {"app": 1}
    (letter,) = desk.letters()
    assert (letter.attempts, letter.detail) == (2, "column 5: expected %{INT:number:integer}")


def test_only_records_are_parsed(desk: Desk) -> None:
    """Events that the collector refused are for replay; a choice by number and reason holds."""
    desk.refuse(1, 2)
    desk.read(LINES)
    desk.write(LENIENT)
    first = next(letter.id for letter in desk.letters() if letter.event is None)
    assert again(desk, ids=[first]).parsed == {"app": 1}
    assert again(desk, reason="rejected") == Reparsed(Counter(), Counter(), None)
    assert again(desk).parsed == {"app": 1}
    assert [letter.event is None for letter in desk.letters()] == [False, False]
    assert [letter.attempts for letter in desk.letters()] == [1, 1]


def test_a_record_that_is_dropped_now_stays_and_says_so(desk: Desk) -> None:
    """A grammar that takes a record only to leave it out gives no event; nothing is lost unseen."""
    desk.read(b"b-n 2\n")
    desk.write(
        LENIENT.replace("fields:", "ignore: ['b-n .*']\nfields:").replace("NOTSPACE", "WORD")
    )
    assert again(desk).failed == {"app": 1}
    (letter,) = desk.letters()
    assert (letter.reason, letter.detail) == ("filtered", "visits takes it and drops it")


def test_a_record_of_a_source_that_is_gone_stays(desk: Desk) -> None:
    """Also when grammars are named: its envelope is not known any more."""
    desk.read(LINES)
    desk.write(LENIENT)
    done = again(desk, "visits", config=desk.configured(source="other"))
    assert done.failed == {"app": 2}
    assert {letter.detail for letter in desk.letters()} == {"no source is named 'app' any more"}


def test_many_records_go_in_pages(desk: Desk) -> None:
    """More than one page is queued, each record once."""
    desk.read(b"".join(b"b-n %d\n" % number for number in range(1100)))
    desk.write(LENIENT)
    assert again(desk).parsed == {"app": 1100}
    assert len({event["eid"] for event in desk.queued()}) == 1100
    assert desk.letters() == []
