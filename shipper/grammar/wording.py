"""Says in words what a field or a time should have looked like, and writes times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from shipper.grammar.spec import FieldSpec, GrammarSpec
from shipper.model import Mismatch

_PLACE = re.compile(r"column (\d+): expected (.*)", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def expected_value(spec: FieldSpec) -> str:
    """Describe the values that a field takes, such as ``integer 100..999``."""
    if spec.values is not None:
        return "one of " + ", ".join(spec.values)
    match spec.type:
        case "integer" | "number" | "duration":
            return _number(spec)
        case "string":
            return f"at most {spec.longest()} characters"
        case "timestamp":
            return "a time like " + " or ".join(spec.formats)
        case _:
            return {"ip": "an IP address", "uuid": "a UUID"}.get(str(spec.type), str(spec.type))


def _number(spec: FieldSpec) -> str:
    low, high = spec.limits()
    given = spec.minimum is not None or spec.maximum is not None
    what = f"{spec.type} of {spec.unit}" if spec.unit else str(spec.type)
    return f"{what} {low}..{high}" if given or spec.type == "integer" else what


def expected_time(spec: GrammarSpec) -> str:
    """Describe the times that a grammar takes, by its formats."""
    return "a time like " + " or ".join(spec.time.formats if spec.time else ())


def iso_time(time_us: int) -> str:
    """Write microseconds since 1970 as UTC, ``2026-11-23T06:55:44.5Z``: no trailing zeros."""
    seconds, micros = divmod(time_us, 1_000_000)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{micros:06d}".rstrip("0") + "Z" if micros else f"{text}Z"


def in_a_sentence(miss: Mismatch) -> str:
    """Say where *miss* is and what was expected, as dead letters keep it."""
    return f"column {miss.column}: expected {miss.expected}"


def place_in(sentence: str) -> tuple[int, str] | None:
    """Return column and expectation of what `in_a_sentence` wrote; None of any other text."""
    found = _PLACE.fullmatch(sentence)
    return (int(found[1]), found[2]) if found else None
