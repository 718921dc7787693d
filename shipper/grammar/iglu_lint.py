"""Lints Iglu schemas by the rules of igluctl, all of them, and one of our own.

Rule 1: what igluctl lets no one skip (`MANDATORY`) and what it does (`SKIPPABLE`) have its names.
Rule 2: every schema inside a schema is looked at: properties, items, alternatives.
Rule 3: `columnNames` is ours: two properties whose names become one column in a warehouse.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from shipper.grammar.iglu import META_SCHEMA
from shipper.protocol.iglu import SchemaKey

MANDATORY: Final = ("path", "self", "$schema", "draft4", "bounds", "required", "columnNames")
SKIPPABLE: Final = (
    *("rootObject", "unknownFormats", "numericMinMax", "stringLength"),
    *("optionalNull", "description", "stringMaxLengthRange"),
)
FORMATS: Final = frozenset([
    *("uri", "ipv4", "ipv6", "email", "date-time", "date", "hostname", "uuid"),
])  # fmt: skip
LONGEST: Final = 65_535

_SELF: Final = frozenset(["vendor", "name", "format", "version"])
_BOUNDS: Final = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


class SchemaFault(NamedTuple):
    """A fault: the rule, a JSON pointer to where it is, and what is wrong."""

    rule: str
    pointer: str
    what: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.what} ({self.rule})"


def lint_schema(schema: object, path: str = "", skip: Collection[str] = ()) -> list[SchemaFault]:
    """Return the faults of *schema*, without those of the rules in *skip*.

    *path* is where it stands in a registry: ``…/VENDOR/NAME/FORMAT/VERSION``; empty if nowhere.
    """
    if not isinstance(schema, dict):
        return [SchemaFault("draft4", "", "is no JSON object")]
    faults = [*_head(schema, path), *_draft4(schema)]
    if not faults or all(fault.rule in ("path", "self", "$schema") for fault in faults):
        faults += _root(schema)
        faults += _walk(schema, "", optional=False)
    unskipped = [fault for fault in faults if fault.rule not in skip or fault.rule in MANDATORY]
    return list(dict.fromkeys(unskipped))


def _head(schema: Mapping[str, Any], path: str) -> Iterator[SchemaFault]:
    if schema.get("$schema") != META_SCHEMA:
        yield SchemaFault("$schema", "/$schema", f"has to be {META_SCHEMA}")
    own = schema.get("self")
    if not isinstance(own, dict) or set(own) != _SELF:
        yield SchemaFault("self", "/self", "has to be vendor, name, format and version, no more")
        return
    place = "/".join(str(own[part]) for part in ("vendor", "name", "format", "version"))
    try:
        SchemaKey.parse(f"iglu:{place}")
    except ValueError as error:
        yield SchemaFault("self", "/self", str(error))
    if path and not f"/{path}".endswith(f"/{place}"):
        yield SchemaFault("path", "/self", f"says {place}, but stands in {path}")


def _draft4(schema: Mapping[str, Any]) -> Iterator[SchemaFault]:
    from jsonschema import Draft4Validator, SchemaError

    plain = {key: value for key, value in schema.items() if key not in ("$schema", "self")}
    try:
        Draft4Validator.check_schema(plain)
    except SchemaError as error:
        pointer = "".join(f"/{part}" for part in error.absolute_path)
        yield SchemaFault("draft4", pointer, error.message[:300])


def _root(schema: Mapping[str, Any]) -> Iterator[SchemaFault]:
    if schema.get("type") != "object" or "properties" not in schema:
        yield SchemaFault("rootObject", "", "the root has to be an object with properties")


def _walk(schema: Mapping[str, Any], pointer: str, *, optional: bool) -> Iterator[SchemaFault]:
    yield from _one(schema, pointer, optional=optional)
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    yield from _columns(properties, pointer)
    for name in required:
        if properties and name not in properties:
            yield SchemaFault("required", f"{pointer}/required", f"there is no property {name!r}")
    for name, inner in properties.items():
        yield from _walk(inner, f"{pointer}/properties/{name}", optional=name not in required)
    for key, inner in _inner(schema):
        yield from _walk(inner, f"{pointer}/{key}", optional=False)


def _inner(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the schemas inside *schema* that are no properties."""
    for key in ("items", "additionalProperties", "additionalItems", "not"):
        if isinstance(schema.get(key), dict):
            yield key, schema[key]
    for key in ("items", "oneOf", "anyOf", "allOf"):
        if isinstance(schema.get(key), list):
            yield from ((f"{key}/{index}", inner) for index, inner in enumerate(schema[key]))
    for key in ("patternProperties", "definitions"):
        yield from ((f"{key}/{name}", inner) for name, inner in schema.get(key, {}).items())


def _one(schema: Mapping[str, Any], pointer: str, *, optional: bool) -> Iterator[SchemaFault]:
    types = _types(schema)
    for low, high in _BOUNDS:
        if low in schema and high in schema and schema[low] > schema[high]:
            yield SchemaFault("bounds", pointer, f"{low} is greater than {high}")
    if not schema.get("description") and pointer.split("/")[-2:-1] in ([], ["properties"]):
        yield SchemaFault("description", pointer, "has no description")
    if optional and types and "null" not in types:
        yield SchemaFault("optionalNull", pointer, "may be missing, so it has to allow null")
    if schema.get("format") not in (None, *FORMATS):
        yield SchemaFault("unknownFormats", pointer, f"unknown format {schema['format']!r}")
    if types & {"integer", "number"} and "enum" not in schema:
        yield from _number(schema, pointer)
    if "string" in types:
        yield from _string(schema, pointer)


def _types(schema: Mapping[str, Any]) -> set[str]:
    named = schema.get("type", [])
    return {named} if isinstance(named, str) else set(named)


def _number(schema: Mapping[str, Any], pointer: str) -> Iterator[SchemaFault]:
    missing = [key for key in ("minimum", "maximum") if key not in schema]
    if missing:
        yield SchemaFault("numericMinMax", pointer, f"a number without {' and '.join(missing)}")


def _string(schema: Mapping[str, Any], pointer: str) -> Iterator[SchemaFault]:
    if not {"maxLength", "enum", "format"} & set(schema):
        yield SchemaFault("stringLength", pointer, "a string without maxLength, enum or format")
    if schema.get("maxLength", 0) > LONGEST:
        what = f"maxLength {schema['maxLength']} is more than the {LONGEST} of a column"
        yield SchemaFault("stringMaxLengthRange", pointer, what)


def _columns(properties: Mapping[str, Any], pointer: str) -> Iterator[SchemaFault]:
    seen: dict[str, str] = {}
    for name in properties:
        column = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
        column = re.sub(r"[^A-Za-z0-9]", "_", column).lower()
        if column in seen:
            what = f"becomes the same column as {seen[column]!r}"
            yield SchemaFault("columnNames", f"{pointer}/properties/{name}", what)
        seen[column] = name
