"""What the tests of this room share: grammars written in the test, and the shipped ones."""

from __future__ import annotations

from functools import cache
from textwrap import dedent

import pytest

from shipper.errors import GrammarError, Problem
from shipper.grammar.grammar import Grammar
from shipper.grammar.library import Library, shipped_directory
from shipper.grammar.loader import parse_grammar
from shipper.grammar.patterns import PatternBook, read_pattern_directories

NOW_US = 1_795_416_944_000_000  # 2026-11-23T06:55:44Z
SHIPPED = sorted(file.stem for file in shipped_directory().glob("*.yaml"))
FOUNDING = ["apache_combined", "json_lines", "logfmt", "nginx_access", "syslog_rfc3164"]
"""What the first release has; the page about grammars names them."""

HEAD = """\
name: it
title: what the test needs
schema: iglu:org.example/it/jsonschema/1-0-0
"""


@cache
def core() -> PatternBook:
    return read_pattern_directories([shipped_directory() / "patterns"])


@cache
def library() -> Library:
    return Library()


def grammar(body: str) -> Grammar:
    """Load a grammar from *body*, which leaves out name, title and schema."""
    return parse_grammar(HEAD + dedent(body), "it.yaml", core(), library())


def problems(body: str) -> list[Problem]:
    """Return what is wrong with the grammar in *body*; line 4 is its first."""
    with pytest.raises(GrammarError) as caught:
        grammar(body)
    return list(caught.value.problems)


def problem(body: str) -> Problem:
    """Return the one thing that is wrong with the grammar in *body*."""
    (one,) = problems(body)
    return one
