"""Durations and byte sizes as people write them: ``500ms``, ``2s``, ``180kB``, ``64KiB``.

Rule 1: a plain number is seconds, or bytes.
Rule 2: kB, MB, GB, TB count in thousands; KiB, MiB, GiB, TiB in 1024s; upper and lower case are
one, so ``10gb`` is ten thousand million.
Rule 3: what is no finite number is an error, and so is a boolean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

_Units = Mapping[str, Decimal | int]

SECONDS: _Units = {"ms": Decimal("0.001"), "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DECIMAL = {f"{prefix}b": 1_000**power for power, prefix in enumerate(["", "k", "m", "g", "t"])}
_BINARY = {f"{prefix}ib": 1_024**power for power, prefix in enumerate("kmgt", start=1)}
BYTES = {**_DECIMAL, **_BINARY}

# A number of more digits than this is a slip of the keyboard, whatever its unit.
_QUANTITY = re.compile(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([A-Za-z]{0,4})\s*", re.ASCII)

DURATION_PATTERN = r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)?\s*$"
SIZE_PATTERN = r"^\s*[0-9]+(\.[0-9]+)?\s*(([kKmMgGtT][iI]?)?[bB])?\s*$"


def seconds(value: object) -> float:
    """Return a duration in seconds from a number or a text such as ``5m``.

    Raises ValueError for anything else.
    """
    return float(_quantity(value, SECONDS, fallback="s"))


def size(value: object) -> int:
    """Return a size in bytes from a number or a text such as ``10GB``.

    Raises ValueError for anything else, and for a fraction of a byte.
    """
    number = _quantity(value, BYTES, fallback="b")
    if number % 1:
        raise ValueError("is not a whole number of bytes")
    return int(number)


def _quantity(value: object, units: _Units, *, fallback: str) -> Decimal:
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value)
        unit = (match[2].lower() or fallback) if match else ""
        if match and unit in units:
            return Decimal(match[1]) * units[unit]
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e21:
        return Decimal(value)
    raise ValueError("is not a number with a known unit")
