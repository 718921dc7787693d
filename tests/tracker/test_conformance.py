"""docs/conformance.md: each item has tests that there are, or a word on why not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
_ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \|$", re.MULTILINE)


def _tests() -> set[str]:
    files = [ast.parse(file.read_text(encoding="utf-8")) for file in TESTS.rglob("test_*.py")]
    nodes = (node for file in files for node in ast.walk(file))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


def test_every_item_of_the_table_has_a_test_or_a_reason() -> None:
    """Items are numbered through; every test that is named exists, once a row."""
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert [int(number) for number, _, _ in rows] == list(range(1, 65))
    known = _tests()
    for number, _, proof in rows:
        named = re.findall(r"`(test_\w+)`", proof)
        assert set(named) <= known, f"item {number}: {set(named) - known}"
        assert len(named) == len(set(named))
        assert named or proof.startswith("not "), f"item {number}: neither test nor reason"
