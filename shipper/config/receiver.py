"""The local daemon as it is configured: where trackers in any language send their events."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shipper.config.address import request_path
from shipper.config.fields import (
    AbsolutePath,
    Group,
    Maybe,
    NotBoolean,
    OneOrList,
    Paths,
    Size,
    Text,
    one_or_list,
    wrong,
)

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


class ReceiverConfig(Group):
    """Where trackers send, and what is taken of it."""

    listen: Annotated[Annotated[Text, AfterValidator(_listen)] | None, Maybe] = Field(
        "127.0.0.1:9090",
        description="Address to listen on; an empty text: none. Whoever reaches it can add events",
    )
    unix_socket: Annotated[AbsolutePath | None, Maybe, AfterValidator(_unix_path)] = Field(
        None, description="Path of a Unix socket to listen on, for its owner and group (mode 0660)"
    )
    paths: Annotated[
        tuple[Annotated[str, AfterValidator(request_path)], ...], OneOrList, one_or_list(0)
    ] = Field((), description="Paths of your own, such as /com.acme/track, beside tp2's")
    max_body_bytes: Annotated[Size, Field(ge=1_000, le=64_000_000)] = Field(
        2_097_152, description="Largest body of a request that is taken"
    )
    max_connections: Annotated[int, Field(ge=1, le=100_000), NotBoolean] = Field(
        1_000, description="Most connections; one more ends the one that is quiet longest"
    )
    spool: Paths = Field(
        (), description="Directories of PHP's File emitter (`log_dir`), or of `*.ndjson` files"
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.listen is None and self.unix_socket is None and not self.spool:
            raise wrong("takes nothing", "give it listen, unix_socket or spool")
        return self

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on."""
        return None if self.listen is None else split_address(self.listen)

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine reaches it."""
        if self.address is None:
            return True
        host = self.address[0]
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
