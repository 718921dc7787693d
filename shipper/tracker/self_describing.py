"""Self-describing JSON as a caller builds it: a schema's name, and data that JSON can carry.

Rule 1: all is checked when it is made, and copied: what the caller changes later changes nothing.
Rule 2: numbers are exact: whole numbers of any size, and `Decimal` as it is spelled.
Rule 3: an error names the place inside the data, such as ``data.items[3].price``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from shipper.protocol.iglu import SchemaKey
from shipper.protocol.payload import MAX_DEPTH
from shipper.protocol.selfdescribing import depth
from shipper.tracker.checks import (
    InvalidValueError,
    optional_text,
    plain_number,
    text,
    unfit,
)

_EXACT: Final = range(-(2**63), 2**64)
_TOO_DEEP: Final = f"is nested deeper than {MAX_DEPTH} levels"

Default = Callable[[Any], Any]
"""Makes JSON data of a value of another type; raises TypeError for what it can't."""


class SelfDescribingJson:
    """Data and the schema that it keeps."""

    __slots__ = ("_document",)

    def __init__(
        self,
        schema: str,
        data: Mapping[str, Any] | SelfDescribingJson,
        default: Default | None = None,
    ) -> None:
        """*schema* is an Iglu URI. Raises InvalidValueError for what Snowplow can't carry."""
        try:
            SchemaKey.parse(text("schema", schema))
        except InvalidValueError:
            raise
        except ValueError as error:
            raise InvalidValueError("schema", str(error)) from error
        if not isinstance(data, Mapping | SelfDescribingJson):
            raise InvalidValueError("data", f"must be a mapping, not {type(data).__name__}")
        self._document = {"schema": schema, "data": _Plain(default).of(data, "data")}

    @property
    def schema(self) -> str:
        """The Iglu URI."""
        return str(self._document["schema"])

    @property
    def document(self) -> dict[str, Any]:
        """What `orjson` writes: not to be changed."""
        return self._document

    def to_json(self) -> dict[str, Any]:
        """Return a copy as JSON data."""
        copy: dict[str, Any] = orjson.loads(orjson.dumps(self._document))
        return copy

    def __str__(self) -> str:
        return compact(self._document).decode()

    def __repr__(self) -> str:
        return f"SelfDescribingJson({self.schema!r}, …)"


def compact(document: Any) -> bytes:
    """Write JSON in its shortest form, keys sorted: the same data has the same bytes."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


class _Plain:
    """Copies data into what `orjson` writes exactly."""

    def __init__(self, default: Default | None) -> None:
        self._default = default

    def of(self, value: Any, where: str, room: int = MAX_DEPTH) -> Any:
        """Return the copy of *value*. Raises InvalidValueError."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return optional_text(where, value)
        if isinstance(value, int | float | Decimal):
            return _number(value, where)
        return self._container(value, where, room)

    def _container(self, value: Any, where: str, room: int) -> Any:
        if not room:
            raise InvalidValueError(where, _TOO_DEEP)
        if isinstance(value, SelfDescribingJson):
            if depth(value.document) > room:
                raise InvalidValueError(where, _TOO_DEEP)
            return value.document
        if isinstance(value, Mapping):
            return {
                _key(key, where): self.of(inner, f"{where}.{key}", room - 1)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.of(inner, f"{where}[{n}]", room - 1) for n, inner in enumerate(value)]
        return self._other(value, where, room)

    def _other(self, value: Any, where: str, room: int) -> Any:
        said = f"is a {type(value).__name__}, which JSON can't carry; write a text or a number"
        if self._default is None:
            raise InvalidValueError(where, said)
        try:
            made = self._default(value)
        except TypeError as error:
            raise InvalidValueError(where, said) from error
        return self.of(made, where, room - 1)


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise InvalidValueError(where, f"has the key {key!r:.40}, which is no text")
    return optional_text(f"a key of {where}", key)


def _number(value: float | Decimal, where: str) -> Any:
    plain = plain_number(value)  # of another kind, `in _EXACT` would try the range one by one
    if why := unfit(plain):
        raise InvalidValueError(where, f"{why}, which JSON can't carry")
    if isinstance(plain, float) or (isinstance(plain, int) and plain in _EXACT):
        return plain
    return orjson.Fragment(str(plain).encode())
