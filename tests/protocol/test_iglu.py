"""Iglu URIs are taken and refused as Snowplow's libraries do, with words that help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.protocol.iglu import (
    ANYTHING,
    CONTEXTS,
    PAYLOAD_DATA,
    UNSTRUCT_EVENT,
    SchemaKey,
    same_family,
)

WORD = st.text("abzAZ09_-", min_size=1, max_size=12)
NUMBER = st.integers(0, 10_000)
KEYS = st.builds(
    SchemaKey,
    st.lists(WORD, min_size=1, max_size=4).map(".".join),
    WORD,
    WORD,
    st.tuples(st.integers(1, 99), NUMBER, NUMBER).map(lambda numbers: "-".join(map(str, numbers))),
)


@given(KEYS)
def test_a_key_survives_its_uri(key: SchemaKey) -> None:
    """Writing a key as a URI and reading it again gives the same key."""
    assert SchemaKey.parse(str(key)) == key


def test_a_key_knows_its_place_in_a_registry() -> None:
    """The path is that of a static registry, below schemas/."""
    key = SchemaKey.parse("iglu:com.example/order_placed/jsonschema/2-1-0")

    assert key == SchemaKey("com.example", "order_placed", "jsonschema", "2-1-0")
    assert key.path == "com.example/order_placed/jsonschema/2-1-0"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("com.example/a/jsonschema/1-0-0", "must begin with 'iglu:'"),
        ("iglu:com.example/a/1-0-0", "has 3 parts"),
        ("iglu:com.example/a/jsonschema/1-0-0/x", "has 5 parts"),
        ("iglu:com.exämple/a/jsonschema/1-0-0", "the vendor 'com.exämple'"),
        ("iglu:../a/jsonschema/1-0-0", "the vendor '..'"),
        ("iglu:com.example/a.b/jsonschema/1-0-0", "the name 'a.b'"),
        ("iglu:com.example//jsonschema/1-0-0", "the name ''"),
        ("iglu:com.example/a/json.schema/1-0-0", "the format 'json.schema'"),
        ("iglu:com.example/a/jsonschema/1.0.0", "three whole numbers"),
        ("iglu:com.example/a/jsonschema/0-0-1", "three whole numbers"),
        ("iglu:com.example/a/jsonschema/1-00-0", "three whole numbers"),
        ("iglu:com.example/a/jsonschema/1-0-0\n", "three whole numbers"),
        ("", "must begin with 'iglu:'"),
    ],
)
def test_what_is_no_uri_is_refused_with_the_reason(uri: str, says: str) -> None:
    """The error names the part that is wrong."""
    with pytest.raises(ValueError, match="is not an Iglu URI") as error:
        SchemaKey.parse(uri)

    assert says in str(error.value)


@given(st.text(max_size=60).map(lambda tail: f"iglu:{tail}"))
def test_any_text_gives_a_key_or_a_reason(uri: str) -> None:
    """No text makes the parser fail in another way, and what it takes it writes back the same."""
    try:
        written_back = str(SchemaKey.parse(uri))
    except ValueError:
        return
    assert written_back == uri


@pytest.mark.parametrize("uri", [ANYTHING, CONTEXTS, PAYLOAD_DATA, UNSTRUCT_EVENT])
def test_the_wrappers_are_uris(uri: str) -> None:
    """The constants parse."""
    assert str(SchemaKey.parse(uri)) == uri


def test_a_family_is_all_additions() -> None:
    """1-0-* belong together; another revision, name or vendor does not."""
    assert same_family(SchemaKey.parse(CONTEXTS.replace("1-0-1", "1-0-77")), CONTEXTS)
    assert not same_family(SchemaKey.parse(CONTEXTS.replace("1-0-1", "1-1-1")), CONTEXTS)
    assert not same_family(SchemaKey.parse(UNSTRUCT_EVENT), CONTEXTS)
