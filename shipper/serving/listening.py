"""Sockets to listen on: TCP addresses and Unix sockets, and what to do where that can't be.

Rule 1: a Unix socket that a dead process left behind is replaced, and one that is answered is not.
Rule 2: nobody can connect to a Unix socket before it has its final mode.
"""

from __future__ import annotations

import errno
import socket
import stat
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from shipper.errors import CollectorError

_BACKLOG: Final = 1024


def listen(who: str, host: str, port: int) -> socket.socket:
    """Listen on a TCP address; 0 takes a free port.

    Raises CollectorError, which says that *who* can't, and why.
    """
    if not 0 <= port <= 65_535:  # getaddrinfo would take it modulo 65,536
        error = OSError(errno.EADDRNOTAVAIL, "there is no such port")
        raise _cant_listen(who, f"{host}:{port}", error)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        return _bound(*found[0][:3], address=found[0][4])
    except OSError as error:
        raise _cant_listen(who, f"{host}:{port}", error) from error


def listen_unix(who: str, path: Path, mode: int) -> socket.socket:
    """Listen on a Unix socket at *path* with the permissions *mode*. Raises CollectorError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cant_listen(who, str(path), error) from error
    return listener


def url_of(host: str, port: int) -> str:
    """Return the URL of a TCP address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _clear(path: Path) -> None:
    """Take away the socket of a dead process (rule 1)."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "there is a file that is no socket")
    except FileNotFoundError:
        return
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        else:
            raise OSError(errno.EADDRINUSE, "a process listens there")


def _cant_listen(who: str, where: str, error: OSError) -> CollectorError:
    remedies = {
        errno.EADDRINUSE: "stop what listens there, or choose another port (0 takes a free one)",
        errno.EACCES: "ports below 1024 are for root: choose a higher one",
    }
    other = "name an address of this machine and a port from 0 to 65535"
    if where.startswith("/"):
        remedies[errno.EADDRINUSE] = "stop what listens there, or choose another path"
        remedies[errno.EACCES] = "give this user write access to the directory"
        other = "name a path in a directory that is there and may be written"
    what = f"{who} can't listen on {where}: {error.strerror or error}"
    return CollectorError(what, remedies.get(error.errno or 0, other))


def _bound(family: int, kind: int, protocol: int, *, address: Any) -> socket.socket:
    # With the protocol named, asyncio sends small answers at once. Without it, it leaves Nagle's
    # algorithm on, and each request waits 40 ms for the acknowledgement of the answer's head.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
