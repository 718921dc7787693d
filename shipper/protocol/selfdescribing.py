"""Self-describing JSON inside a tracker payload: `ue_pr`, `ue_px`, `co`, `cx`.

Rule 1: nothing raises; what is wrong comes back as a sentence that names key and JSON path.
Rule 2: base64 may use the standard or the URL-safe alphabet, with or without padding, as Enrich
takes both. Characters outside them, which Enrich would drop in silence, are refused: they mean
that the value was damaged on its way.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson

from shipper.protocol.iglu import CONTEXTS, UNSTRUCT_EVENT, SchemaKey, same_family

WRAPPERS: Final = {"ue_pr": UNSTRUCT_EVENT, "ue_px": UNSTRUCT_EVENT, "co": CONTEXTS, "cx": CONTEXTS}
_ENCODED: Final = frozenset({"ue_px", "cx"})
_ALPHABETS = re.compile(r"[A-Za-z0-9+/_-]*")
_LINE_ENDS = str.maketrans({"\r": None, "\n": None})
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class Described(NamedTuple):
    """Data, the schema that it says it keeps, and where in the payload it stands."""

    schema: SchemaKey
    data: Any
    where: str


class UnreadableError(ValueError):
    """The text can't be read; the message completes a sentence that begins with the key."""


def read(key: str, value: str, max_depth: int) -> tuple[list[Described], list[str]]:
    """Return what stands under *key* (one of `WRAPPERS`), and every reason to refuse it."""
    try:
        document = _load(key, value, max_depth)
        wrapper, inner = _take_apart(document, key)
    except UnreadableError as error:
        return [], [f"{key}: {error}"]
    if not same_family(wrapper, WRAPPERS[key]):
        return [], [f"{key}: its outer schema is {wrapper}; it must be {WRAPPERS[key]}"]
    items = [(f"{key}.data", inner)] if WRAPPERS[key] == UNSTRUCT_EVENT else _entities(key, inner)
    if items is None:
        return [], [f"{key}.data: must be an array of self-describing JSON, not {kind(inner)}"]
    found: list[Described] = []
    reasons: list[str] = []
    for where, item in items:
        try:
            found.append(Described(*_take_apart(item, where), f"{where}.data"))
        except UnreadableError as error:
            reasons.append(f"{where}: {error}")
    return found, reasons


def decode_base64(value: str) -> bytes:
    """Decode either alphabet. Raises UnreadableError."""
    # Measured: each translation of a text takes ten times what one of bytes takes.
    text = value.translate(_LINE_ENDS) if "\n" in value or "\r" in value else value
    text = text.rstrip("=")
    end = _end_of_alphabet(text)
    if end < len(text):
        hint = "; in a GET a '+' must be written %2B" if text[end] == " " else ""
        raise UnreadableError(
            f"is not base64: the character {text[end]!r} at position {end + 1} is in neither of "
            f"its alphabets{hint}"
        )
    if len(text) % 4 == 1:
        raise UnreadableError(f"is not base64: it was cut off after {len(text)} characters")
    return a2b_base64(text.encode().translate(_TO_STANDARD) + b"=" * (-len(text) % 4))


def depth(value: Any) -> int:
    """Return how deep arrays and objects are nested in *value*: 0 for a scalar, 1 for ``{}``."""
    levels, containers = 0, [value] if isinstance(value, dict | list) else []
    while containers:
        levels += 1
        containers = [inner for outer in containers for inner in _containers(outer)]
    return levels


def kind(value: Any) -> str:
    """Name the JSON type of *value* for a message, as in ``an array``."""
    for python, name in _KINDS:
        if isinstance(value, python):
            return name
    return "null" if value is None else "a value of no JSON type"


_KINDS: Final = (
    (bool, "a boolean"),
    (str, "a string"),
    (dict, "an object"),
    (list, "an array"),
    (int | float, "a number"),
)


def _end_of_alphabet(text: str) -> int:
    match = _ALPHABETS.match(text)
    return match.end() if match else 0


def _containers(outer: Any) -> Iterator[Any]:
    values = outer.values() if isinstance(outer, dict) else outer
    return (value for value in values if isinstance(value, dict | list))


def _load(key: str, value: str, max_depth: int) -> Any:
    text: bytes | str = decode_base64(value) if key in _ENCODED else value
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        said = "its decoded text" if key in _ENCODED else "its text"
        raise UnreadableError(f"{said} is not JSON: {error}") from error
    # An upper bound first, as counting brackets costs nothing.
    brackets = (b"{", b"[") if isinstance(text, bytes) else ("{", "[")
    if sum(map(text.count, brackets)) > max_depth and (deep := depth(document)) > max_depth:  # type: ignore[arg-type]
        raise UnreadableError(f"its JSON is {deep} levels deep; at most {max_depth} are allowed")
    return document


def _take_apart(value: Any, where: str) -> tuple[SchemaKey, Any]:
    """Split self-describing JSON into its schema's name and its data. Raises UnreadableError."""
    if not isinstance(value, dict):
        raise UnreadableError(f"must be an object of 'schema' and 'data', not {kind(value)}")
    if value.keys() != {"schema", "data"}:
        raise UnreadableError(_odd_keys(value))
    schema = value["schema"]
    if not isinstance(schema, str):
        raise UnreadableError(f"its 'schema' must be an Iglu URI, not {kind(schema)}")
    try:
        return SchemaKey.parse(schema), value["data"]
    except ValueError as error:
        raise UnreadableError(f"its 'schema' {error}") from error


def _odd_keys(value: dict[str, Any]) -> str:
    missing = [f"{name!r} is missing" for name in ("schema", "data") if name not in value]
    extra = sorted(value.keys() - {"schema", "data"})
    more = f" and {len(extra) - 3} more" if len(extra) > 3 else ""
    names = ", ".join(repr(name[:40]) for name in extra[:3])
    odd = [f"{names}{more} may not stand there"] if extra else []
    return f"must have the keys 'schema' and 'data' and no others: {'; '.join(missing + odd)}"


def _entities(key: str, inner: Any) -> list[tuple[str, Any]] | None:
    if not isinstance(inner, list):
        return None
    return [(f"{key}.data[{index}]", item) for index, item in enumerate(inner)]
