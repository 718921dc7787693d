"""Whatever stands in a file of another shipper, the outcome is grammars or a DataError."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.errors import DataError
from shipper.grammar.foreign.filebeat import read_filebeat
from shipper.grammar.foreign.fluent_bit import read_parsers
from shipper.grammar.foreign.logstash import read_pipeline
from shipper.grammar.foreign.onigmo import ours, searched
from shipper.grammar.foreign.parts import Losses
from shipper.grammar.foreign.write import write
from shipper.grammar.grok import compile_grok
from shipper.grammar.reference import GrokError
from tests.grammar.foreign.bench import book

EXPRESSIONS = st.lists(
    st.sampled_from(
        [
            *(
                "(",
                ")",
                "[",
                "]",
                "{",
                "}",
                "|",
                "\\",
                "^",
                "$",
                ".",
                "*",
                "+",
                "?",
                "{2,3}",
                "{2}",
            ),
            *("(?<a>", "(?'b'", "(?:", "(?m)", "(?i:", "(?=", "(?~", "(?>", "\\k<a>", "\\K", "\\R"),
            *(
                "\\x{41}",
                "\\p{^Alpha}",
                "[^ ]",
                "[[:alpha:]]",
                "&&",
                "%{",
                "%{INT:n}",
                "a",
                " ",
                "é",
            ),
        ]
    ),
    max_size=12,
).map("".join)
WORDS = st.lists(
    st.sampled_from(
        [
            *(
                "filter",
                "input",
                "if",
                "else",
                "grok",
                "date",
                "mutate",
                "json",
                "kv",
                "match",
                "=>",
            ),
            *(
                "{",
                "}",
                "[",
                "]",
                '"',
                "'",
                "#",
                "\n",
                ",",
                "7",
                "2.5",
                "[a][b]",
                '"message"',
                "==",
                "=~",
            ),
            *(
                "/x/",
                "convert",
                "rename",
                "remove_field",
                '"%{INT:n}"',
                "target",
                "source",
                "ISO8601",
            ),
        ]
    ),
    max_size=40,
).map(" ".join)
LINES = st.lists(
    st.tuples(
        st.sampled_from(["[PARSER]", "[SERVICE]", "[MULTILINE_PARSER]", "Name", "Format", "Regex"])
        | st.sampled_from(["Types", "Time_Key", "Time_Format", "Time_Offset", "rule", "#", "@SET"]),
        st.sampled_from(
            ["", "a", "regex", "json", "ltsv", "(?<a>x)", "^(?<t>.*)$", "a:integer", "%s"]
        )
        | st.sampled_from(
            ["t", "%H", '"start_state" "/x/" "cont"', "+0100", "On", "\x00", "\u2028"]
        ),
    ).map(" ".join),
    max_size=12,
).map("\n".join)

SCALARS = st.sampled_from(
    ["", "message", "%{a} %{b}", "%{INT:n:long}", "long", "a", "ISO8601", "x y"]
)
TREES = st.recursive(
    SCALARS | st.none() | st.integers() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "field",
                        "fields",
                        "patterns",
                        "tokenizer",
                        "pattern",
                        "formats",
                        "from",
                        "to",
                        "if",
                    ),
                    *(
                        "grok",
                        "dissect",
                        "date",
                        "timestamp",
                        "rename",
                        "convert",
                        "set",
                        "remove",
                        "json",
                    ),
                    *(
                        "processors",
                        "parsers",
                        "multiline",
                        "ndjson",
                        "type",
                        "target",
                        "filebeat.inputs",
                    ),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(TREES, st.sampled_from(["processors", "filebeat.inputs", "filebeat"]))
def test_any_tree(tree: object, key: str) -> None:
    """What a YAML file may hold where processors are expected."""
    with suppress(DataError):
        for each in read_filebeat(json.dumps({key: [tree]}), "p.yml", book(), Losses()):
            write(each, book())


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS)
def test_any_expression(text: str) -> None:
    """It is translated and compiles, or is a GrokError; so is it where it is searched."""
    for made in (ours, lambda each: searched(ours(each))):
        with suppress(GrokError):
            compile_grok(made(text), book())


@settings(max_examples=100, deadline=None)
@given(WORDS | st.text(max_size=60))
def test_any_pipeline(text: str) -> None:
    """Grammars that stand their test, or a DataError."""
    with suppress(DataError):
        for each in read_pipeline(f"filter {{ {text} }}", "p.conf", book(), Losses()):
            write(each, book())


@settings(max_examples=100, deadline=None)
@given(LINES | st.text(max_size=60))
def test_any_parser_file(text: str) -> None:
    """The same for the other shipper's files."""
    with suppress(DataError):
        for each in read_parsers(text, "p.conf", Losses()):
            write(each, book())
