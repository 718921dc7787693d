"""What a required field asks of a record: its key, whatever trimming leaves of the value."""

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


def test_a_required_field_does_not_count_under_its_own_name() -> None:
    """Many programs write a `message`; only Docker writes it as `log`."""
    it = grammar("""
    parse: json
    fields:
      message: {from: [log, lines.0], required: true}
    """)
    parsed = it.parse('{"lines":["a"],"message":"b"}', NOW_US)
    assert parsed is not None
    assert parsed.fields["message"] == "a"
    assert it.parse('{"message":"b"}', NOW_US) is None
    assert it.explain('{"message":"b"}', NOW_US).expected == "the field message"
