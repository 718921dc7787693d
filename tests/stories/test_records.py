"""Records of several lines, and those of containers: whole, once, whatever happens in between."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import orjson
import pytest

from shipper.event.recipe import Policy
from shipper.formats.multiline import MultilineRule
from shipper.formats.records import Rules
from shipper.service.audit import audit
from shipper.tail.chunk import Limits
from tests.shipping import SWEEP, Make, Shipper

JAVA = Policy(rules=Rules(multiline=MultilineRule.preset("java")), flush_after=2.0)
PODS = Policy(rules=Rules(container="auto"), flush_after=2.0)
STAMP = "2026-11-23T06:55:44.123456789Z"
TRACE = ["ERROR it broke", "java.lang.IllegalStateException: no", "\tat a.B.c(B.java:7)"]


def cri(text: str, stream: str = "stdout", tag: str = "F") -> str:
    return f"{STAMP} {stream} {tag} {text}"


def docker(text: str, stream: str = "stdout") -> str:
    return json.dumps({"log": text, "stream": stream, "time": STAMP})


def after_timeout(shipper: Shipper) -> list[str]:
    """Let the time pass after which an unfinished record is taken as it is."""
    shipper.turn(2)
    shipper.clock.pass_(2.5)
    return shipper.new_lines()


def entities(payload: bytes) -> dict[str, dict[str, object]]:
    """Return the data of the entities of an event, by the name of their schema."""
    found = orjson.loads(orjson.loads(payload)["co"])["data"]
    return {entity["schema"].split("/")[1]: entity["data"] for entity in found}


def test_a_stack_trace_is_one_event(ship: Make) -> None:
    """A trace belongs to the message before it; the next message ends it."""
    shipper = ship("app.log", policy=JAVA)
    shipper.logs.append("app.log", *TRACE, "INFO fine", "INFO last")
    assert after_timeout(shipper) == ["\n".join(TRACE), "INFO fine", "INFO last"]
    assert shipper.ledger().lines_emitted == 5
    assert shipper.ledger().events == 3


def test_what_is_held_keeps_its_file_open(ship: Make) -> None:
    """43: where no more can be open, a file with a trace that may go on makes no room."""
    shipper = ship("*.log", policy=JAVA, limits=Limits(open_files=1))
    shipper.logs.append("first.log", *TRACE)
    shipper.turn(2)
    shipper.logs.append("second.log", "INFO fine", "INFO last")
    shipper.clock.pass_(SWEEP)
    assert after_timeout(shipper) == ["\n".join(TRACE), "INFO fine", "INFO last"]
    assert "files.crowded" in shipper.reports.names()


@pytest.mark.parametrize("cut", [1, 2])
def test_a_trace_over_a_restart(ship: Make, cut: int) -> None:
    """61: what was read of a trace before a crash is not forgotten, nor read twice."""
    shipper = ship("app.log", policy=JAVA)
    shipper.logs.append("app.log", *TRACE[:cut])
    shipper.turn(2)
    shipper.kill()
    shipper.start()
    shipper.logs.append("app.log", *TRACE[cut:], "INFO next")
    assert after_timeout(shipper) == ["\n".join(TRACE), "INFO next"]


def test_the_timeout_begins_anew_at_a_restart(ship: Make) -> None:
    """61: what is held at the end of a file waits for more lines after a restart, as before it."""
    shipper = ship("app.log", policy=JAVA)
    shipper.logs.append("app.log", *TRACE[:1])
    shipper.turn(2)
    shipper.kill()
    shipper.clock.pass_(60)
    shipper.start()
    shipper.turn(2)
    assert shipper.lines() == []
    shipper.logs.append("app.log", *TRACE[1:])
    assert after_timeout(shipper) == ["\n".join(TRACE)]


@pytest.mark.parametrize("new_name", ["app.log.1", "old/gone.log"])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_trace_over_a_rotation(ship: Make, cut: int, new_name: str) -> None:
    """61: a trace that begins in the old file and ends in the new one is one event."""
    shipper = ship("app.log*", policy=JAVA)
    shipper.logs.append("app.log", "INFO first", *TRACE[:cut])
    shipper.turn(2)
    shipper.logs.rename("app.log", new_name)
    shipper.logs.append("app.log", *TRACE[cut:], "INFO next")
    assert after_timeout(shipper) == ["INFO first", "\n".join(TRACE), "INFO next"]
    assert shipper.ledger().adds_up()


def test_the_timeout_does_not_fire_while_bytes_wait(ship: Make) -> None:
    """62: the time-out counts at the end of the file only."""
    shipper = ship("app.log", policy=JAVA)
    shipper.logs.append("app.log", *TRACE[:2])
    shipper.turn(2)
    shipper.logs.append("app.log", TRACE[2])
    shipper.clock.pass_(60)
    shipper.turn()
    assert shipper.lines() == []
    assert after_timeout(shipper) == ["\n".join(TRACE)]


def test_a_line_whose_end_comes_after_the_timeout(ship: Make) -> None:
    """After the time-out a record is taken as it is; what comes later is another."""
    shipper = ship("app.log", policy=JAVA)
    shipper.logs.append("app.log", TRACE[0])
    assert after_timeout(shipper) == [TRACE[0]]
    shipper.logs.append("app.log", "INFO next")
    assert after_timeout(shipper) == ["INFO next"]


def test_docker_splits_are_joined_per_stream(ship: Make) -> None:
    """59: pieces of a long line are one record, also with another stream in between."""
    shipper = ship("app.log", policy=PODS)
    shipper.logs.append(
        "app.log",
        docker("a" * 16_384),
        docker("from stderr\n", "stderr"),
        docker("bc\n"),
    )
    assert sorted(after_timeout(shipper)) == ["a" * 16_384 + "bc", "from stderr"]


def test_cri_pieces_over_a_rotation(ship: Make) -> None:
    """60: P in the old file, F in the new one: one record."""
    shipper = ship("0.log*", policy=PODS)
    shipper.logs.append("0.log", cri("one "), cri("two ", tag="P"))
    shipper.turn(2)
    shipper.logs.rename("0.log", "0.log.20261123-065544")
    shipper.logs.append("0.log", cri("three"), cri("four"))
    assert after_timeout(shipper) == ["one ", "two three", "four"]


def test_the_path_of_a_pod_becomes_an_entity(ship: Make) -> None:
    """Every event of a pod says which namespace, pod and container, and which stream."""
    folder = "pods/shop_web-5d4f9_3f6b7a0e-1c2d-4e5f-8a9b-0c1d2e3f4a5b/nginx"
    shipper = ship("pods/*/*/*.log", policy=PODS)
    shipper.logs.append(f"{folder}/3.log", cri("hello", "stderr"))
    assert after_timeout(shipper) == ["hello"]
    (event,) = shipper.events()
    container = entities(event.payload)["container"]
    assert container["namespace"] == "shop"
    assert container["container"] == "nginx"
    assert container["restart"] == 3
    assert container["stream"] == "stderr"


def test_a_record_without_time_takes_the_runtime_s(ship: Make) -> None:
    """The time that the container runtime noted is the record's, if it has none of its own."""
    shipper = ship("0.log", policy=PODS)
    shipper.logs.append("0.log", cri("hello"))
    after_timeout(shipper)
    (event,) = shipper.events()
    assert orjson.loads(event.payload)["ttm"] == "1795416944123"


