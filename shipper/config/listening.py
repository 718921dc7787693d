"""Where a server of ours listens, as it is configured: a TCP address, a Unix socket."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, Field

from shipper.config.fields import AbsolutePath, Group, Maybe, Text, wrong

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([\w.-]{1,253})):([0-9]{1,5})", re.ASCII)
# What sockaddr_un holds, its last NUL left out.
_UNIX_PATH = 107


def _listen(text: str) -> str:
    split_address(text)
    return text


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of *text*. Raises PydanticCustomError if it has none."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match[3]) > 65_535:
        raise wrong("is not HOST:PORT", "write it like 127.0.0.1:9090")
    return match[1] or match[2], int(match[3])


def _unix_path(path: AbsolutePath | None) -> AbsolutePath | None:
    if path is not None and len(str(path).encode()) > _UNIX_PATH:
        raise wrong(f"has more than {_UNIX_PATH} bytes", "the system takes no longer path")
    return path


def is_local(host: str) -> bool:
    """Whether nobody but this machine reaches *host*, a name or an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


ListenAddress = Annotated[Annotated[Text, AfterValidator(_listen)] | None, Maybe]
UnixSocket = Annotated[AbsolutePath | None, Maybe, AfterValidator(_unix_path)]


class ListenConfig(Group):
    """What every server here has: where it listens, by an address, a Unix socket or both."""

    listen: ListenAddress = None
    unix_socket: UnixSocket = Field(
        None, description="Path of a Unix socket to listen on, for its owner and group (mode 0660)"
    )

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on."""
        return None if self.listen is None else split_address(self.listen)

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine reaches it."""
        return self.address is None or is_local(self.address[0])
