"""The kinds of value that the configuration is made of, each with its limits and its own words.

Rule 1: every refusal says what is wrong and what would be right (`wrong`), and never repeats a
value that may hold a secret.
Rule 2: values are plain and final: paths absolute, sizes in bytes, durations in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from shipper.config import units

STDIN = "-"
_STDIN_NAMES = (STDIN, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


class Group(BaseModel):
    """A mapping of the configuration: frozen, and closed to keys that it does not know.

    What checks it is made when it is asked for, not for each part of a configuration by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


def wrong(what: str, remedy: str) -> PydanticCustomError:
    """Return the error for a value that is *what*; *remedy* says what would be right."""
    return PydanticCustomError("shipper", "{what}", {"what": what, "remedy": remedy})


def shown(value: object) -> str:
    """Return *value* as an error text may repeat it: short, and on one line."""
    if value is None or isinstance(value, dict | list):
        return kind_of(value)
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]}…{text[-1]}"


def kind_of(value: object) -> str:
    """Return what *value* is without telling it."""
    if value is None:
        return "nothing"
    kinds = {dict: "a mapping", list: "a list", bool: "true or false", str: "a text"}
    return kinds.get(type(value), "a number")


def _measured(convert: Callable[[object], Any], example: str) -> BeforeValidator:
    def check(value: object) -> Any:
        try:
            return convert(value)
        except ValueError as error:
            raise wrong(f"{shown(value)} {error}", f"write it like {example}") from error

    return BeforeValidator(check)


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise wrong(f"{shown(value)} is not a number", "write a whole number")
    return value


def _empty_is_none(value: object) -> object:
    """Take an empty text as "not given", so that ``${NAME:-}`` means what it looks like."""
    return None if value == "" else value


def lower_case(value: object) -> object:
    """Take a word in any case."""
    return value.lower() if isinstance(value, str) else value


def _one_is_a_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def filled(value: object) -> object:
    """Return *value* unless it is an empty list. Raises PydanticCustomError."""
    # Not pydantic's min_length: that also complains when the one item there is wrong.
    if isinstance(value, list | tuple) and not value:
        raise wrong("is an empty list", "write at least one item")
    return value


def _absolute(text: str) -> str:
    """Return *text* as an absolute path: ``~`` expanded, else from the current directory."""
    if not text.strip():
        raise wrong("is empty", "write a path")
    if "\0" in text:
        raise wrong("holds a NUL character", "write a path")
    try:
        return str(Path(text).expanduser().absolute())
    except RuntimeError as error:
        raise wrong(f"has no home directory: {error}", "write the path in full") from error


def is_stdin(path: object) -> bool:
    """Tell whether *path*, as it is written, means standard input."""
    return path in _STDIN_NAMES


def _glob(text: str) -> str:
    return STDIN if is_stdin(text) else _absolute(text)


def _exclude(text: str) -> str:
    """Return *text* as a pattern for a file name (no slash in it) or for a whole path."""
    if text.startswith("**/"):
        return f"/{text}"
    return _absolute(text) if "/" in text else text


def _path(value: object) -> object:
    return Path(_absolute(value)) if isinstance(value, str) else value


def one_or_list(least: int) -> WithJsonSchema:
    """Return the schema of a text or of a list of at least *least* texts."""
    one: dict[str, Any] = {"type": "string", "minLength": 1}
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": least}]})


def _number_or_text(kind: str, pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": kind}, {"type": "string", "pattern": pattern}]})


NotBoolean = BeforeValidator(_no_boolean)
NotEmpty = BeforeValidator(filled)
Maybe = BeforeValidator(_empty_is_none)
OneOrList = BeforeValidator(_one_is_a_list)

Seconds = Annotated[
    float,
    _measured(units.seconds, "500ms, 2s, 5m, 1h or 1d"),
    _number_or_text("number", units.DURATION_PATTERN),
]
Size = Annotated[
    int,
    _measured(units.size, "180000, 180kB, 64KiB or 10GB"),
    _number_or_text("integer", units.SIZE_PATTERN),
]
Text = Annotated[str, Field(min_length=1)]
AbsolutePath = Annotated[Path, BeforeValidator(_path)]
Paths = Annotated[tuple[AbsolutePath, ...], OneOrList, one_or_list(0)]
Names = Annotated[tuple[Text, ...], NotEmpty, OneOrList, one_or_list(1)]
Globs = Annotated[
    tuple[Annotated[str, AfterValidator(_glob)], ...], NotEmpty, OneOrList, one_or_list(1)
]
Excludes = Annotated[
    tuple[Annotated[Text, AfterValidator(_exclude)], ...], OneOrList, one_or_list(0)
]
