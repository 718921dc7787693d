"""The shipper's own log: one line a change of state, whatever the facts hold."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.service import logs


@pytest.fixture(autouse=True)
def logger() -> Iterator[None]:
    handlers, level = logs.LOGGER.handlers[:], logs.LOGGER.level
    propagate = logs.LOGGER.propagate
    yield
    logs.LOGGER.handlers[:], logs.LOGGER.propagate = handlers, propagate
    logs.LOGGER.setLevel(level)


def logged(form: str, name: str, /, *, verbose: bool = False, **facts: object) -> str:
    stream = io.StringIO()
    logs.configure(form, verbose=verbose, stream=stream)
    logs.report(name, **facts)
    return stream.getvalue()


def test_a_line_of_text() -> None:
    """Time, level, event, facts; quotes only where they are needed."""
    line = logged("text", "file.unreadable", path="/logs/a.log", why="Permission denied", tries=3)
    time, rest = line.split(" ", 1)
    assert datetime.fromisoformat(time).tzinfo
    assert time.endswith("Z")
    assert rest == 'warning file.unreadable path=/logs/a.log why="Permission denied" tries=3\n'


def test_a_line_of_json() -> None:
    """One object; numbers, booleans and null are what they are."""
    line = json.loads(logged("json", "x.y", path=Path("/a"), n=3, f=1.5, yes=True, none=None))
    del line["time"]
    assert line == {
        "level": "info",
        "event": "x.y",
        "path": "/a",
        "n": 3,
        "f": 1.5,
        "yes": True,
        "none": None,
    }


@pytest.mark.parametrize(
    "value",
    [
        "two\nlines",
        "\r\x1b[2J\x07",
        'quo"te\\',
        "a=b c=d",
        "",
        "caf\xe9 \u202e \u2028 \U0001f600",
        "caf\udce9.log",
        "\ud800",
        b"bytes\n",
        ["a", "list"],
        float("nan"),
        float("inf"),
        {"a": "\n"},
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_hostile_value_stays_on_its_line(form: str, value: object) -> None:
    """No line break, no escape, no half character gets out, and strict parsers read the JSON."""
    line = logged(form, "file.gone", path=value, n=1)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert line[:-1].isascii()
    assert line[:-1].isprintable()
    if form == "json":
        assert orjson.loads(line)["n"] == 1
    else:
        assert line.endswith(" n=1\n")


@given(st.text(st.characters(), max_size=50))
def test_any_text_can_be_read_back(value: str) -> None:
    """What stands in a line of text is a word as it is, or a JSON string."""
    line = logged("text", "file.gone", path=value)
    shown = line.removesuffix("\n").split("path=", 1)[1]
    assert shown == value or json.loads(shown) == value.encode(errors="backslashreplace").decode()


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_fact_poses_as_time_level_or_event(form: str) -> None:
    """The line's own words stand, the fact is left out."""
    line = logged(form, "file.gone", time="yesterday", level="debug", event="all.well", n=1)
    assert "yesterday" not in line
    assert "all.well" not in line
    assert "warning" in line


@pytest.mark.parametrize(
    ("name", "facts", "level"),
    [
        ("collector.misconfigured", {}, "error"),
        ("collector.unavailable", {}, "warning"),
        ("collector.available", {}, "info"),
        ("queue.unsettled", {}, "warning"),
        ("queue.settled", {}, "info"),
        ("event.buried", {}, "warning"),
        ("file.finished", {"lost_bytes": 7}, "warning"),
        ("anything.else", {}, "info"),
    ],
)
def test_levels_say_what_needs_a_person(name: str, facts: dict[str, int], level: str) -> None:
    """Error: only a person can mend it. Warning: look when you have time."""
    assert json.loads(logged("json", name, verbose=False, **facts))["level"] == level


def test_details_are_told_on_request() -> None:
    """What happens with every file is silent without verbose."""
    assert logged("text", "file.opened", path="/a") == ""
    assert "debug" in logged("text", "file.opened", verbose=True, path="/a")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_is_one_line(form: str) -> None:
    """A crash is found by whoever searches for its line."""
    stream = io.StringIO()
    logs.configure(form, stream=stream)
    try:
        int("no\nsuch")
    except ValueError:
        logs.LOGGER.exception("service.crashed")
    assert stream.getvalue().count("\n") == 1
    assert "Traceback" in stream.getvalue()


def test_it_is_configured_once_and_apart() -> None:
    """Configuring again doubles no line, and the root logger hears nothing."""
    stream = io.StringIO()
    logs.configure("text", stream=io.StringIO())
    logs.configure("text", stream=stream)
    logs.report("x.y")
    assert stream.getvalue().count("\n") == 1
    assert not logging.getLogger("shipper").propagate
