"""What a format string is made of: plain text, and slots where the server writes values.

Rule 1: nothing here knows a server; nothing here knows how grammars are written.
Rule 2: a part can say what it looks like (a pattern) and give examples (samples), so that the
        grammar and the lines that prove it come from one description.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

VALUE: Final = "<value>"
"""In a slot's pattern: any text that does not run over what follows the slot."""

SOLID: Final = "<solid>"
"""In a slot's pattern: the same without blanks, at least one character."""

STOP: Final = "<stop>"
"""In a slot's pattern: what follows the slot, as an expression."""


class FormatStringError(ValueError):
    """A format string can't be used. `column` counts its characters from 1."""

    def __init__(self, what: str, remedy: str, column: int) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDraft:
    """A field of the grammar to be: what its stanza says, and a second name in reserve.

    In JSON, `source` is the key that it is written under; a `constant` is its value in every line,
    and the empty text stands for one that is made of several slots.
    """

    name: str
    description: str
    type: str = "string"
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    none: tuple[str, ...] = ()
    otherwise: str = ""
    source: str = ""
    constant: Any = None


@dataclass(frozen=True, slots=True)
class Example:
    """A text that may stand in a slot, and the fields that it gives."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place where the server writes a value.

    `pattern` matches whatever may stand there. Without one the value runs to what follows the
    slot, and can't hold the characters in `never`; a `backslash` in it takes the next character
    with it. A slot that is `filled` is never empty. Several `fields` are groups that the pattern
    names itself. `time` is a time format: such a slot is the time of the record, if it is the
    first that is not `aside`. `width` is the least number of characters, negative where blanks
    fill up on the right. `examples` are an ordinary text and an odd one. `column` is where it
    stands, from 1. `label` names the pattern of a slot of several fields. A slot that is `loose`
    takes nearly anything, so its pattern tells nothing to those before it.
    """

    fields: tuple[FieldDraft, ...]
    directive: str
    column: int
    pattern: str = ""
    never: str = ""
    backslash: bool = False
    filled: bool = False
    time: str = ""
    aside: bool = False
    width: int = 0
    label: str = ""
    loose: bool = False
    examples: tuple[Example, Example] = (Example(""), Example(""))

    @property
    def bounded(self) -> bool:
        """Say whether the pattern alone tells where the value ends."""
        return bool(self.pattern) and not any(m in self.pattern for m in (VALUE, SOLID, STOP))

    @property
    def telling(self) -> bool:
        """Say whether the values before it can tell by its pattern that they have ended."""
        return bool(self.time) or (self.bounded and not self.loose)


@dataclass(frozen=True, slots=True)
class Text:
    """Characters that stand in every line as they are."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Filler:
    """Something that says nothing: colours, padding, a line break. `pattern` may match nothing.

    With a `label` it is a named pattern of the grammar.
    """

    pattern: str
    example: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Perhaps:
    """Parts that stand in some lines and are missing together from others."""

    parts: tuple[Part, ...]


Part = Slot | Text | Filler | Perhaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A whole format string: its parts, and what to call it. `keyed` formats write JSON."""

    server: str
    name: str
    title: str
    source: str
    parts: Sequence[Part]
    atomic: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    keyed: bool = False
    notes: tuple[str, ...] = ()
