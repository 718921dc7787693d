"""Real servers in processes of their own, for the length of a block, and requests as raw bytes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PATIENCE = 30.0


def program(name: str, *elsewhere: str) -> str | None:
    """Return where the program *name* is, on the path or in the directories *elsewhere*."""
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", *elsewhere]))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[object], address: int | Path, ending: signal.Signals, **more: Any
) -> Iterator[None]:
    """Run the server *command*, which listens on *address*, a port or the path of a socket.

    At the end of the block it gets the signal *ending*, and has written its log when that is over.
    *more* goes to Popen.
    """
    with subprocess.Popen(
        [*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more
    ) as server:
        try:
            _wait_for(server, address)
            yield
        finally:
            server.send_signal(ending)
            server.communicate(timeout=_PATIENCE)


def _wait_for(server: subprocess.Popen[bytes], address: int | Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            said = server.stderr.read() if server.stderr else b""
            raise AssertionError(f"{server.args!r} has ended: {said!r}")
        try:
            connect(address).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"{server.args!r} does not listen on {address}")


def connect(address: int | Path) -> socket.socket:
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), timeout=_PATIENCE)
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.connect(str(address))
    except OSError:
        peer.close()
        raise
    return peer


def send(port: int, request: bytes) -> bytes:
    """Send *request*, and return all that comes back until the server closes."""
    with connect(port) as peer:
        peer.sendall(request)
        answer = b""
        while piece := peer.recv(65_536):
            answer += piece
        return answer
