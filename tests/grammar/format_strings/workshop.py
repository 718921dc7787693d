"""What these tests share: from a format string to a loaded grammar, and from lines to fields."""

from __future__ import annotations

from typing import Any

import pytest

from shipper.grammar.format_strings.draft import draft
from shipper.grammar.format_strings.parts import FormatStringError, Layout
from shipper.grammar.grammar import Grammar
from shipper.grammar.loader import parse_grammar
from shipper.grammar.samples import as_expected, run_samples
from tests.grammar.shelf import NOW_US, core


def grammar_of(layout: Layout, zone: str = "") -> Grammar:
    """Load the grammar of *layout*, beside the core patterns, as a user would."""
    made = draft(layout, vendor="org.example", zone=zone)
    grammar = parse_grammar(made.text, f"{made.name}.yaml", core())
    results = run_samples(grammar)
    assert len(results) == 3
    assert [str(result) for result in results if not result.ok] == []
    assert results[-1].line == grammar.spec.samples[-1].line
    assert grammar.spec.samples[-1].expect is None
    return grammar


def fields(grammar: Grammar, line: str) -> dict[str, Any]:
    """Parse *line*; fail with the place where it went wrong."""
    parsed = grammar.parse(line, NOW_US)
    assert parsed is not None, grammar.explain(line, NOW_US)
    return as_expected(parsed)


def refusal(read: Any, source: str) -> FormatStringError:
    """Return why *source* is refused."""
    with pytest.raises(FormatStringError) as caught:
        draft(read(source))
    return caught.value
