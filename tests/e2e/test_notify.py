"""The real program under a service manager's socket: started, watched, reloaded, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arrivals import collector, numbered
from tests.program import eventually, running
from tests.service.test_notify import heard, listening
from tests.status.site import Site

pytestmark = pytest.mark.e2e


def _until(ear: socket.socket, key: str) -> dict[str, str]:
    """The next message that says *key*; the socket's own time limit ends the wait."""
    while key not in (facts := heard(ear)):
        pass
    return facts


# A minute is long for a test. All else is the program as it is.
_IMPATIENT = """
from shipper.service import threads
threads.Crew.start.__defaults__ = (0.5,)
from shipper.cli import main
main()
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace (Debian: strace)")
def test_the_watchdog_hears_nothing_while_a_read_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that holds a read for 5 seconds: how it goes is told on, the sign is not given."""
    monkeypatch.setenv("NOTIFY_SOCKET", f"{tmp_path}/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    with collector() as to, listening(f"{tmp_path}/notify") as ear:
        site = Site(tmp_path, to)
        site.log.unlink()  # or the first look at it may hang, before there is any sign
        slow = "inject=pread64:delay_enter=5000000:when=1"
        strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", str(site.log), "-e", slow]
        program = [sys.executable, "-c", _IMPATIENT, "run", "-c", str(site.config)]
        process = subprocess.Popen([*strace, *program], stderr=subprocess.DEVNULL)
        try:
            _until(ear, "WATCHDOG")
            site.log.write_bytes(b"".join(map(numbered, range(10))))
            while "WATCHDOG" in _until(ear, "STATUS"):
                pass
            assert to.counts().good == 0
            _until(ear, "WATCHDOG")
            eventually(lambda: to.counts().good == 10)
        finally:
            process.kill()
            process.wait()


def test_it_tells_its_service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready when it listens, signs for the watchdog with how it goes, reload, refusal, stop."""
    monkeypatch.setenv("NOTIFY_SOCKET", f"{tmp_path}/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    with collector() as to, listening(f"{tmp_path}/notify") as ear:
        site = Site(tmp_path, to)
        site.log.write_bytes(b"".join(map(numbered, range(10))))
        with running("run", "-c", site.config) as program:
            assert heard(ear) == {"READY": "1"}
            program.wait_for("status.listening")
            while "10 delivered" not in (facts := _until(ear, "WATCHDOG"))["STATUS"]:
                pass
            assert facts["STATUS"].startswith("1 file, 0 bytes unread; 0 events wait")
            for text in (site.config.read_text() + "tail: {sweep: 1s}\n", "sources: no list"):
                site.config.write_text(text)
                os.kill(program.process.pid, signal.SIGHUP)
                assert "MONOTONIC_USEC" in _until(ear, "RELOADING")
                assert _until(ear, "READY") == {"READY": "1"}
            program.wait_for("config.refused")
            program.process.send_signal(signal.SIGTERM)
            assert _until(ear, "STOPPING") == {"STOPPING": "1"}
            assert program.process.wait(30) == 0
