"""The page about grammars tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shipper.grammar.checks import ATOMIC
from shipper.grammar.derive import TABLES
from shipper.grammar.loader import parse_grammar
from shipper.grammar.samples import run_samples
from shipper.grammar.shaping_spec import (
    CriterionSpec,
    PageViewSpec,
    RedactSpec,
    SampleSpec,
    StructSpec,
)
from shipper.grammar.spec import FieldSpec, GrammarSpec, ThenSpec, TimeSpec
from shipper.grammar.time_formats import WORDS
from tests.grammar.shelf import FOUNDING, SHIPPED, core, library

SHAPING = (PageViewSpec, RedactSpec, SampleSpec, StructSpec, CriterionSpec)
PAGE = Path(__file__).parents[2] / "docs" / "grammars.md"
TEXT = PAGE.read_text(encoding="utf-8")
FORMATS = PAGE.with_name("formats.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0])
def test_every_example_loads_and_its_samples_pass(
    block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a reader copies from the page works as the page says."""
    monkeypatch.setenv("PEPPER", "pepper")
    grammar = parse_grammar(block, str(PAGE), core(), library())
    results = run_samples(grammar)
    assert results
    assert [str(result) for result in results if not result.ok] == []


def test_every_key_is_on_the_page() -> None:
    """No key of the file, and no word that one takes, goes undocumented."""
    models = (GrammarSpec, FieldSpec, TimeSpec, ThenSpec, *SHAPING)
    words = [f.alias or name for model in models for name, f in model.model_fields.items()]
    for word in [*words, *ATOMIC, *TABLES, *WORDS, *FOUNDING]:
        assert re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", TEXT), word


def test_every_shipped_grammar_is_on_the_page_of_formats() -> None:
    """The page lists what is shipped, nothing else, and calls each by its title."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", FORMATS, re.MULTILINE)
    assert [name for name, _ in rows] == sorted(name for name, _ in rows)
    assert dict(rows) == {name: library().get(name).title for name in SHIPPED}
