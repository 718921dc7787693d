"""docs/performance.md: what it shows is there, and nothing that was asked for is left out."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.__main__ import OF_ROW, PARTS
from benchmarks.report import BEGIN, END, ROWS

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def test_every_row_has_its_targets() -> None:
    """Each of the eight rows stands in the table, with a verdict in words."""
    made = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = re.findall(r"^\| (\d) .*\| (reached|not reached|not measured) +\|$", made, re.MULTILINE)

    assert {int(row) for row, _ in rows} == set(ROWS) == {int(r) for r in OF_ROW if r.isdigit()}


def test_every_figure_is_there() -> None:
    """A figure that the page shows was drawn, and none lies about that it does not show."""
    shown = set(re.findall(r"!\[[^\]]*\]\((.*?)\)", PAGE.read_text(encoding="utf-8")))
    assert shown == {path.name for path in PAGE.parent.glob("performance-*.svg")} != set()


def test_every_part_can_be_chosen() -> None:
    """`--row` reaches all that is measured."""
    assert set(OF_ROW.values()) == set(PARTS)
