"""Tests of the schemas that the development collector knows without being told."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.cli.collector import known_schemas
from shipper.devcollector.schemas import UnusableSchemaError
from shipper.event.gap import GAP_SCHEMA
from shipper.grammar.library import Library
from shipper.protocol.iglu import SchemaKey

_OWN = """
name: door
title: doors
schema: iglu:org.example/door_opened/jsonschema/2-0-0
match: ['%{WORD:who} entered']
fields:
  who: {description: who}
samples:
  - {line: ada entered, expect: {who: ada}}
"""


def _key(uri: str) -> SchemaKey:
    return SchemaKey.parse(uri)


def test_only_the_grammar_that_is_asked_for_is_loaded() -> None:
    """The schema of a shipped grammar is there, and no other grammar was read for it."""
    shelf = Library()
    schemas = known_schemas(shelf)
    found = schemas.find(_key("iglu:org.logfilesource/nginx_access/jsonschema/1-0-0"))
    assert found is not None
    assert found["self"]["name"] == "nginx_access"
    assert list(shelf._loaded) == ["nginx_access"]
    assert schemas.find(_key(GAP_SCHEMA)) is not None


def test_a_schema_that_is_not_named_as_its_grammar(tmp_path: Path) -> None:
    """It is found all the same; a version that no grammar has is not."""
    (tmp_path / "door.yaml").write_text(_OWN)
    schemas = known_schemas(Library([tmp_path]))
    assert schemas.find(_key("iglu:org.example/door_opened/jsonschema/2-0-0")) is not None
    assert schemas.find(_key("iglu:org.example/door_opened/jsonschema/1-0-0")) is None
    assert schemas.find(_key("iglu:org.logfilesource/nginx_access/jsonschema/9-0-0")) is None


def test_a_grammar_that_is_wrong_makes_its_schema_unusable(tmp_path: Path) -> None:
    """The event is bad, with the grammar's own mistake as the reason."""
    (tmp_path / "door.yaml").write_text(_OWN.replace("%{WORD:who}", "%{NO_SUCH:who}"))
    schemas = known_schemas(Library([tmp_path]))
    with pytest.raises(UnusableSchemaError, match="NO_SUCH"):
        schemas.find(_key("iglu:org.example/door/jsonschema/2-0-0"))
