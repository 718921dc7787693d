"""The Iglu schema of a grammar's events, generated from the fields so that they can't disagree.

Rule 1: every record that the grammar can emit is valid against its schema.
Rule 2: every string has a `maxLength` or an `enum`, every number both limits, every property a
description; a property that may be missing may be null too. That is what igluctl's lint asks for.
Rule 3: a property is required only where every record has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from shipper.errors import GrammarError, Problem
from shipper.grammar.grammar import Grammar
from shipper.grammar.spec import FieldSpec
from shipper.protocol.iglu import OWN_VENDOR

META_SCHEMA: Final = (
    "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
)

_JSON_TYPES: Final = {
    "integer": "integer",
    "number": "number",
    "duration": "number",
    "boolean": "boolean",
}


def iglu_schema(grammar: Grammar) -> dict[str, Any]:
    """Return the self-describing schema, draft 4, of the events of *grammar*."""
    vendor, name, format_, version = grammar.schema.removeprefix("iglu:").split("/")
    schema: dict[str, Any] = {
        "$schema": META_SCHEMA,
        "description": grammar.spec.description or grammar.title,
        "self": {"vendor": vendor, "name": name, "format": format_, "version": version},
        "type": "object",
        "properties": {
            field: _property(field, spec, required=field in grammar.always)
            for field, spec in grammar.spec.fields.items()
        },
        "additionalProperties": grammar.spec.extra == "keep",
    }
    if grammar.always:
        schema["required"] = [field for field in grammar.spec.fields if field in grammar.always]
    return schema


def of_vendor(schema: dict[str, Any], vendor: str | None) -> dict[str, Any]:
    """Return *schema* with *vendor* in place of our own; that of any other vendor stays."""
    if vendor is None or schema["self"]["vendor"] != OWN_VENDOR:
        return schema
    return {**schema, "self": {**schema["self"], "vendor": vendor}}


def write_registry(
    grammars: Sequence[Grammar],
    out: Path,
    more: Mapping[str, dict[str, Any]] | None = None,
    vendor: str | None = None,
) -> list[Path]:
    """Write the schemas of *grammars* as a static registry below *out*; return the files.

    *more* are further schemas, by URI; *vendor* takes the place of our own. Each file appears
    complete or not at all. Raises GrammarError if two grammars name one schema for different
    fields, and OSError if *out* can't be written.
    """
    schemas = [
        of_vendor(schema, vendor) for schema in {**_by_uri(grammars), **(more or {})}.values()
    ]
    return [_write(out / "schemas" / _place(schema), schema) for schema in schemas]


def _place(schema: dict[str, Any]) -> str:
    own = schema["self"]
    return f"{own['vendor']}/{own['name']}/{own['format']}/{own['version']}"


def _by_uri(grammars: Iterable[Grammar]) -> dict[str, dict[str, Any]]:
    schemas: dict[str, dict[str, Any]] = {}
    problems = []
    for grammar in grammars:
        schema = iglu_schema(grammar)
        if schemas.setdefault(grammar.schema, schema) != schema:
            what = f"{grammar.schema} is the schema of another grammar with other fields"
            problems.append(Problem(grammar.where, "schema", what, "name it differently"))
    if problems:
        raise GrammarError(problems)
    return schemas


def _write(file: Path, schema: dict[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    body = orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(body)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file


def _property(name: str, spec: FieldSpec, *, required: bool) -> dict[str, Any]:
    type_ = _JSON_TYPES.get(spec.type or "string", "string")
    limits = _limits(spec)
    if "enum" in limits and not required:
        limits["enum"].append(None)
    return {
        "type": type_ if required else [type_, "null"],
        "description": spec.description or f"the field {name}",
        **limits,
    }


def _limits(spec: FieldSpec) -> dict[str, Any]:
    if spec.values is not None:
        return {"enum": list(spec.values)}
    match spec.type:
        case "integer" | "number" | "duration":
            low, high = spec.limits()
            return {"minimum": low, "maximum": high}
        case "boolean":
            return {}
        case "timestamp":
            return {"format": "date-time", "maxLength": spec.longest()}
        case _:
            return {"maxLength": spec.longest()}