def test_a_pod_that_is_removed_at_once(ship: Make) -> None:
    """40: the last lines of a pod whose directory goes away are read from what is held open."""
    shipper = ship("pods/*/*/*.log", policy=PODS)
    name = "pods/shop_job_3f6b7a0e-1c2d-4e5f-8a9b-0c1d2e3f4a5b/main/0.log"
    shipper.logs.append(name, cri("working"))
    shipper.turn(2)
    shipper.logs.append(name, cri("last words"))
    shipper.logs.delete(name)
    shipper.logs.path(name).parent.rmdir()
    assert after_timeout(shipper) == ["working", "last words"]


def test_an_unfinished_record_of_a_file_that_is_over(ship: Make) -> None:
    """What is held of a file comes out when the file is truncated or let go."""
    shipper = ship("app.log", policy=JAVA)
    shipper.logs.append("app.log", *TRACE)
    shipper.turn(2)
    shipper.logs.truncate("app.log")
    shipper.logs.append("app.log", "x")
    assert after_timeout(shipper) == ["\n".join(TRACE), "x"]


@pytest.mark.parametrize(("policy", "expected"), [("truncate", 1), ("dead_letter", 0), ("skip", 0)])
def test_a_line_over_the_limit_by_policy(ship: Make, policy: str, expected: int) -> None:
    """50: cut and flagged, a dead letter, or counted: the neighbours are intact."""
    rules = Policy(line_bytes=100, long_lines=policy)  # type: ignore[arg-type]  # parametrised
    shipper = ship("app.log", policy=rules)
    shipper.logs.append("app.log", "before", "x" * 500, "after")
    lines = shipper.new_lines()
    assert [line for line in lines if len(line) < 50] == ["before", "after"]
    assert ["x" * 100] * expected == [line for line in lines if len(line) > 50]
    assert len(shipper.store.dead_letters.page()) == (policy == "dead_letter")
    if expected:
        cut = next(event for event in shipper.events() if len(event.line) > 50)
        assert entities(cut.payload)["record"] == {"truncated": True}


