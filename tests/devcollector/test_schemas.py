"""Schemas are found where Iglu keeps them, and data is held against them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given

from shipper.devcollector.schemas import Directory, Memory, SchemaSource, Several, violations
from shipper.errors import UsageError
from shipper.protocol.iglu import SchemaKey
from tests.devcollector.events import ORDER, SCHEMA, SCHEMAS
from tests.protocol.test_payload import JSON

KEY = SchemaKey.parse(ORDER)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A static registry with the schema of orders."""
    put(tmp_path, SCHEMA)
    return tmp_path


def put(root: Path, schema: Any) -> Path:
    file = root / "schemas" / KEY.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(schema if isinstance(schema, bytes) else orjson.dumps(schema))
    return file


def only(found: list[str]) -> str:
    (one,) = found
    return one


def test_a_directory_finds_what_lies_in_its_place(registry: Path) -> None:
    """Both the registry's root and its schemas folder may be named."""
    for root in (registry, registry / "schemas"):
        assert Directory([root]).find(KEY) == SCHEMA
    assert Directory([registry]).find(SchemaKey.parse(ORDER.replace("1-0-0", "1-0-1"))) is None
    assert str(registry) in Directory([registry]).describe()


def test_the_first_directory_wins(registry: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Several roots are searched in their order."""
    other = tmp_path_factory.mktemp("other")
    put(other, SCHEMA | {"description": "the other"})

    assert Directory([registry, other]).find(KEY) == SCHEMA
    assert Directory([other, registry]).find(KEY) != SCHEMA


def test_an_edited_schema_counts_at_once(registry: Path) -> None:
    """No restart is needed after a change."""
    source = Directory([registry])
    assert violations(KEY, {"total": 1}, source) == []

    put(registry, SCHEMA | {"required": ["total", "placed_at"]})

    assert "'placed_at' is a required property" in only(violations(KEY, {"total": 1}, source))


def test_a_missing_directory_is_a_usage_error(tmp_path: Path) -> None:
    """It is told before anything is served, with the remedy."""
    with pytest.raises(UsageError, match="does not exist") as error:
        Directory([tmp_path / "nowhere"])
    assert "schemas/VENDOR" in error.value.remedy


def test_a_name_too_long_for_a_file_is_not_found(registry: Path) -> None:
    """Whoever sends events chooses the name; it can't make the collector fail."""
    key = SchemaKey("v" * 5_000, "n", "jsonschema", "1-0-0")

    assert "was not found" in only(violations(key, {}, Directory([registry])))


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "holds no JSON object"),
        (SCHEMA | {"self": {"vendor": "com.example"}}, "'self' that does not agree with its path"),
        ({"type": "object"}, "'self' that does not agree with its path: null"),
        (SCHEMA | {"type": "objekt"}, "no JSON Schema, draft 4: type"),
        (SCHEMA | {"properties": {"total": {"pattern": "("}}}, "can't be used"),
        (SCHEMA | {"properties": {"total": {"$ref": "http://example.com/x"}}}, "can't be followed"),
        (SCHEMA | {"properties": {"total": {"$ref": "#"}}, "type": "integer"}, "not of type"),
        ({"self": SCHEMA["self"], "allOf": [{"$ref": "#"}]}, "can't be used"),
    ],
)
def test_a_broken_schema_is_told_not_trusted(registry: Path, schema: Any, says: str) -> None:
    """Data under a schema that can't be used is bad, as in Enrich; the error names the schema."""
    put(registry, schema)

    found = violations(KEY, {"total": "x"}, Directory([registry]))

    assert says in found[0]
    assert ORDER in found[0] or KEY.path in found[0]


def test_several_sources_are_asked_in_turn(registry: Path) -> None:
    """The first that knows a schema answers; all are named when none does."""
    empty = Memory({}, name="an empty shelf")
    source: SchemaSource = Several(empty, Directory([registry]))

    assert source.find(KEY) == SCHEMA
    assert source.describe() == f"an empty shelf (0), {registry}/schemas"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, ": 'total' is a required property"),
        ({"total": -1}, ".total: -1 is less than the minimum of 0"),
        ({"total": 1, "more": 1}, ": Additional properties are not allowed"),
        ({"total": 1, "placed_at": "yesterday"}, ".placed_at: 'yesterday' is not a 'date-time'"),
        ([], ": [] is not of type 'object'"),
    ],
)
def test_violations_name_path_and_schema(data: Any, says: str) -> None:
    """Each is told where it stands in the data, and by which schema."""
    found = only(violations(KEY, data, SCHEMAS))

    assert found.startswith(says)
    assert found.endswith(f"(by {ORDER})")


@given(JSON, JSON)
def test_any_schema_and_data_get_an_answer(schema: Any, data: Any) -> None:
    """Nonsense for a schema is no reason to fail, nor nonsense for data."""
    source = Memory({ORDER: {"properties": schema, "items": schema, "enum": schema}})

    assert all(isinstance(each, str) for each in violations(KEY, data, source))
