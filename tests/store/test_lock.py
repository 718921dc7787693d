"""Tests of the lock: one sender a state, and a second one is told who holds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shipper.errors import StateError
from shipper.store.lock import alive_at, holder, sender_lock

_HOLD = (
    "import sys; from pathlib import Path; from shipper.store.lock import sender_lock\n"
    "with sender_lock(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.readline()"
)


def _start(directory: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.communicate(b"\n", timeout=30)


def test_a_second_process_is_refused_with_the_pid(tmp_path: Path) -> None:
    """Who comes second learns the pid of the first, and gets the lock when that has ended."""
    process = _start(tmp_path)
    with pytest.raises(StateError, match=f"pid {process.pid}") as caught, sender_lock(tmp_path):
        pass
    assert caught.value.exit_code == 73
    assert holder(tmp_path) == process.pid
    _end(process)
    with sender_lock(tmp_path):
        assert holder(tmp_path) == os.getpid()


def test_a_killed_holder_holds_no_longer(tmp_path: Path) -> None:
    """The lock ends with its holder, however that ends."""
    process = _start(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert holder(tmp_path) is None
    with sender_lock(tmp_path):
        pass


def test_nobody_holds_what_was_never_held(tmp_path: Path) -> None:
    """Without a lock file there is no holder and no sign of life."""
    assert holder(tmp_path) is None
    assert alive_at(tmp_path) is None


def test_a_sign_of_life(tmp_path: Path) -> None:
    """The lock file's time is the sign of life that its holder may move on."""
    with sender_lock(tmp_path) as path:
        os.utime(path, (1_000, 1_000))
        assert alive_at(tmp_path) == 1_000
        os.utime(path)
        assert alive_at(tmp_path) == pytest.approx(time.time(), abs=60)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """A lock that can't be made is a StateError with a remedy."""
    with pytest.raises(StateError, match="can't be opened") as caught, sender_lock(tmp_path / "no"):
        pass
    assert caught.value.remedy


def test_a_lock_file_of_nonsense(tmp_path: Path) -> None:
    """Nonsense in the lock file does not matter: whoever holds the lock writes it anew."""
    (tmp_path / "lock").write_bytes(b"\xffnonsense" * 100)
    assert holder(tmp_path) is None
    with sender_lock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())
