"""The vendor of the schemas: one for the grammar, the entities and the gap, or none of them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import orjson

from shipper.event.builder import Envelope
from shipper.event.chunk import parse_chunk
from shipper.event.entities import Origin
from shipper.event.gap import Gap, with_gap
from shipper.event.ids import EventIds
from shipper.event.recipe import Recipe
from shipper.event.schemas import own_schemas
from shipper.grammar.iglu import iglu_schema, write_registry
from shipper.grammar.library import Library
from shipper.grammar.loader import parse_grammar
from shipper.grammar.patterns import PatternBook
from shipper.protocol.iglu import OWN_VENDOR, of_vendor
from tests.outbox import NOW_MS

POD = "/var/log/containers/shop-1_prod_cart-" + "0" * 64 + ".log"
FOREIGN = """
name: mine
title: mine
schema: iglu:org.example/mine/jsonschema/1-0-0
match: ['(?<a>\\w+)']
fields: {a: {max_length: 9, description: a}}
"""


def schemas(vendor: str | None, *, foreign: bool = False) -> set[str]:
    """Return every schema that is named in the events of a record and of a gap behind it."""
    grammar = (
        parse_grammar(FOREIGN, "mine.yaml", PatternBook({})) if foreign else Library().get("logfmt")
    )
    recipe = Recipe([grammar], Envelope(vendor=vendor))
    origin = Origin(EventIds(uuid.UUID(int=1)), POD)
    line = b"word\n" if foreign else b"a=b\n"
    parse = parse_chunk(line, 0, recipe, origin, NOW_MS * 1000)
    parse = with_gap(parse, Gap("/a", 4, 9, "gone"), recipe, origin, NOW_MS * 1000)
    from shipper.event.batch import unpack

    events = [
        orjson.loads(event) for batch in parse.batches for event in unpack(batch).split(b"\n")
    ]
    return {uri for event in events for key in ("ue_pr", "co") for uri in named(event.get(key))}


def named(wrapped: str | None) -> set[str]:
    """Return the schemas of what is wrapped in one member of an event."""
    if wrapped is None:
        return set()
    data: Any = orjson.loads(wrapped)["data"]
    return {each["schema"] for each in (data if isinstance(data, list) else [data])}


def test_by_default_the_schemas_are_ours() -> None:
    """The event, the gap, the container: org.logfilesource."""
    found = schemas(None)
    assert {uri.split("/")[1] for uri in found} == {"logfmt", "gap", "container"}
    assert {uri.split("/")[0] for uri in found} == {f"iglu:{OWN_VENDOR}"}


def test_one_vendor_takes_the_place_of_ours_everywhere() -> None:
    """The same schemas, all of the other vendor."""
    assert schemas("com.acme") == {of_vendor(uri, "com.acme") for uri in schemas(None)}


def test_the_vendor_of_the_users_own_grammars_stays() -> None:
    """Whoever writes a grammar names its schema."""
    found = schemas("com.acme", foreign=True)
    assert "iglu:org.example/mine/jsonschema/1-0-0" in found
    assert "iglu:com.acme/gap/jsonschema/1-0-0" in found


def test_the_registry_of_a_vendor_has_what_its_events_name(tmp_path: Path) -> None:
    """`grammar schema --vendor` and `grammars.vendor` agree."""
    files = write_registry([Library().get("logfmt")], tmp_path, own_schemas(), "com.acme")
    stored = {f"iglu:{file.relative_to(tmp_path / 'schemas')}" for file in files}
    assert schemas("com.acme") <= stored
    assert iglu_schema(Library().get("logfmt"))["self"]["vendor"] == OWN_VENDOR
