"""What a grammar file may say: one frozen model a YAML mapping, unknown keys refused."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from shipper.grammar.shaping_spec import (
    Conditions,
    EventKind,
    Number,
    PageViewSpec,
    RedactSpec,
    SampleSpec,
    Scalar,
    StructSpec,
    Texts,
)

MAX_STRING: Final = 65_535
"""The longest `max_length`: what the widest text column of a warehouse holds."""

FREE_TEXT: Final = 4096
"""The `max_length` of a string field that names none."""

ADDRESS_LENGTH: Final = 64
"""The longest address, in characters: 45 for IPv6 with an IPv4 tail, the rest for a zone id."""

UUID_LENGTH: Final = 36
TIMESTAMP_LENGTH: Final = 27
"""`2026-11-23T06:55:44.123456Z`, in characters."""

INT64: Final = (-(2**63), 2**63 - 1)
DOUBLE: Final = (-1.7976931348623157e308, 1.7976931348623157e308)

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
FieldName = Annotated[str, Field(min_length=1, max_length=128)]
Unit = Literal["ns", "us", "ms", "s", "m", "h", "d"]


def _text_keys(value: Any) -> Any:
    """Take what YAML reads as numbers or truth for the texts that they were written as."""
    if not isinstance(value, dict):
        return value
    return {_as_text(key): _as_text(inner) for key, inner in value.items()}


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _share(value: Any) -> Any:
    return {"share": value} if isinstance(value, int | float) else value


_SCALARS: Final = {"type": ["string", "number", "boolean"]}
TextMap = Annotated[
    dict[str, str],
    BeforeValidator(_text_keys),
    WithJsonSchema({"type": "object", "additionalProperties": _SCALARS}),
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldSpec(_Model):
    """One field: its type, its limits, and what to do with a value outside them."""

    type: (
        Literal[
            "integer",
            "number",
            "boolean",
            "string",
            "ip",
            "uuid",
            "timestamp",
            "duration",
            "enum",
        ]
        | None
    ) = None
    description: str = ""
    from_: Annotated[Texts, Field(alias="from")] = ()
    required: bool = False
    minimum: Number | None = None
    maximum: Number | None = None
    max_length: Annotated[int, Field(ge=1, le=MAX_STRING, strict=True)] | None = None
    values: Annotated[Texts, Field(min_length=1)] | None = None
    map: TextMap = {}
    trim: bool | Literal["line_end"] = False
    none: Texts = ()
    on_error: Literal["reject", "drop", "clamp"] = "reject"
    on_long: Literal["truncate", "reject"] | None = None
    formats: Texts = ()
    timezone: str | None = None
    unit: Unit | None = None
    given_in: Unit | None = None
    derive: dict[str, str] | None = None

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the keys of a record to look under, in order, for the field *name*.

        A required field has to stand under one of those that `from` names: its own name is a
        common one, often, and would let records of other programs in.
        """
        return self.from_ if self.from_ and self.required else (*self.from_, name)

    def limits(self) -> tuple[float, float]:
        """Return the least and the greatest value of a field that is a number."""
        low, high = {"number": DOUBLE, "duration": (0, DOUBLE[1])}.get(self.type or "", INT64)
        return (
            low if self.minimum is None else self.minimum,
            high if self.maximum is None else self.maximum,
        )

    def longest(self) -> int:
        """Return the greatest length of a text, in characters."""
        fixed = {"ip": ADDRESS_LENGTH, "uuid": UUID_LENGTH, "timestamp": TIMESTAMP_LENGTH}
        return fixed.get(self.type or "", self.max_length or FREE_TEXT)

    def truncates(self) -> bool:
        """Say whether a longer string is cut: by default where no `max_length` is written."""
        return self.on_long == "truncate" or (self.on_long is None and self.max_length is None)


class TimeSpec(_Model):
    """Where a record's time stands and how it is written: in one field, or in several joined."""

    field: Texts = ()
    join: Texts = ()
    formats: Annotated[Texts, Field(min_length=1)]
    timezone: str | None = None
    optional: bool = False
    keep: bool = False


class ThenSpec(_Model):
    """What another grammar makes of a field, or of the whole record where none is named."""

    field: str | None = None
    grammar: Annotated[Texts, Field(min_length=1)]
    otherwise: Literal["refuse", "keep"] = "refuse"
    outer_time: str | None = None


class Sample(_Model):
    """A line and the fields that it must give; `expect: null` for a line to refuse."""

    line: str
    expect: dict[str, Any] | None
    now: str = "2026-07-01T12:00:00Z"
    filtered: bool | None = None


class GrammarSpec(_Model):
    """A whole grammar file."""

    name: Name
    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    schema_: Annotated[str, Field(alias="schema")]
    match: Annotated[Texts, Field(min_length=1)] | None = None
    parse: Literal["json", "logfmt", "kv", "csv", "w3c", "cef", "leef"] | None = None
    prefix: Texts = ()
    ignore: Texts = ()
    columns: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    min_columns: Annotated[int, Field(ge=1, strict=True)] | None = None
    separator: Annotated[str, Field(min_length=1, max_length=8)] | None = None
    assign: Annotated[str, Field(min_length=1, max_length=8)] | None = None
    quote: Annotated[str, Field(max_length=2)] | None = None
    bare: Literal["blanks", "word"] | None = None
    duplicates: Literal["first", "last"] | None = None
    then: ThenSpec | None = None
    patterns: dict[str, str] = {}
    fields: dict[FieldName, FieldSpec] = {}
    time: TimeSpec | None = None
    atomic: dict[str, str] = {}
    event: EventKind = "self_describing"
    page_view: PageViewSpec | None = None
    struct: StructSpec | None = None
    rename: dict[str, FieldName] = {}
    constant: dict[FieldName, Scalar] = {}
    drop: Texts = ()
    drop_when: Conditions = ()
    sample: Annotated[SampleSpec | None, BeforeValidator(_share)] = None
    redact: dict[str, RedactSpec] = {}
    auto: Literal["precise", "usual", "broad", "last", "never"] = "usual"
    extra: Literal["keep", "drop"] | None = None
    samples: tuple[Sample, ...] = ()


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a grammar file, for editors."""
    schema = GrammarSpec.model_json_schema(by_alias=True)
    schema["properties"]["sample"]["anyOf"].append({"type": "number"})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Grammar of the Snowplow Logfile Source",
    }
