"""The table of scenarios: each has tests that carry its number, or a word on why not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "known-limits.md"
TESTS = Path(__file__).parents[1]
_ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \|$", re.MULTILINE)
_NUMBERS = re.compile(r"^(\d+(?:(?:, | and |, and )\d+)*):")


def _told(node: ast.FunctionDef) -> list[int]:
    found = _NUMBERS.match(ast.get_docstring(node) or "")
    return [int(number) for number in re.findall(r"\d+", found[1])] if found else []


def _numbered() -> Iterator[tuple[int, str]]:
    """Yield each scenario number that a test's docstring begins with, and the test's name."""
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield from ((number, node.name) for number in _told(node))


def test_every_scenario_has_a_row() -> None:
    """All 83 stand in the table, in order."""
    numbers = [int(row[0]) for row in _ROW.findall(PAGE.read_text(encoding="utf-8"))]
    assert numbers == list(range(1, 84))


def test_the_table_names_the_tests_that_there_are() -> None:
    """A row names exactly the tests that carry its number; one without says what is missing."""
    tests: dict[int, set[str]] = {}
    for number, name in _numbered():
        tests.setdefault(number, set()).add(name)
    for number, _, proof in _ROW.findall(PAGE.read_text(encoding="utf-8")):
        named = set(re.findall(r"`(test_\w+)`", proof))
        assert tests.get(int(number), set()) <= named, f"scenario {number}: not all are named"
        assert named or proof.startswith("not yet"), f"scenario {number}: neither test nor reason"
