"""What a grammar file may say: one frozen model a YAML mapping, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictFloat, StrictInt

MAX_STRING: Final = 65_535
"""The longest `max_length`: what the widest text column of a warehouse holds."""

FREE_TEXT: Final = 4096
"""The `max_length` of a string field that names none."""

INT64: Final = (-(2**63), 2**63 - 1)
DOUBLE: Final = (-1.7976931348623157e308, 1.7976931348623157e308)

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
FieldName = Annotated[str, Field(min_length=1, max_length=128)]
Texts = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]
Number = StrictInt | StrictFloat


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldSpec(_Model):
    """One field: its type, its limits, and what to do with a value outside them."""

    type: Literal["integer", "number", "boolean", "string", "ip"] | None = None
    description: str = ""
    minimum: Number | None = None
    maximum: Number | None = None
    max_length: Annotated[int, Field(ge=1, le=MAX_STRING, strict=True)] | None = None
    values: Annotated[Texts, Field(min_length=1)] | None = None
    none: Texts = ()
    on_error: Literal["reject", "drop"] = "reject"
    on_long: Literal["truncate", "reject"] | None = None
    derive: dict[str, str] | None = None

    def limits(self) -> tuple[float, float]:
        """Return the least and the greatest value of a field that is a number."""
        low, high = DOUBLE if self.type == "number" else INT64
        return (
            low if self.minimum is None else self.minimum,
            high if self.maximum is None else self.maximum,
        )

    def longest(self) -> int:
        """Return the greatest length of a string, in characters."""
        return self.max_length or FREE_TEXT

    def truncates(self) -> bool:
        """Say whether a longer string is cut: by default where no `max_length` is written."""
        return self.on_long == "truncate" or (self.on_long is None and self.max_length is None)


class TimeSpec(_Model):
    """Where a record's time stands and how it is written."""

    field: Annotated[Texts, Field(min_length=1)]
    formats: Annotated[Texts, Field(min_length=1)]
    timezone: str = "UTC"
    optional: bool = False


class Sample(_Model):
    """A line and the fields that it must give; `expect: null` for a line to refuse."""

    line: str
    expect: dict[str, Any] | None
    now: str = "2026-07-01T12:00:00Z"


class GrammarSpec(_Model):
    """A whole grammar file."""

    name: Name
    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    schema_: Annotated[str, Field(alias="schema")]
    match: Annotated[Texts, Field(min_length=1)] | None = None
    parse: Literal["json", "logfmt"] | None = None
    patterns: dict[str, str] = {}
    fields: dict[FieldName, FieldSpec] = {}
    time: TimeSpec | None = None
    atomic: dict[str, str] = {}
    event: Literal["self_describing"] = "self_describing"
    extra: Literal["keep", "drop"] | None = None
    samples: tuple[Sample, ...] = ()
