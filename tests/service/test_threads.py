"""Bells, crews and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from shipper.service.threads import Bell, Crew, Stopping, stop_on_signal

ROOT = Path(__file__).parents[2]


def in_threads(*works: Callable[[], object], seconds: float = 20.0) -> None:
    """Run *works* at once and wait for all of them."""
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
        assert not thread.is_alive(), "it hangs"


# Bells


def test_a_bell_wakes_a_sleeper_at_once() -> None:
    """Ringing ends a sleep of a minute."""
    bell = Bell()
    asleep = threading.Event()

    def sleep() -> None:
        heard = bell.rings
        asleep.set()
        bell.sleep(heard, 60)

    def ring() -> None:
        assert asleep.wait(10)
        bell.ring()

    started = time.monotonic()
    in_threads(sleep, ring)
    assert time.monotonic() - started < 5


def test_a_ring_before_the_sleep_counts() -> None:
    """Work that came after the look and before the sleep is not slept through."""
    bell = Bell()
    heard = bell.rings
    bell.ring()
    started = time.monotonic()
    bell.sleep(heard, 60)
    assert time.monotonic() - started < 5


def test_one_ring_wakes_all() -> None:
    """Every sender looks; none waits for a ring of its own."""
    bell = Bell()
    gate = threading.Barrier(5)

    def sleep() -> None:
        heard = bell.rings
        gate.wait(10)
        bell.sleep(heard, 60)

    def ring() -> None:
        gate.wait(10)
        bell.ring()

    started = time.monotonic()
    in_threads(sleep, sleep, sleep, sleep, ring)
    assert time.monotonic() - started < 5


def test_a_bell_that_does_not_ring_lets_sleep() -> None:
    """The sleep ends by itself after its time, and not before."""
    bell = Bell()
    started = time.monotonic()
    bell.sleep(bell.rings, 0.2)
    assert time.monotonic() - started >= 0.19


def test_no_wake_up_is_lost() -> None:
    """2,000 hand-overs between a writer and two workers that would sleep for an hour otherwise."""
    crew = Crew()
    work, done = crew.bell(), Bell()
    todo: list[int] = []
    finished: list[int] = []

    def turn() -> float | None:
        try:
            finished.append(todo.pop())
        except IndexError:
            return None
        done.ring()
        return 0.0

    crew.start("a", turn, work, lambda: 3600)
    crew.start("b", turn, work, lambda: 3600)
    started = time.monotonic()
    for number in range(2000):
        heard = done.rings
        todo.append(number)
        work.ring()
        done.sleep(heard, 30)
        assert len(finished) == number + 1
    assert time.monotonic() - started < 30
    assert crew.join(10) == []


# Stopping


def test_stopping_wakes_all_who_wait() -> None:
    """Three who would wait an hour go on at once, and later ones do not wait at all."""
    stopping = Stopping()
    gate = threading.Barrier(4)

    def wait() -> None:
        gate.wait(10)
        assert stopping.wait(3600)

    def stop() -> None:
        gate.wait(10)
        time.sleep(0.05)  # let them lie down; that one does not yet makes the test no wrong
        stopping.set()

    assert not stopping.is_set()
    in_threads(wait, wait, wait, stop)
    assert stopping.is_set()
    assert stopping.wait(3600)


def test_waiting_for_what_does_not_come_ends() -> None:
    """It tells that nothing was set; however long a wait is asked for, it is no error."""
    stopping = Stopping()
    assert stopping.wait(0.01) is False
    stopping.set()
    assert stopping.wait(float(10**12))


# Crews


def test_a_turn_is_called_again_as_it_says() -> None:
    """0: at once; a number: after so many seconds; None: at the bell or after the idle time."""
    crew, times = Crew(), []
    bell = crew.bell()
    enough = threading.Event()

    def turn() -> float | None:
        times.append(time.monotonic())
        if len(times) == 6:
            enough.set()
        return [0.0, 0.0, 0.15, 0.0, None, None][min(len(times), 6) - 1]

    crew.start("worker", turn, bell, lambda: 0.2)
    assert enough.wait(10)
    crew.join(10)
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[2] >= 0.14
    assert gaps[4] >= 0.19
    assert gaps[0] + gaps[1] + gaps[3] < 2


def test_a_stop_ends_a_long_pause() -> None:
    """A sender that backs off for an hour, and one that idles for one, stop at once."""
    crew = Crew()
    began = threading.Barrier(3)

    def turn(wait: float | None) -> Callable[[], float | None]:
        def once() -> float | None:
            began.wait(10)
            return wait

        return once

    crew.start("backing-off", turn(3600.0), crew.bell(), lambda: 3600)
    crew.start("idle", turn(None), crew.bell(), lambda: 3600)
    began.wait(10)
    started = time.monotonic()
    assert crew.join(10) == []
    assert time.monotonic() - started < 5


def test_a_crash_stops_all_and_is_kept() -> None:
    """An exception in one thread ends the others' loops; the first one is there to be raised."""
    crew = Crew()
    turns = []

    def busy() -> float:
        turns.append(1)
        return 0.001

    def crash() -> float:
        raise LookupError("the first")

    crew.start("busy", busy, crew.bell(), lambda: 1)
    crew.start("crashing", crash, crew.bell(), lambda: 1)
    assert crew.stopping.wait(10)
    assert crew.join(10) == []
    assert isinstance(crew.crash, LookupError)
    after = len(turns)
    time.sleep(0.05)
    assert len(turns) == after


