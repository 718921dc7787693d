"""Tests of what the service manager is told, over real datagram sockets."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipper.service.notify import Manager
from shipper.service.threads import Crew
from tests.program import eventually
from tests.shipping import Reports


@contextmanager
def listening(name: str) -> Iterator[socket.socket]:
    """A manager's socket at *name*, as it stands in NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + name[1:] if name.startswith("@") else name)
        ear.settimeout(30)
        yield ear


@pytest.fixture(params=["file", "abstract"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{tmp_path}/notify" if request.param == "file" else f"@shipper-test-{os.getpid()}"


def heard(ear: socket.socket) -> dict[str, str]:
    """The facts of one message."""
    lines = ear.recv(4096).decode().splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def test_the_life_of_a_service(name: str) -> None:
    """Ready once, a reload between its two words with the time it began, and the end."""
    with listening(name) as ear:
        manager = Manager({"NOTIFY_SOCKET": name}, Reports())
        manager.ready()
        manager.ready()
        before = time.monotonic_ns() // 1000
        manager.reloading()
        manager.ready()
        manager.stopping()
        assert heard(ear) == {"READY": "1"}
        reloading = heard(ear)
        assert reloading["RELOADING"] == "1"
        assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        assert heard(ear) == {"READY": "1"}
        assert heard(ear) == {"STOPPING": "1"}


def test_the_watchdog_hears_nothing_of_what_hangs(name: str) -> None:
    """How it goes is said all the same, in one line of a bounded length."""
    environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}
    with listening(name) as ear:
        Manager(environ, Reports()).beat(lambda: "two\nlines " + "x" * 9_999, alive=False)
        facts = heard(ear)
        assert facts.keys() == {"STATUS"}
        assert facts["STATUS"].startswith("two lines xxx")
        assert len(facts["STATUS"]) == 200
        manager = Manager(environ, Reports())
        manager.beat(lambda: "well", alive=True)
        assert heard(ear) == {"STATUS": "well", "WATCHDOG": "1"}
        manager.beat(lambda: "too soon", alive=True)
        ear.setblocking(False)
        with pytest.raises(BlockingIOError):
            ear.recv(1)


@pytest.mark.parametrize("pid", ["1", None])
def test_a_watchdog_for_another_process(name: str, pid: str | None) -> None:
    """Signs are given where this process is meant, or no process is named."""
    environ = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "3000000"} | (
        {"WATCHDOG_PID": pid} if pid else {}
    )
    with listening(name) as ear:
        Manager(environ, Reports()).beat(lambda: "well", alive=True)
        assert ("WATCHDOG" in heard(ear)) is (pid is None)


def test_nobody_asked() -> None:
    """Without a socket nothing is said, and not even asked how it goes."""

    def ask() -> str:
        raise AssertionError("asked")

    reports = Reports()
    manager = Manager({"WATCHDOG_USEC": "1"}, reports)
    manager.ready()
    manager.beat(ask, alive=True)
    assert reports.all == []


def test_a_manager_that_does_not_listen(tmp_path: Path) -> None:
    """That is reported once, and stops nothing."""
    reports = Reports()
    manager = Manager({"NOTIFY_SOCKET": f"{tmp_path}/nobody"}, reports)
    manager.ready()
    manager.stopping()
    assert [name for name, _ in reports.all] == ["service.unheard"]


def test_a_turn_that_takes_too_long_is_stuck() -> None:
    """A thread in a long turn is named; one that sleeps between turns is not."""
    crew, release, began = Crew(), threading.Event(), threading.Event()

    def hang() -> float | None:
        began.set()
        release.wait(60)
        return None

    crew.start("hangs", hang, crew.bell(), lambda: 3600, 0.01)
    crew.start("sleeps", lambda: None, crew.bell(), lambda: 3600, 0.01)
    try:
        assert began.wait(30)
        eventually(lambda: crew.stuck() == ["hangs"])
        release.set()
        eventually(lambda: crew.stuck() == [])
    finally:
        release.set()
        assert crew.join(30) == []
