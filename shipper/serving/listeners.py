"""The sockets that a server listens on, which outlive a change of configuration.

Rule 1: an address that stays in the configuration stays open: who connects meanwhile waits in the
        kernel's queue and is served a moment later.
Rule 2: a new address is opened before an old one is let go of: where it can't be, nothing changes.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from shipper.errors import CollectorError
from shipper.serving.listening import listen, listen_unix, url_of

_UNIX_MODE: Final = 0o660


class Tcp(NamedTuple):
    """A TCP address."""

    host: str
    port: int


Address = Tcp | Path
"""Where to listen: a path is a Unix socket's."""


def addresses(tcp: tuple[str, int] | None, unix_socket: Path | None) -> list[Address]:
    """Return where to listen, of what is configured."""
    return [*([] if tcp is None else [Tcp(*tcp)]), *([] if unix_socket is None else [unix_socket])]


class Listeners:
    """Open sockets by address, of one server: *who* it is says what can't listen."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._open: dict[Address, socket.socket] = {}
        self._inodes: dict[Path, int] = {}

    def open(self, addresses: Iterable[Address]) -> None:
        """Open those of *addresses* that are not open. Raises CollectorError, and opens none."""
        opened: list[Address] = []
        try:
            for address in addresses:
                if address not in self._open:
                    self._open[address] = self._listen(address)
                    opened.append(address)
        except CollectorError:
            for address in opened:
                self._close(address)
            raise

    def keep(self, addresses: Iterable[Address]) -> None:
        """Close all but *addresses*."""
        for address in set(self._open).difference(addresses):
            self._close(address)

    def shared(self) -> list[socket.socket]:
        """Return what is open, on descriptors of their own for a server to close."""
        return [listener.dup() for listener in self._open.values()]

    def names(self) -> list[str]:
        """Return the open addresses as clients write them; a free port that was taken, too."""
        return [_name(address, listener) for address, listener in self._open.items()]

    def close(self) -> None:
        """Close all."""
        self.keep(())

    def _listen(self, address: Address) -> socket.socket:
        if isinstance(address, Tcp):
            return listen(self._who, *address)
        listener = listen_unix(self._who, address, _UNIX_MODE)
        self._inodes[address] = address.lstat().st_ino
        return listener

    def _close(self, address: Address) -> None:
        self._open.pop(address).close()
        if isinstance(address, Path):
            with suppress(FileNotFoundError):
                # Another process may have put its own there.
                if address.lstat().st_ino == self._inodes.pop(address):
                    address.unlink()


def _name(address: Address, listener: socket.socket) -> str:
    if isinstance(address, Path):
        return str(address)
    return url_of(address.host, listener.getsockname()[1])
