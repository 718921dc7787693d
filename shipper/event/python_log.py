"""The event that a record of Python's logging makes, and its Iglu schema."""

from __future__ import annotations

from typing import Any, Final

PYTHON_LOG: Final = "iglu:org.logfilesource/python_log/jsonschema/1-0-0"
MOST: Final = 16_384
"""The longest text of a field, in characters."""


def python_log_schema() -> dict[str, Any]:
    """Return the Iglu schema of the event."""
    vendor, name, form, version = PYTHON_LOG.removeprefix("iglu:").split("/")
    text = {"type": ["string", "null"], "maxLength": MOST}
    must = {"type": "string", "maxLength": MOST}
    number = {"type": ["integer", "null"], "minimum": 0, "maximum": 2**31 - 1}
    return {
        "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/"
        "schema/jsonschema/1-0-0#",
        "description": "A record of Python's logging",
        "self": {"vendor": vendor, "name": name, "format": form, "version": version},
        "type": "object",
        "properties": {
            "logger": {**must, "description": "Name of the logger"},
            "level": {**must, "description": "Name of the level"},
            "message": {**must, "description": "The message, its arguments filled in"},
            "file": {**text, "description": "Path of the source file"},
            "line": {**number, "description": "Line in that file"},
            "function": {**text, "description": "Function that logged"},
            "process": {**number, "description": "Process id"},
            "thread": {**text, "description": "Name of the thread"},
            "stack_trace": {**text, "description": "The exception and where it came from"},
        },
        "required": ["logger", "level", "message"],
        "additionalProperties": False,
    }
