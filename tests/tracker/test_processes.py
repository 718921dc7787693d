"""The library in processes of its own: shared queues, forks, sudden ends, short scripts."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper import Emitter
from shipper.devcollector.schemas import Memory
from shipper.devcollector.server import DevCollector
from shipper.store.store import Store
from tests.arrivals import free_port
from tests.program import eventually

pytestmark = pytest.mark.e2e

_HEAD = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 on: a fork beside threads
from shipper import Emitter, Tracker
url, queue = sys.argv[1:3]
def said(receipt):
    os.write(1, f"{receipt.event_id}\\n".encode())
"""
ENDLESS = """
tracker = Tracker(Emitter(collector=url, queue=queue, {options}))
while True:
    receipt = tracker.track_page_view("https://example.com/")
    receipt.result()
    said(receipt)
"""
FORKING = """
import multiprocessing
emitter = Emitter(collector=url, queue=queue)
tracker = Tracker(emitter)
said(tracker.track_page_view("https://example.com/parent"))
def work(number):
    for n in range(20):
        said(tracker.track_page_view(f"https://example.com/{number}/{n}"))
children = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in range(4)]
for child in children:
    child.start()
    for n in range(20):
        said(tracker.track_page_view("https://example.com/between"))
for child in children:
    child.join()
    assert child.exitcode == 0, child.exitcode
said(tracker.track_page_view("https://example.com/after"))
assert emitter.flush(60) == 0
"""
ORPHANED = """
emitter = Emitter(collector=url, queue=queue)
tracker = Tracker(emitter)
said(tracker.track_page_view("https://example.com/parent"))
emitter.flush(60)
if os.fork():
    os.kill(os.getpid(), 9)
os.read(0, 1)  # until the parent is dead: its end of the pipe closes
said(tracker.track_page_view("https://example.com/child"))
assert emitter.flush(60) == 0
os._exit(0)
"""
ONE = """
Tracker(Emitter(collector=url, queue=queue)).track_page_view("https://example.com/")
"""
POOLED = """
import multiprocessing
emitter = Emitter(collector=url, queue=queue, blocking=False, send=False)
tracker = Tracker(emitter)
def work():
    for n in range(20):
        os.write(1, f"{tracker.track_page_view('https://example.com/').event_id}\\n".encode())
children = [multiprocessing.get_context("fork").Process(target=work) for n in range(2)]
for child in children:
    child.start()
for child in children:
    child.join()
    assert child.exitcode == 0, child.exitcode
"""
MANY = """
import atexit, time
for n in range(5):
    emitter = Emitter(collector=url, queue=f"{queue}/{n}", exit_timeout=3.0)
    Tracker(emitter).track_page_view("https://example.com/")
began = time.monotonic()
atexit._run_exitfuncs()
print(time.monotonic() - began)
"""
SHORT = """
for n in range(10):
    if not n:
        tracker = Tracker(Emitter(collector=url, queue=queue, {options}))
    said(tracker.track_page_view("https://example.com/"))
"""


def start(script: str, url: str, queue: Path, stdin: int | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _HEAD + script, url, str(queue)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # `readline` must leave the rest to `communicate`
        stdin=stdin,
    )


def end(process: subprocess.Popen[bytes], code: int = 0) -> list[str]:
    """Wait for *process*; return the ids that it said were safe."""
    out, errors = process.communicate(timeout=90)
    assert process.returncode == code, errors.decode()
    assert b"Traceback" not in errors, errors.decode()
    return out.decode().split()


@pytest.fixture
def server() -> Iterator[DevCollector]:
    with DevCollector(Memory({})) as it:
        yield it


def arrived(server: DevCollector) -> list[str]:
    assert server.counts().bad == 0
    return [item["rawEvent"]["parameters"]["eid"] for item in server.good()]


def drain(queue: Path, server: DevCollector) -> None:
    with Emitter(collector=server.url, queue=queue) as emitter:
        assert emitter.flush(60) == 0


