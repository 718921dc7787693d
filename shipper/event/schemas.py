"""The Iglu schemas of what the shipper itself says: entities, the gap, Python's log records."""

from __future__ import annotations

from typing import Any

from shipper.event.entities import entity_schemas
from shipper.event.gap import GAP_SCHEMA, gap_schema
from shipper.event.python_log import PYTHON_LOG, python_log_schema


def own_schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas by URI. Those of events come with their grammars."""
    return {**entity_schemas(), GAP_SCHEMA: gap_schema(), PYTHON_LOG: python_log_schema()}
