"""Fields that are cut: a line that is empty but for its end is still a line."""

from __future__ import annotations

from tests.grammar.shelf import NOW_US, grammar


def test_a_required_field_may_be_empty_once_it_is_trimmed() -> None:
    """Docker writes an empty line as its line end; the record is taken, without the field."""
    it = grammar("""
    parse: json
    extra: drop
    fields:
      message: {from: [log], required: true, trim: line_end}
      stream: {}
    """)
    empty = it.parse('{"log":"\\n","stream":"stdout"}', NOW_US)
    assert empty is not None
    assert empty.fields == {"stream": "stdout"}
    assert it.parse('{"stream":"stdout"}', NOW_US) is None
    assert "message" not in it.always
