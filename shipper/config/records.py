"""How the lines of a source become records, as it is configured: encodings, multi-line rules.

Rule 1: what the formats would refuse when a file is read is refused here, at the key that is wrong.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shipper.config.fields import Group, Maybe, NotBoolean, Seconds, Size, Text, lower_case, wrong
from shipper.formats.encodings import Encoding, EncodingError
from shipper.formats.multiline import Mode, MultilineRule
from shipper.grammar.time_formats import TimeFormatError
from shipper.grammar.zones import require_zone

Preset = Literal["java", "python", "go", "ruby", "php", "csharp"]

# A pattern of this length is a slip; a longer one could take for ever to compile.
_PATTERN_LENGTH = 4_000


def _pattern(text: str) -> str:
    try:
        MultilineRule.starts_with(text)
    except ValueError as error:
        reason = str(error).rpartition(" is no regular expression: ")[2]
        remedy = r"write a pattern like '^\d{4}-' in single quotes; a sign itself needs a backslash"
        raise wrong(f"is no regular expression: {reason}", remedy) from error
    return text


def _encoding(name: str) -> str:
    try:
        Encoding.named(name)
    except EncodingError as error:
        remedy = error.remedy or "use utf-8, utf-16, latin-1 or any other text codec of Python"
        raise wrong(str(error), remedy) from error
    return name


def _zone(name: str) -> str:
    try:
        require_zone(name)
    except TimeFormatError as error:
        raise wrong(error.what, error.remedy) from error
    return name


ZoneName = Annotated[Text, Field(max_length=64), AfterValidator(_zone)]
EncodingName = Annotated[Text, Field(max_length=64), AfterValidator(_encoding)]
Pattern = Annotated[Text, Field(max_length=_PATTERN_LENGTH), AfterValidator(_pattern)]


class MultilineConfig(Group):
    """Which lines belong together: a ready-made rule, or patterns of your own."""

    preset: Annotated[Preset | None, Maybe, BeforeValidator(lower_case)] = Field(
        None, description="A ready-made rule; nothing but the limits may stand beside it"
    )
    start: Annotated[Pattern | None, Maybe] = Field(
        None, description="Pattern of a line that begins a record"
    )
    mode: Annotated[Mode, BeforeValidator(lower_case)] = Field(
        "halt_before", description="How far the record goes, by `condition`"
    )
    condition: Annotated[Pattern | None, Maybe] = Field(
        None, description="Pattern that the mode asks for; by default that of `start`"
    )
    timeout: Annotated[Seconds, Field(ge=0.01, le=3_600)] = Field(
        1.0, description="How long the end of the file waits for more lines"
    )
    max_lines: Annotated[int, Field(ge=1, le=100_000), NotBoolean] = Field(
        500, description="Most lines of a record; what is over begins another"
    )
    max_bytes: Annotated[Size, Field(ge=1_024, le=16_777_216)] = Field(
        262_144, description="Most bytes of a record in the file; what is over begins another"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.preset is None and self.start is None:
            raise wrong("has neither a preset nor a start", "write one of them: {preset: java}")
        if self.preset is not None:
            beside = [k for k in ("start", "mode", "condition") if k in self.model_fields_set]
            if beside:
                what = f"has a preset and {' and '.join(beside)} beside it"
                raise wrong(what, f"leave out the preset, or {' and '.join(beside)}")
        return self

    def rule(self) -> MultilineRule:
        """Return the rule that is meant."""
        if self.preset is not None:
            return MultilineRule.preset(self.preset)
        start = self.start or ""  # never empty: that is checked above
        return MultilineRule.between(start, self.condition or start, self.mode)