@pytest.mark.parametrize("options", ["", "blocking=False", "blocking=False, durability='power'"])
def test_sigkill_after_track_returned_loses_nothing(
    options: str, server: DevCollector, tmp_path: Path
) -> None:
    """Whatever was safe by its receipt arrives after the next start, at no collector before."""
    address = f"http://127.0.0.1:{free_port()}"
    process = start(ENDLESS.format(options=options), address, tmp_path)
    assert process.stdout is not None
    said = [process.stdout.readline().decode().strip() for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    said += end(process, -signal.SIGKILL)

    drain(tmp_path, server)

    came = arrived(server)
    assert len(set(came)) == len(came)
    assert set(said) <= set(came)


def test_a_kill_before_the_answer_is_on_record_repeats_the_same_bytes(tmp_path: Path) -> None:
    """The collector took it, nobody knows: the next start sends the event once more, as it was."""
    bodies: list[bytes] = []

    def kill(_method: str, _target: str, body: bytes) -> None:
        bodies.append(re.sub(rb'"stm":"\d+"', b"", body))
        process.kill()
        process.wait(30)

    with DevCollector(Memory({}), intercept=kill) as server:
        process = start(ONE, server.url, tmp_path)
        end(process, -signal.SIGKILL)
        drain(tmp_path, server)
        first, second = arrived(server)
    assert first == second
    assert bodies[0] == bodies[1]


def test_several_processes_share_a_queue_and_one_sends(
    server: DevCollector, tmp_path: Path
) -> None:
    """Four writers, killed one by one: another takes over, and all that was safe arrives."""
    writers = [start(ENDLESS.format(options=""), server.url, tmp_path) for _ in range(4)]
    said: list[str] = []
    for writer in writers:
        assert writer.stdout is not None
        said += [writer.stdout.readline().decode().strip() for _ in range(50)]
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        said += end(writer, -signal.SIGKILL)

    drain(tmp_path, server)

    # A request that was cut by the kill is repeated with the same ids; nothing else comes twice.
    assert set(said) <= set(arrived(server))


def test_a_fork_of_the_program_shares_the_queue(server: DevCollector, tmp_path: Path) -> None:
    """Children of `multiprocessing` and their parent track at once: each event arrives once."""
    said = end(start(FORKING, server.url, tmp_path))
    assert len(said) == 1 + 4 * 20 + 4 * 20 + 1
    drain(tmp_path, server)
    assert sorted(arrived(server)) == sorted(said)


def test_a_child_takes_over_when_its_parent_is_gone(server: DevCollector, tmp_path: Path) -> None:
    """The lock does not stay with a child that inherited it: the child becomes the sender."""
    process = start(ORPHANED, server.url, tmp_path, stdin=subprocess.PIPE)
    process.wait(60)
    assert process.stdin is not None
    process.stdin.close()
    eventually(lambda: server.counts().good == 2)
    assert process.stdout is not None
    assert process.stderr is not None
    assert sorted(process.stdout.read().decode().split()) == sorted(arrived(server))
    assert process.stderr.read() == b""
    process.stdout.close()
    process.stderr.close()


@pytest.mark.parametrize("options", ["", "blocking=False", "method='get'"])
def test_a_short_script_delivers_before_it_ends(
    options: str, server: DevCollector, tmp_path: Path
) -> None:
    """Without `flush` or `stop`, the end of the program sees to it."""
    said = end(start(SHORT.format(options=options), server.url, tmp_path))
    assert sorted(arrived(server)) == sorted(said)
    assert len(said) == 10


def test_the_end_of_a_program_does_not_hang(tmp_path: Path) -> None:
    """No collector: the program ends after its exit time-out, and all is in the queue."""
    address = f"http://127.0.0.1:{free_port()}"
    options = "blocking=False, exit_timeout=0.2"
    said = end(start(SHORT.format(options=options), address, tmp_path))
    store = Store.open(tmp_path)
    assert store.backlog().events == len(said) == 10
    store.close()


def test_children_of_multiprocessing_are_looked_after_at_their_end(tmp_path: Path) -> None:
    """They end without `atexit`; what they tracked and did not wait for is in the queue."""
    said = end(start(POOLED, "http://c.example", tmp_path))
    store = Store.open(tmp_path)
    assert store.backlog().events == len(said) == 40
    store.close()


def test_several_emitters_do_not_add_up_their_times_at_the_end(tmp_path: Path) -> None:
    """Five that may take three seconds each take three, not fifteen."""
    (seconds,) = end(start(MANY, f"http://127.0.0.1:{free_port()}", tmp_path))
    assert float(seconds) < 12
