"""SchemaVer: which part of the version has to rise, by what has changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from shipper.grammar.schemaver import Level, compare, needed, next_version, read_version

STRING = {"type": ["string", "null"], "maxLength": 10, "description": "s"}
NUMBER = {"type": "integer", "minimum": 0, "maximum": 100, "description": "n"}


def schema(optional: Any = STRING, needed: Any = NUMBER, **more: Any) -> dict[str, Any]:
    """Return a schema of a property `s` that may be missing and `n` that may not."""
    properties = {"s": optional, "n": needed}
    return {
        "description": "d",
        "type": "object",
        "properties": {name: rule for name, rule in properties.items() if rule is not None},
        "required": ["n"] if needed is not None else [],
        "additionalProperties": False,
        **more,
    }


def test_no_difference_needs_nothing() -> None:
    """The same schema again: the version may stay."""
    assert compare(schema(), schema()) == []
    assert needed([]) is Level.NONE
    assert next_version((1, 2, 3), Level.NONE) == (1, 2, 3)


@pytest.mark.parametrize(
    ("new", "level", "what"),
    [
        (schema(description="e"), Level.ADDITION, "another description"),
        (schema({**STRING, "description": "t"}), Level.ADDITION, "another description"),
        (schema({**STRING, "maxLength": 11}), Level.ADDITION, "maxLength changes from 10 to 11"),
        (schema({**STRING, "maxLength": 9}), Level.REVISION, "maxLength changes from 10 to 9"),
        (schema({**STRING, "type": "string"}), Level.REVISION, "may no longer be null"),
        (schema({**STRING, "enum": ["a", None]}), Level.REVISION, "only some values"),
        (schema({**STRING, "format": "uuid"}), Level.MODEL, "format changes from none to uuid"),
        (schema({**STRING, "type": ["boolean", "null"]}), Level.MODEL, "from string to boolean"),
        (schema({**STRING, "pattern": "a"}), Level.REVISION, "pattern changes"),
        (schema(None), Level.REVISION, "is gone: events that have it"),
        (schema(required=["n", "s"]), Level.MODEL, "has to be there now"),
        (schema(required=[]), Level.MODEL, "may be missing now"),
        (schema(needed=None), Level.MODEL, "is gone, and had to be there"),
        (schema(needed={**NUMBER, "minimum": -1}), Level.ADDITION, "minimum changes from 0 to -1"),
        (schema(needed={**NUMBER, "minimum": 1}), Level.REVISION, "minimum changes from 0 to 1"),
        (schema(needed={**NUMBER, "maximum": 32_767}), Level.ADDITION, "from 100 to 32767"),
        (schema(needed={**NUMBER, "maximum": 32_768}), Level.MODEL, "from SMALLINT to INT"),
        (schema(needed={**NUMBER, "maximum": 2**40}), Level.MODEL, "from SMALLINT to BIGINT"),
        (schema(needed={**NUMBER, "type": "number"}), Level.MODEL, "from integer to number"),
        (schema(needed={**NUMBER, "type": ["integer", "null"]}), Level.ADDITION, "may be null now"),
        (schema(additionalProperties=True), Level.ADDITION, "other properties are allowed now"),
        (schema(minProperties=1), Level.REVISION, "minProperties changes"),
    ],
)
def test_each_change_has_its_level(new: dict[str, Any], level: Level, what: str) -> None:
    """The gravest change counts, and each is named with its property."""
    changes = compare(schema(), new)
    assert needed(changes) is level
    assert what in str(changes[0])


def test_new_properties() -> None:
    """Optional: compatible, unless events could have had the key before; required: never."""
    more = schema()
    more["properties"] = {**more["properties"], "x": STRING}
    assert [str(change) for change in compare(schema(), more)] == ["ADDITION x: is new"]
    assert needed(compare(schema(additionalProperties=True), more)) is Level.REVISION
    assert needed(compare(schema(), {**more, "required": ["n", "x"]})) is Level.MODEL


def test_enums() -> None:
    """A value more is compatible, a value less is not."""
    one, two = ({**STRING, "enum": values} for values in (["a", None], ["a", "b", None]))
    assert str(compare(schema(one), schema(two))[0]) == "ADDITION s: allowed now: b"
    assert str(compare(schema(two), schema(one))[0]) == "REVISION s: no longer allowed: b"
    assert needed(compare(schema(one), schema())) is Level.ADDITION


def test_versions_rise_by_level() -> None:
    """What is to the right begins again at nought."""
    assert read_version("1-2-3") == (1, 2, 3)
    assert next_version((1, 2, 3), Level.MODEL) == (2, 0, 0)
    assert next_version((1, 2, 3), Level.REVISION) == (1, 3, 0)
    assert next_version((1, 2, 3), Level.ADDITION) == (1, 2, 4)
    for wrong in ("1-0", "1-0-0-0", "a-b-c", ""):
        with pytest.raises(ValueError, match=r"."):
            read_version(wrong)


RULES = st.one_of(
    st.none(),
    st.builds(
        lambda low, high, null: {
            "type": ["integer", "null"] if null else "integer",
            "minimum": low,
            "maximum": high,
        },
        st.integers(-3, 0),
        st.integers(0, 3),
        st.booleans(),
    ),
    st.builds(lambda size: {"type": ["string", "null"], "maxLength": size}, st.integers(1, 3)),
    st.sets(st.sampled_from("abc"), min_size=1).map(
        lambda values: {"type": "string", "enum": sorted(values)}
    ),
)
SCHEMAS = st.builds(
    lambda s, n, open_: schema(s, n, additionalProperties=open_), RULES, RULES, st.booleans()
)
EVENTS = st.dictionaries(
    st.sampled_from("sn"), st.integers(-3, 3) | st.text("abc", max_size=3) | st.none()
)


@settings(max_examples=400)
@given(SCHEMAS, SCHEMAS, EVENTS)
def test_an_addition_keeps_every_event_of_the_past_valid(
    old: dict[str, Any], new: dict[str, Any], event: dict[str, Any]
) -> None:
    """Whatever the two schemas are: if the change is said to be an addition, it is one."""
    if needed(compare(old, new)) <= Level.ADDITION and Draft4Validator(old).is_valid(event):
        assert Draft4Validator(new).is_valid(event), (old, new)
