"""What a grammar file may say of the shape of its events: one frozen model a YAML mapping."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    WithJsonSchema,
)

Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Number = StrictInt | StrictFloat
Scalar = StrictBool | StrictInt | StrictFloat | str


class Model(BaseModel):
    """A mapping whose keys are all known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CriterionSpec(Model):
    """What the value of a field has to be; of several keys all have to hold."""

    values: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None
    matches: str | None = None
    above: Number | None = None
    below: Number | None = None
    missing: StrictBool | None = None


Condition = Annotated[dict[str, CriterionSpec], Field(min_length=1)]
"""Fields and what each has to be; all have to hold."""

Conditions = tuple[Condition, ...]
"""Conditions of which one has to hold."""


class SampleSpec(Model):
    """Which share of the records gives an event; only those that `when` speaks of are left out."""

    share: Annotated[float, Field(gt=0, le=1)]
    when: Conditions = ()


class RedactSpec(Model):
    """What takes the place of a field's value: a keyed hash, a shorter address, another text."""

    hash: str | None = None
    length: Annotated[int, Field(ge=8, le=64, strict=True)] | None = None
    keep_bits: (
        tuple[
            Annotated[int, Field(ge=0, le=32, strict=True)],
            Annotated[int, Field(ge=0, le=128, strict=True)],
        ]
        | None
    ) = None
    replace: str | None = None
    by: str | None = None


class PageViewSpec(Model):
    """The fields that a page view is made of; `base` stands before a url that is only a path."""

    url: str
    base: str = ""
    title: str | None = None
    referrer: str | None = None


class StructSpec(Model):
    """The fields that a structured event is made of."""

    category: str
    action: str
    label: str | None = None
    property: str | None = None
    value: str | None = None


EventKind = Literal["self_describing", "page_view", "struct"]
