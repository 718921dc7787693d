"""What docs/metrics.md must say, made from the metrics: one table row each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shipper.status.metrics import FAMILIES

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def rows() -> Iterator[str]:
    for family in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        yield f"| `{family.sample_name}` | {family.kind} | {labels} | {family.help} |"
