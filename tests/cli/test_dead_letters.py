"""The commands for dead letters: filters by reason, source and time; what is shown; discarding."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from shipper.cli import cli, run_cli
from shipper.event.batch import pack
from shipper.event.chunk import Parse, Reject
from shipper.model import Ledger
from shipper.service.audit import audit
from shipper.store.dead_letters import Buried
from shipper.store.store import Progress, Settlement, Store
from tests.outbox import event
from tests.store.samples import begin

_CONFIG = """
state: {0}/state
collector: {{url: "http://127.0.0.1:9"}}
sources: [{{name: web, paths: ["{0}/*.log"], grammar: logfmt}}]
"""
_HOUR_MS = 3_600_000


class Place:
    """A state with three dead letters: two records, one of them old, and a refused event."""

    def __init__(self, home: Path) -> None:
        self.config = home / "shipper.yaml"
        self.config.write_text(_CONFIG.format(home))
        self.store = Store.open(home / "state")
        now_ms = int(time.time() * 1000)
        checkpoint = begin(self.store)
        for offset, at_ms in ((0, now_ms - 48 * _HOUR_MS), (7, now_ms)):
            raw = b"no=match\n\tat \x1b[31mred"
            reject = Reject(offset, raw, "logfmt", "no_match", "column 4: expected a key")
            ledger = Ledger(1, 7, lines_rejected=1, bytes_rejected=7)
            checkpoint = checkpoint.at(offset + 7, b"x", 100)
            self.store.commit([Progress(checkpoint, Parse((), (reject,), ledger))], at_ms)
        self.store.take_in({"app": pack([event(1)], 9_000)}, now_ms)
        (queued,) = self.store.peek(0, 9_000)
        refused = Buried(event(1), "rejected", "status 400: the words of the collector")
        self.store.settle([Settlement(queued, 0, [refused])], now_ms)

    def run(self, *arguments: str, answer: str = "", code: int = 0) -> str:
        name, *rest = arguments
        done = CliRunner().invoke(
            cli, ["dead-letters", name, "-c", str(self.config), *rest], input=answer
        )
        assert done.exit_code == code, done.output
        return done.output


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.store.close()


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ([], [1, 2, 3]),
        (["--since", "1h"], [2, 3]),
        (["--before", "1h"], [1]),
        (["--since", "3d", "--before", "1d"], [1]),
        (["--reason", "no_match"], [1, 2]),
        (["--source", "app"], [3]),
        (["--reason", "no_match", "--since", "1h"], [2]),
    ],
)
def test_filters(place: Place, filters: list[str], ids: list[int]) -> None:
    """Reason, source and time choose among them, in a list as in an export, and all at once."""
    listed = place.run("list", "--json", *filters).splitlines()
    assert [json.loads(line)["id"] for line in listed] == ids
    exported = place.run("export", *filters).splitlines()
    assert [json.loads(line)["id"] for line in exported] == ids
    counts = place.run("list", "--limit", "0", *filters).splitlines()
    assert sum(int(line.split()[0]) for line in counts) == len(ids)


def test_a_time_that_is_none(place: Place) -> None:
    """A duration that can't be read is an error of the command line."""
    assert "30m, 1h or 7d" in place.run("list", "--since", "yesterday", code=2)


def test_what_is_shown_says_why(place: Place) -> None:
    """A record comes with how far it was understood, an event with the collector's answer."""
    record, refused = place.run("show", "2"), place.run("show", "3")
    for words in ("no=match", "logfmt", "column 4: expected a key", "/logs/web.log"):
        assert words in record
    assert "status 400: the words of the collector" in refused
    assert "reparse -c FILE 2\n" in record
    assert "replay -c FILE 3\n" in refused
    shown = next(line for line in refused.splitlines() if line.startswith("event:"))
    assert json.loads(shown.removeprefix("event:")) == json.loads(event(1))
    assert json.loads(place.run("show", "3", "--json"))["event"]["e"] == "pv"