def test_a_gap_is_told(ship: Make) -> None:
    """23: bytes that were gone before they were read become an event and a dead letter."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.pump._pace = shipper.pump._pace.__class__(sweep=0.25, queue_bytes=0)
    shipper.logs.append("app.log", "never read")
    shipper.turn(2)
    shipper.logs.truncate("app.log")
    shipper.turn(2)
    (letter,) = shipper.store.dead_letters.page()
    assert letter.reason == "gap"
    assert "11 bytes from offset 2" in letter.detail
    assert shipper.ledger().bytes_lost == 11


def test_rotated_files_that_are_there_at_the_start(ship: Make) -> None:
    """Several rotated files at the first start are read one after the other, the oldest first.

    The time-out of a record passes while the next file waits: the record is taken once.
    """
    shipper = ship("app.log*", policy=JAVA)
    logs = {"app.log.2": ["INFO old", TRACE[0]], "app.log.1": TRACE[1:], "app.log": ["INFO new"]}
    for age, (name, lines) in enumerate(logs.items()):
        shipper.logs.append(name, *lines)
        os.utime(shipper.logs.path(name), (1_000_000 + age, 1_000_000 + age))
    assert after_timeout(shipper) == ["INFO old", "\n".join(TRACE), "INFO new"]


def test_docker_says_which_image_it_is(ship: Make) -> None:
    """59: name and image out of Docker's own file beside the log are attached to each event."""
    shipper = ship("*/*-json.log", policy=Policy(rules=Rules(container="auto")))
    folder = "0123456789abcdef" * 4
    config = {"ID": folder, "Name": "/shop", "Config": {"Image": "shop/web:2.1", "Env": ["K=v"]}}
    shipper.logs.write(f"{folder}/config.v2.json", orjson.dumps(config))
    line = {"log": "hello\n", "stream": "stdout", "time": "2026-11-23T06:55:44.5Z"}
    shipper.logs.append(f"{folder}/{folder}-json.log", orjson.dumps(line).decode())
    assert shipper.new_lines() == ["hello"]
    assert entities(shipper.events()[0].payload)["container"] == {
        "container": "shop",
        "container_id": folder,
        "image": "shop/web:2.1",
        "stream": "stdout",
    }


def test_an_unfinished_record_goes_on_in_one_file_only(ship: Make) -> None:
    """61: of two files begun in the same turn, one goes on with what a rotated one holds."""
    shipper = ship("app.log*", policy=JAVA)
    shipper.logs.append("app.log.1", "INFO old", TRACE[0])
    shipper.turn(2)
    shipper.logs.append("app.log", TRACE[1], "INFO next")
    shipper.logs.append("app.log.2", "INFO restored")
    for age, name in enumerate(("app.log", "app.log.2")):
        os.utime(shipper.logs.path(name), (1_000_000 + age, 1_000_000 + age))

    lines = after_timeout(shipper)
    assert sorted(lines) == sorted(["INFO old", "\n".join(TRACE[:2]), "INFO next", "INFO restored"])


@pytest.mark.parametrize("befalls", ["rotation", "away"])
def test_a_file_that_stood_there_before_is_no_successor(ship: Make, befalls: str) -> None:
    """61: what a log holds does not go on in a file that stood beside it before it was rotated."""
    shipper = ship("app.log*", policy=JAVA)
    shipper.logs.append("app.log", TRACE[0])
    shipper.turn(2)
    shipper.pump._pace = replace(shipper.pace, queue_bytes=0)
    shipper.logs.append("app.log.3", "INFO restored")
    shipper.turn(2)
    shipper.pump._pace = shipper.pace
    if befalls == "rotation":
        shipper.logs.rename("app.log", "app.log.1")
    else:
        shipper.logs.root.rename(shipper.home / "unmounted")
        shipper.turn(2)
        (shipper.home / "unmounted").rename(shipper.logs.root)
    shipper.logs.append("app.log", *TRACE[1:], "INFO next")

    assert sorted(after_timeout(shipper)) == ["\n".join(TRACE), "INFO next", "INFO restored"]


def test_an_unfinished_record_whose_copy_comes_late(ship: Make) -> None:
    """22, 61: what was held of an emptied log came out; its copy, met later, does not repeat it."""
    shipper = ship("app.log*", policy=JAVA)
    shipper.logs.append("app.log", "INFO first", TRACE[0])
    shipper.turn(2)
    shipper.pump._pace = replace(shipper.pace, queue_bytes=0)
    shipper.logs.append("app.log", *TRACE[1:])
    shipper.turn(2)
    shipper.logs.path("made").mkdir()
    shipper.logs.copy("app.log", "made/app.log.1")
    shipper.logs.truncate("app.log")
    shipper.turn(2)
    shipper.logs.rename("made/app.log.1", "app.log.1")
    shipper.pump._pace = shipper.pace

    assert after_timeout(shipper) == ["INFO first", TRACE[0], "\n".join(TRACE[1:])]
    assert audit(shipper.store).adds_up


def test_the_audit_after_a_source_was_renamed(ship: Make) -> None:
    """61: a record that went on in the next file adds up, also if that is of another source now."""
    shipper = ship("app.log*", policy=JAVA)
    shipper.logs.append("app.log", TRACE[0])
    shipper.turn(2)
    shipper.logs.rename("app.log", "app.log.1")
    shipper.logs.append("app.log", TRACE[1], "INFO next")
    after_timeout(shipper)
    shipper.logs.delete("app.log.1")
    shipper.restart(shipper.source("renamed", "app.log*"))
    shipper.logs.append("app.log", "INFO last")

    assert after_timeout(shipper) == ["INFO last"]
    assert audit(shipper.store).adds_up
