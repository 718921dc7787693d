r"""Tests of the engine for plain texts: it says what `regex` says of them."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.grammar.grok import Compiled
from shipper.grammar.plain_engine import quickest

_EXPRESSIONS: Final = {
    r"(?P<a>\S+)\s(?P<b>.*)": "nothing but spaces separates",
    r'"(?P<a>[^"\\]*+)" (?P<b>[^\\" ]+)': "the backslash goes, wherever it stands",
    r"(?P<a>[^\\]+)": "alone it has to stay",
    r"(?P<a>[^]\\]*)(?P<b>.*)": "a bracket that comes first is a member",
    r"(?P<a>[^\\\]]*)(?P<b>.*)": "so is one that is escaped",
    r"(?P<a>[^!-\\]*)(?P<b>.*)": "the end of a range has to stay",
    r"(?P<a>[^\\^a]*)(?P<b>.*)": "a circumflex says nothing in the middle",
    r"(?P<a>[^\\s]*)(?P<b>.*)": "a letter after an escaped backslash is a letter",
    r"(?P<a>[^\s\\]*)(?P<b>.*)": "a class stays in its set",
    r"(?P<a>\\S*)(?P<b>.*)": "a backslash that is looked for is looked for",
}


@pytest.mark.parametrize("expression", _EXPRESSIONS, ids=_EXPRESSIONS.values())
@given(st.data())
def test_it_says_the_same_of_a_plain_text(expression: str, data: st.DataObject) -> None:
    """Of what is printable and has no backslash, both give the same groups."""
    signs = st.sampled_from(' "]^ab!-Sség\u3042')
    text = data.draw(st.text(signs) | st.from_regex(expression, fullmatch=True))
    compiled = Compiled(expression, expression, (), ())
    match, more = quickest(compiled)
    if text.isprintable() and "\\" not in text:
        found, expected = match(text, *more), compiled.pattern.fullmatch(text)
        assert (found and found.groups()) == (expected and expected.groups())