def test_join_names_who_is_still_busy() -> None:
    """A turn that does not end in the grace time is named and left behind; the rest has ended."""
    crew = Crew()
    hold, began = threading.Event(), threading.Event()

    def stuck() -> float:
        began.set()
        hold.wait(20)
        return 0.0

    crew.start("stuck", stuck, crew.bell(), lambda: 1)
    crew.start("fine", lambda: None, crew.bell(), lambda: 3600)
    assert began.wait(10)
    started = time.monotonic()
    assert crew.join(0.2) == ["stuck"]
    assert time.monotonic() - started < 5
    hold.set()
    assert crew.join(10) == []


def test_no_turn_begins_after_the_stop() -> None:
    """A stop during a turn is heard before the next."""
    crew = Crew()
    turns = []

    def turn() -> float:
        turns.append(1)
        crew.stop()
        return 0.0

    crew.start("worker", turn, crew.bell(), lambda: 1)
    assert crew.join(10) == []
    assert len(turns) == 1


# Signals, in a process of their own

PROGRAM = """
import sys, time
from shipper.service.threads import Crew, stop_on_signal
crew = Crew()
def turn():
    time.sleep(float(sys.argv[1]))
    return 0.0
crew.start("worker", turn, crew.bell(), lambda: 1)
with stop_on_signal(crew.stop):
    print("ready", flush=True)
    while not crew.stopping.wait(0.0005):
        pass
    print("stopping", flush=True)
    print("busy:", crew.join(60), flush=True)
print("out", flush=True)
"""


def program(turn_seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(turn_seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_stops_in_good_order(number: signal.Signals) -> None:
    """The turn under way ends, the program goes on to its end and exits with 0."""
    with program(0.01) as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)
    assert output == "stopping\nbusy: []\nout\n"
    assert process.returncode == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_it_at_once(second: signal.Signals) -> None:
    """Whichever of the two it is, a program that takes long to stop is ended by it."""
    with program(300) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(second)
        assert process.wait(timeout=20) == -second


def test_a_signal_never_meets_a_lock() -> None:
    """Signals that hit the main thread at any moment of its waiting never leave it hanging."""
    for attempt in range(8):
        with program(0.001) as process:
            time.sleep(0.003 * attempt)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            assert process.returncode == 0


STORM = """
import signal
from shipper.service.threads import Stopping
stopping, calls = Stopping(), 0
def handle(*_):
    global calls
    calls += 1
    stopping.set()
signal.signal(signal.SIGUSR1, handle)
print("ready", flush=True)
while calls < 2000:
    stopping = Stopping()
    stopping.wait(0.0001)
print("calm", flush=True)
"""


def test_setting_the_flag_from_a_handler_is_safe_at_any_moment() -> None:
    """Thousands of handlers that interrupt its waiting and each other's setting never block."""
    command = [sys.executable, "-c", STORM]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        end = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < end:
            process.send_signal(signal.SIGUSR1)
        process.kill()
        assert process.stdout.read() == "calm\n"


def test_handlers_are_put_back() -> None:
    """After the block the signals mean what they meant before."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    stopped = threading.Event()
    with stop_on_signal(stopped.set):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(10)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
