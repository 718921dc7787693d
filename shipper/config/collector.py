"""What can be configured of the way to the collector.

Rule 1: a secret is a `SecretStr`, and stands in `references.is_secret`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from shipper.config.address import (
    collector_url,
    header_name,
    header_value,
    proxy_url,
    request_path,
    user_name,
)
from shipper.config.fields import (
    AbsolutePath,
    Group,
    Maybe,
    NotBoolean,
    NotEmpty,
    OneOrList,
    Seconds,
    Size,
    lower_case,
    one_or_list,
    wrong,
)

DAY = 86_400.0


def _secret_header(value: SecretStr) -> SecretStr:
    header_value(value.get_secret_value())
    return value


def _secret_proxy(value: SecretStr) -> SecretStr:
    return SecretStr(proxy_url(value.get_secret_value()))


def _version(value: object) -> object:
    return str(value) if isinstance(value, float) else value


HeaderName = Annotated[str, AfterValidator(header_name)]
HeaderValue = Annotated[SecretStr, AfterValidator(_secret_header)]
ProxyAddress = Annotated[SecretStr, AfterValidator(_secret_proxy)]
Urls = Annotated[
    tuple[Annotated[str, AfterValidator(collector_url)], ...], NotEmpty, OneOrList, one_or_list(1)
]


class RetryConfig(Group):
    """How long to wait before a request is tried again: a random time below a growing ceiling."""

    first: Annotated[Seconds, Field(ge=0.01, le=DAY)] = Field(
        0.5, description="Ceiling of the first delay; each further one doubles it"
    )
    cap: Annotated[Seconds, Field(ge=0.01, le=DAY)] = Field(
        60.0, description="The ceiling grows no further than this"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.cap:
            raise wrong("has a first delay above the cap", "make first at most cap")
        return self


class TlsConfig(Group):
    """How connections are secured. The files are read anew when they change."""

    ca: Annotated[AbsolutePath | None, Maybe] = Field(
        None,
        description="File or directory of certificates to trust, in place of the built-in ones",
    )
    certificate: Annotated[AbsolutePath | None, Maybe] = Field(
        None, description="PEM file of the certificate that the collector wants to see"
    )
    key: Annotated[AbsolutePath | None, Maybe] = Field(
        None, description="PEM file of its key; by default it stands in the same file"
    )
    verify: bool = Field(
        True, description="`false` sends to whoever answers, and says so at each start"
    )
    min_version: Annotated[Literal["1.2", "1.3"], BeforeValidator(_version)] = Field(
        "1.2", description="Oldest version of TLS that is spoken"
    )

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise wrong("has a key without a certificate", "name its certificate, too")
        if self.ca is not None and not self.verify:
            raise wrong("has a ca that is never asked: verify is false", "leave out one of them")
        return self


class CollectorConfig(Group):
    """Where events go, and how much may be in flight."""

    urls: Urls = Field(
        alias="url",
        description="Address of the Snowplow collector: scheme, host, optional port and path "
        "prefix. Of several, the first healthy one gets the events",
        json_schema_extra={"minItems": 1},
    )
    path: Annotated[str, AfterValidator(request_path)] = Field(
        "/com.snowplowanalytics.snowplow/tp2",
        description="Path of POST requests, for a collector that maps an alias to it",
    )
    method: Annotated[Literal["post", "get"], BeforeValidator(lower_case)] = Field(
        "post", description="`post` sends many events a request, `get` one"
    )
    # 180,000 fits every sink of the collector unsplit: the smallest, SQS, takes 192,000.
    max_bytes: Annotated[Size, Field(ge=1_000, le=10_000_000)] = Field(
        180_000, description="Largest body of a POST request"
    )
    max_events: Annotated[int, Field(ge=1, le=1_000_000), NotBoolean] = Field(
        10_000, description="Most events of a POST request"
    )
    # The collector refuses request lines above 20,480 bytes.
    max_get_bytes: Annotated[Size, Field(ge=1_000, le=20_000)] = Field(
        8_000, description="Longest request line of a GET request"
    )
    # Measured: with 20 ms, 99 of 100 events are at the collector 24 ms after they were queued.
    linger: Annotated[Seconds, Field(ge=0, le=60)] = Field(
        0.02, description="How long a request that is less than half full waits for more events"
    )
    concurrency: Annotated[int, Field(ge=1, le=64), NotBoolean] = Field(
        4, description="Most requests in flight at a time; how many there are finds its level"
    )
    min_concurrency: Annotated[int, Field(ge=1, le=64), NotBoolean] = Field(
        1, description="Requests in flight that are allowed however slow the collector is"
    )
    connect_timeout: Annotated[Seconds, Field(ge=0.01, le=600)] = Field(
        5.0, description="How long a connection may take to open"
    )
    read_timeout: Annotated[Seconds, Field(ge=0.01, le=600)] = Field(
        30.0, description="How long the collector may take to answer"
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        description="Extra request headers; a value `file:PATH` is read from that file",
    )
    username: Annotated[str | None, Maybe, AfterValidator(user_name)] = Field(
        None, description="User name for basic authentication"
    )
    password: Annotated[HeaderValue | None, Maybe] = Field(
        None, description="Password for it; `file:PATH` is read from that file"
    )
    anonymous: bool = Field(
        False, description="Send `SP-Anonymous`: the collector notes no address and sets no cookie"
    )
    gzip: bool = Field(
        False,
        description="Compress POST bodies; only for a proxy that unpacks them: collectors do not",
    )
    proxy: Annotated[ProxyAddress | None, Maybe] = Field(
        None,
        description="Address of an HTTP proxy, or `direct` for none; by default that of the "
        "environment; `file:PATH` is read from that file",
    )
    tls: TlsConfig = Field(TlsConfig(), description="How connections are secured")
    retry: RetryConfig = Field(RetryConfig(), description="Delays between attempts")
    misconfigured_delay: Annotated[Seconds, Field(ge=0.01, le=DAY)] = Field(
        30.0, description="Delay after an answer that only a person can mend (401, 403, 404, 3xx)"
    )
    suspect_tries: Annotated[int, Field(ge=2, le=1_000), NotBoolean] = Field(
        5, description="Failures while others pass after which a request is halved"
    )
    suspect_after: Annotated[Seconds, Field(ge=1, le=365 * DAY)] = Field(
        600.0,
        description="How long an event that fails alone while others pass is tried, before it is "
        "a dead letter",
    )

    @property
    def url(self) -> str:
        """The address of the first collector."""
        return self.urls[0]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({name.lower() for name in self.headers}) < len(self.headers):
            raise wrong("has a header twice: upper and lower case are one", "keep one of them")
        if len(set(self.urls)) < len(self.urls):
            raise wrong("has an address twice", "keep one of them")
        if self.min_concurrency > self.concurrency:
            what = "has a min_concurrency above the concurrency"
            raise wrong(what, "make min_concurrency at most concurrency")
        return self

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise wrong("has only one of username and password", "write both, or neither")
        if self.username and any(name.lower() == "authorization" for name in self.headers):
            what = "has a username and an Authorization header"
            raise wrong(what, "leave out one of them")
        return self
