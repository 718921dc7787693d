"""The lint of schemas: igluctl's rules, each broken once."""

from __future__ import annotations

from typing import Any

import pytest

from shipper.event.schemas import own_schemas
from shipper.grammar.iglu import META_SCHEMA
from shipper.grammar.iglu_lint import MANDATORY, SKIPPABLE, lint_schema

PATH = "schemas/org.example/door/jsonschema/1-0-0"


def schema(**changes: Any) -> dict[str, Any]:
    """Return a schema that is right, but for *changes*; None takes a key away."""
    right = {
        "$schema": META_SCHEMA,
        "description": "doors",
        "self": {
            "vendor": "org.example",
            "name": "door",
            "format": "jsonschema",
            "version": "1-0-0",
        },
        "type": "object",
        "properties": {"door": {"type": ["string", "null"], "maxLength": 9, "description": "d"}},
        "additionalProperties": False,
    }
    return {key: value for key, value in {**right, **changes}.items() if value is not None}


def with_property(**keys: Any) -> dict[str, Any]:
    rule = {"type": ["string", "null"], "maxLength": 9, "description": "d", **keys}
    kept = {key: value for key, value in rule.items() if value is not None}
    return schema(properties={"door": kept})


def test_a_schema_that_is_right_has_no_fault() -> None:
    """Also where it stands in a registry, and with properties inside properties."""
    assert lint_schema(schema(), PATH) == []
    inner = with_property(
        type=["object", "null"],
        maxLength=None,
        properties={"n": {"type": "integer", "minimum": 0, "maximum": 9, "description": "n"}},
        required=["n"],
    )
    assert lint_schema(inner, PATH) == []


@pytest.mark.parametrize("uri", own_schemas())
def test_the_schemas_of_our_own_events_and_entities_are_right(uri: str) -> None:
    """The gap, the container, the record: every rule."""
    assert [
        str(fault) for fault in lint_schema(own_schemas()[uri], uri.removeprefix("iglu:"))
    ] == []


FAULTY = {
    "path": schema(self={**schema()["self"], "version": "1-0-1"}),
    "self": schema(self={**schema()["self"], "title": "x"}),
    "$schema": schema(**{"$schema": "http://json-schema.org/draft-04/schema#"}),
    "draft4": with_property(maxLength="nine"),
    "bounds": with_property(minLength=10),
    "required": schema(required=["window"]),
    "columnNames": schema(
        properties={
            name: {"type": ["boolean", "null"], "description": "x"} for name in ("aB", "a_b")
        }
    ),
    "rootObject": schema(type="array", properties=None),
    "unknownFormats": with_property(format="colour"),
    "numericMinMax": with_property(type=["integer", "null"], maxLength=None, minimum=0),
    "stringLength": with_property(maxLength=None),
    "optionalNull": with_property(type="string"),
    "description": with_property(description=None),
    "stringMaxLengthRange": with_property(maxLength=65_536),
}


@pytest.mark.parametrize("rule", [*MANDATORY, *SKIPPABLE])
def test_each_rule_finds_its_fault(rule: str) -> None:
    """One fault, one finding, with a place; what igluctl lets one skip can be skipped."""
    (fault,) = lint_schema(FAULTY[rule], PATH)
    assert fault.rule == rule
    assert str(fault).endswith(f"({rule})")
    skipped = lint_schema(FAULTY[rule], PATH, [rule])
    assert bool(skipped) == (rule in MANDATORY)


def test_faults_inside_are_found() -> None:
    """In properties of properties, in items, in alternatives; the pointer says where."""
    bare = {"type": "string"}
    nested = with_property(
        type=["object", "array", "null"],
        maxLength=None,
        properties={"x": {"type": "number", "description": "x", "maximum": 1}},
        required=["x"],
        items=bare,
        oneOf=[bare, {"type": "integer"}],
    )
    assert {(fault.rule, fault.pointer) for fault in lint_schema(nested)} == {
        ("numericMinMax", "/properties/door/properties/x"),
        ("stringLength", "/properties/door/items"),
        ("stringLength", "/properties/door/oneOf/0"),
        ("numericMinMax", "/properties/door/oneOf/1"),
    }


@pytest.mark.parametrize("other", [None, [], "schema", 7])
def test_what_is_no_object_is_no_schema(other: object) -> None:
    """A file may hold anything."""
    assert [fault.rule for fault in lint_schema(other)] == ["draft4"]