def test_discarding_asks_first(place: Place) -> None:
    """Nothing goes without a yes; what goes is counted, and the audit adds up."""
    place.run("discard", "--reason", "no_match", answer="n\n", code=1)
    assert place.store.counting.on_record("letters").entries == 3
    said = place.run("discard", "--reason", "no_match", answer="y\n")
    assert "delete 2 dead letters for good" in said
    assert "2 discarded" in said
    assert "1 discarded" in place.run("discard", "3", "--yes")
    assert audit(place.store).adds_up
    assert audit(place.store).discarded == 1
    assert "0 discarded" in place.run("discard", "--all")


def test_discarding_what_is_old(place: Place) -> None:
    """Age alone may choose; nothing named at all is refused."""
    assert "1 discarded" in place.run("discard", "--before", "1d", "--yes")
    assert [letter.id for letter in place.store.dead_letters.page()] == [2, 3]
    done = CliRunner().invoke(cli, ["dead-letters", "discard", "-c", str(place.config), "--yes"])
    assert done.exit_code != 0
    assert "nothing is named" in str(done.exception)


def test_what_is_shown_is_harmless_for_a_terminal(place: Place) -> None:
    """What a log holds is shown line by line, and draws nothing; as JSON it is whole."""
    for said in (place.run("show", "2"), place.run("list")):
        assert "\x1b" not in said
    assert "raw:         no=match\n             \N{REPLACEMENT CHARACTER}at " in place.run(
        "show", "2"
    )
    assert "\x1b[31mred" in json.loads(place.run("show", "2", "--json"))["raw"]


def test_a_list_says_what_it_leaves_out(place: Place) -> None:
    """How many are not listed; and where a filter fits none, what there is."""
    assert "and 1 more" in place.run("list", "--limit", "2")
    assert "more" not in place.run("list", "--limit", "0")
    assert "more" not in place.run("list")
    said = place.run("list", "--reason", "nomatch").splitlines()
    assert said == [
        "none of the dead letters is so:",
        "       2  web: no_match",
        "       1  app: rejected",
    ]
    place.run("discard", "--all", "--yes")
    assert place.run("list", "--reason", "nomatch") == "no dead letters\n"


@pytest.mark.parametrize("command", ["replay", "reparse", "discard"])
@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (["99"], "there is no dead letter 99"),
        (["3", "7", "99", "8"], "there are no dead letters 7, 8 and 99"),
    ],
)
def test_a_letter_that_is_not_there_is_named(
    place: Place, capsys: pytest.CaptureFixture[str], command: str, numbers: list[str], said: str
) -> None:
    """It is an error, 65; what else was named is done."""
    yes = ["--yes"] if command == "discard" else []
    arguments = ["dead-letters", command, "-c", str(place.config), *numbers, *yes]
    assert run_cli(arguments) == 65
    assert said in capsys.readouterr().err
    left = 2 if "3" in numbers and command != "reparse" else 3
    assert place.store.counting.on_record("letters").entries == left


@pytest.mark.parametrize("command", ["replay", "reparse", "discard"])
def test_a_time_chooses(place: Place, command: str) -> None:
    """Each that changes something takes the filters that a list takes."""
    filters = ["--since", "1h", "--reason", "no_match"]
    if command == "discard":
        place.run(command, *filters, "--yes")
        assert [letter.id for letter in place.store.dead_letters.page()] == [1, 3]
        return
    place.run(command, *filters, code=1)
    attempts = {letter.id: letter.attempts for letter in place.store.dead_letters.page()}
    assert attempts == {1: 1, 2: 2, 3: 1}


def test_a_replay_says_what_fails(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Of those that fail again, the first comes with its place and its reason of today."""
    assert run_cli(["dead-letters", "replay", "-c", str(place.config), "1", "3"]) == 65
    said = capsys.readouterr()
    assert said.out.startswith(
        "1 queued, 1 failed again\nstill failing, for one: #1 /logs/web.log:0 "
    )
    assert "1 dead letter failed again" in said.err
