"""The status page as it is configured: where it is served, and who may act by it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from shipper.config.fields import Maybe, OneOrList, Text, one_or_list, wrong
from shipper.config.listening import ListenAddress, ListenConfig

_LEAST_TOKEN = 16


def _token(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        text = value.get_secret_value()
        if len(text) < _LEAST_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
            what = f"is shorter than {_LEAST_TOKEN} characters, or has others than ASCII"
            raise wrong(what, "make one, as by: openssl rand -hex 16")
    return value


class StatusConfig(ListenConfig):
    """Where the status page is served, with its health checks, metrics and grammar playground."""

    listen: ListenAddress = Field(
        "127.0.0.1:8080",
        description="Address to listen on; an empty text: none. Whoever reaches it can read "
        "dead letters, and so lines of your logs",
    )
    hosts: Annotated[tuple[Text, ...], OneOrList, one_or_list(0)] = Field(
        (),
        description="Names by which browsers reach it, as through a proxy; all others are refused "
        "then, as they are on a loopback address",
    )
    token: Annotated[SecretStr | None, Maybe, AfterValidator(_token)] = Field(
        None,
        description="What a browser has to show before it may replay or discard; `file:PATH` is "
        "read from that file; by default one is made, and kept in the state directory",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.listen is None and self.unix_socket is None:
            raise wrong("is served nowhere", "give it listen or unix_socket, or leave it out")
        return self
