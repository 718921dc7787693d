"""The local daemon as it is configured: where trackers in any language send their events."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shipper.config.address import request_path
from shipper.config.fields import (
    NotBoolean,
    OneOrList,
    Paths,
    Size,
    one_or_list,
    wrong,
)
from shipper.config.listening import ListenAddress, ListenConfig


class ReceiverConfig(ListenConfig):
    """Where trackers send, and what is taken of it."""

    listen: ListenAddress = Field(
        "127.0.0.1:9090",
        description="Address to listen on; an empty text: none. Whoever reaches it can add events",
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
