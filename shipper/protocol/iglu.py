"""Iglu URIs: the names of schemas, such as ``iglu:com.example/order_placed/jsonschema/1-0-0``.

Rule 1: the characters are those that Snowplow's own libraries take. Vendor: ASCII letters,
digits, ``-``, ``_``, ``.``; name and format: the same without the dot; version: three whole
numbers joined by ``-``, the first from 1, none with a leading zero.
Rule 2: so a key can never climb out of a registry directory, except by a vendor of dots only,
which is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_URI = re.compile(
    r"iglu:([a-zA-Z0-9_.-]+)/([a-zA-Z0-9_-]+)/([a-zA-Z0-9_-]+)"
    r"/([1-9][0-9]{0,9}-(?:0|[1-9][0-9]{0,9})-(?:0|[1-9][0-9]{0,9}))"
)
_SHAPE = "iglu:VENDOR/NAME/jsonschema/MODEL-REVISION-ADDITION"
_EXAMPLE = "iglu:com.example/order_placed/jsonschema/1-0-0"


@dataclass(frozen=True, slots=True)
class SchemaKey:
    """The name of one schema. `version` is MODEL-REVISION-ADDITION, as in ``1-0-0``."""

    vendor: str
    name: str
    format: str
    version: str

    @classmethod
    def parse(cls, uri: str) -> SchemaKey:
        """Return the key that *uri* spells. Raises ValueError, which says what would be right."""
        return _parse(uri)

    def __str__(self) -> str:
        return f"iglu:{self.path}"

    @property
    def path(self) -> str:
        """Where the schema stands below ``schemas/`` in a static registry."""
        return f"{self.vendor}/{self.name}/{self.format}/{self.version}"


@lru_cache(maxsize=4096)
def _parse(uri: str) -> SchemaKey:
    match = _URI.fullmatch(uri)
    if not match or not match[1].strip("."):
        raise ValueError(f"{uri[:200]!r} is not an Iglu URI: {_complaint(uri)}")
    return SchemaKey(*match.groups())


def _complaint(uri: str) -> str:
    if not uri.startswith("iglu:"):
        return f"it must begin with 'iglu:', as in {_EXAMPLE}"
    parts = uri[5:].split("/")
    if len(parts) != 4:
        return f"it has {len(parts)} parts where {_SHAPE} has 4"
    for label, part, allowed in zip(("vendor", "name", "format"), parts, _ALLOWED, strict=False):
        if not re.fullmatch(allowed, part) or not part.strip("."):
            return f"the {label} {part[:100]!r} must be made of the characters {allowed[1:-2]}"
    return f"the version {parts[3][:40]!r} must be three whole numbers such as 1-0-0"


_ALLOWED = ("[a-zA-Z0-9_.-]+", "[a-zA-Z0-9_-]+", "[a-zA-Z0-9_-]+")

PAYLOAD_DATA: Final = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
UNSTRUCT_EVENT: Final = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
CONTEXTS: Final = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1"
ANYTHING: Final = "iglu:com.snowplowanalytics.iglu/anything-a/jsonschema/1-0-0"

OWN_VENDOR: Final = "org.logfilesource"
"""The vendor of the shipped grammars' schemas, and of what the shipper says itself."""


def of_vendor(uri: str, vendor: str | None) -> str:
    """Return *uri* with *vendor* in place of OWN_VENDOR; the URI of any other vendor stays."""
    own = f"iglu:{OWN_VENDOR}/"
    return f"iglu:{vendor}/{uri.removeprefix(own)}" if vendor and uri.startswith(own) else uri


def same_family(key: SchemaKey, uri: str) -> bool:
    """Tell whether *key* is the schema *uri* in any of its additions, as in 1-0-*."""
    return str(key).rpartition("-")[0] == uri.rpartition("-")[0]
