"""What the playground answers, and that no grammar can hurt the shipper."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.event.builder import Envelope
from shipper.grammar.library import Library
from shipper.status.bench import Bench, Question
from shipper.status.workshop import BusyError, TooMuchError, Workshop
from tests.program import eventually

BENCH = Bench((), (), Envelope(app_id="shop"))
ACCESS = '203.0.113.9 - - [23/Nov/2026:06:55:44 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8"'
HEAD = "name: mine\ntitle: t\nschema: iglu:com.example/mine/jsonschema/1-0-0\n"
SLOW = HEAD + "match: ['(?<q>(?:x|xx|xxx)+)y']\nfields: {q: {}}\n"
HARD = "x" * 60 + "y!"


@pytest.fixture(scope="module")
def shelf() -> Library:
    return BENCH.shelf()


def ask(shelf: Library, *records: str, names: tuple[str, ...] = ("auto",)) -> list[Any]:
    results: list[Any] = BENCH.answer(shelf, Question(records, names))["results"]
    return results


def test_a_record_is_shown_as_fields_places_event_and_schema(shelf: Library) -> None:
    """All that a person wants to know of a line that a grammar takes."""
    answer = BENCH.answer(shelf, Question([ACCESS], ["nginx_access"]))
    (result,) = answer["results"]
    assert result["grammar"] == "nginx_access"
    assert result["fields"]["status"] == 200
    assert result["time"] == "2026-11-23T06:55:44Z"
    places = {span.field: ACCESS[span.start : span.end] for span in result["spans"]}
    assert places["path"] == "/a"
    event = result["event"]
    assert (event["aid"], event["ip"]) == ("shop", "203.0.113.9")
    schema = event["ue_pr"]["data"]["schema"]
    assert schema == "iglu:org.logfilesource/nginx_access/jsonschema/1-0-0"
    assert answer["schemas"]["nginx_access"]["self"]["name"] == "nginx_access"


def test_a_record_that_none_takes_shows_the_furthest_match(shelf: Library) -> None:
    """The grammar, the column, what was expected, and which value was bad."""
    (result,) = ask(shelf, ACCESS.replace("23/Nov", "43/Nov"), names=("nginx_access",))
    assert result["grammar"] is None
    assert result["error"]["grammar"] == "nginx_access"
    assert result["error"]["column"] == ACCESS.index("23/Nov") + 1
    (result,) = ask(shelf, ACCESS.replace("Nov", "Nox"), names=("nginx_access",))
    found = (result["reason"], result["field"], result["error"]["column"])
    assert found == ("bad_time", "time_local", 18)


def test_records_are_read_in_order_as_those_of_a_file(shelf: Library) -> None:
    """A header of columns holds for the lines after it, and their places are those in them."""
    header = "#Fields: date time cs-method sc-status"
    line = "2026-11-23 06:55:44 GET 200"
    _, result = ask(shelf, header, line, names=("w3c_extended",))
    assert result["grammar"] == "w3c_extended"
    assert "GET" in {line[span.start : span.end] for span in result["spans"]}


def test_a_written_grammar_is_tried_with_the_others_at_hand(shelf: Library) -> None:
    """It may name grammars and patterns of the library; its mistakes are told with their lines."""
    written = HEAD + "match: ['^%{WORD:a}: (?<body>.*)$']\nfields: {a: {}, body: {}}\n"
    written += "then: {field: body, grammar: logfmt}\n"
    (result,) = BENCH.answer(shelf, Question(["x: k=v"], (), written))["results"]
    assert result["fields"] == {"a": "x", "body": "k=v", "k": "v"}
    answer = BENCH.answer(shelf, Question(["x"], (), written.replace("WORD", "WROD")))
    (problem,) = answer["problems"]
    assert (problem["where"], problem["key"]) == ("your grammar:4", "match.0")
    assert "WORD" in problem["remedy"]
    assert BENCH.answer(shelf, Question(["x"], (), "- a list"))["problems"]
    assert BENCH.answer(shelf, Question(["x"], ["no_such"]))["problems"]


def test_one_question_ends_in_time(shelf: Library) -> None:
    """However many records are slow: those whose turn did not come are said to be untried."""
    began = time.monotonic()
    results = BENCH.answer(shelf, Question([HARD] * 200, (), SLOW))["results"]
    assert time.monotonic() - began < 30
    assert results[0]["error"]["expected"] == "a match within 0.5 s"
    assert "untried" in results[-1]
    assert len(results) == 200


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    made = Workshop(BENCH, patience=60, at_hand=())
    yield made
    made.close()


@pytest.mark.e2e
def test_the_workshop_answers_from_another_process(workshop: Workshop) -> None:
    """It is confined there: no file may grow, and memory has an end. Killed, it comes again."""
    question = Question([ACCESS], ["nginx_access"])
    assert workshop.ask(question)["results"][0]["grammar"] == "nginx_access"
    (pid,) = children()
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert "Max file size             0                    0" in limits
    assert "Max address space         1073741824           1073741824" in limits
    assert os.getpriority(os.PRIO_PROCESS, pid) > 0
    assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "1000\n"
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: children() == [])
    assert workshop.ask(question)["results"]


@pytest.mark.e2e
def test_a_question_that_takes_too_long_is_killed() -> None:
    """Who asked is told so; the next question finds a new process; nothing is left at the end."""
    workshop = Workshop(BENCH, patience=1.0, at_hand=())
    try:
        with pytest.raises(TooMuchError, match="took longer than 1 s"):
            workshop.ask(Question([HARD] * 200, (), SLOW))
        eventually(lambda: children() == [])
        assert workshop.ask(Question(["k=v"], ["logfmt"]))["results"][0]["grammar"] == "logfmt"
    finally:
        workshop.close()
    eventually(lambda: children() == [])


@pytest.mark.e2e
def test_only_a_few_wait_and_a_close_waits_for_none(workshop: Workshop) -> None:
    """One who is too many is told so; at a close all come back, and the process is gone."""
    workshop.warm()
    outcomes: list[Exception] = []

    def ask_slowly() -> None:
        try:
            workshop.ask(Question([HARD] * 200, (), SLOW))
        except (BusyError, TooMuchError) as error:
            outcomes.append(error)

    askers = [threading.Thread(target=ask_slowly) for _ in range(5)]
    for asker in askers:
        asker.start()
    eventually(lambda: any(isinstance(error, BusyError) for error in outcomes))
    began = time.monotonic()
    workshop.close()
    for asker in askers:
        asker.join(30)
    assert time.monotonic() - began < 10
    assert len(outcomes) == 5
    assert children() == []


def children() -> list[int]:
    """Return the workers among this process's children."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
            line = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        mine = f"\nPPid:\t{os.getpid()}\n" in text
        ours = not line or b"spawn_main" in line  # there is none while a process is dying
        if mine and ours and "\nState:\tZ" not in text:
            found.append(int(status.parent.name))
    return found
