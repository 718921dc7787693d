"""docs/security.md names code and tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:shipper|tests|fuzz)/[^`:]+)(?:::(\w+))?`", PAGE)


def test_what_is_named_is_there() -> None:
    """Every file and folder that the page names exists, and every test in its file."""
    assert len(NAMED) > 40
    assert [path for path, _ in NAMED if not (ROOT / path).exists()] == []
    proofs = [(path, name) for path, name in NAMED if name]
    assert proofs
    missing = [p for p in proofs if f"def {p[1]}(" not in (ROOT / p[0]).read_text(encoding="utf-8")]
    assert missing == []


def test_every_defence_has_a_proof() -> None:
    """Each attempt that the page speaks of has a test, a make target or the fuzzing beside it."""
    head = r"\| attempt \| what stands against it \| proof \|\n\|[-|]+\n"
    tables = re.findall(head + r"((?:\|.*\n)+)", PAGE)
    rows = [row for table in tables for row in table.splitlines()]

    assert (len(tables), len(rows) > 30) == (8, True)
    proofs = [row.rstrip(" |").rpartition(" | ")[2] for row in rows]
    assert [proof for proof in proofs if not re.search(r"tests/|make |fuzzing", proof)] == []
