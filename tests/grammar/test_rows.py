"""Columns: CSV with its quotes, and W3C's format with its headers."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.grammar.headers import header_of
from shipper.grammar.records import DirectiveError, RecordError
from shipper.grammar.rows import Rows, W3cRows
from tests.grammar.shelf import NOW_US, grammar


def rows(columns: str, *, least: int | None = None, separator: str = ",", quote: str = '"') -> Rows:
    return Rows(columns.split(), least=least, separator=separator, quote=quote)


def test_cells_are_quoted_as_rfc_4180_has_it() -> None:
    """Separators, doubled quotes and line breaks inside quotes belong to the cell."""
    text = '1,"a ""b"", c","two\nlines",'
    assert rows("n q m e").read(text) == {"n": "1", "q": 'a "b", c', "m": "two\nlines", "e": ""}


def test_without_a_quote_nothing_is_quoted() -> None:
    """Tab-separated logs put quotes where they like."""
    tabs = rows("a b", separator="\t", quote="")
    assert tabs.read('"x\ty"') == {"a": '"x', "b": 'y"'}


def test_columns_may_be_missing_or_more() -> None:
    """As many as the grammar asks for; further ones get numbers."""
    three = rows("a b c", least=2)
    assert three.read("1,2") == {"a": "1", "b": "2"}
    assert three.read("1,2,3,4,5") == {
        **{"a": "1", "b": "2", "c": "3", "column_4": "4", "column_5": "5"},
    }
    with pytest.raises(RecordError) as caught:
        three.read("1")
    assert (caught.value.column, caught.value.expected) == (2, "the column b")


@pytest.mark.parametrize("text", ['1,"x', '1,"x"y', '"a"\n"b"'])
def test_broken_quotes_are_refused(text: str) -> None:
    """An open quote, text after a closing one, and two records in one."""
    with pytest.raises(RecordError):
        rows("a").read(text)


@given(st.lists(st.text(max_size=5), min_size=2, max_size=5))
def test_what_is_written_as_csv_is_read(cells: list[str]) -> None:
    """Any cells come back as they were."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="", quoting=csv.QUOTE_ALL).writerow(cells)
    columns = " ".join(f"c{number}" for number in range(len(cells)))
    assert list(rows(columns).read(out.getvalue()).values()) == cells


W3C = W3cRows(rows("date c-ip", separator=" "), ["date", "c-ip"], None)


def test_a_header_names_the_columns_of_its_record() -> None:
    """In front of the record, after other directives or a byte order mark; `-` is no value."""
    assert W3C.read("2026-11-23 192.0.2.1") == {"date": "2026-11-23", "c-ip": "192.0.2.1"}
    assert W3C.read("#Fields: c-ip sc-status\n192.0.2.1 200") == {
        **{"c-ip": "192.0.2.1", "sc-status": "200"},
    }
    assert W3C.read("\ufeff#Software: x\n#Fields: date\tx y\n- 1 2") == {"x": "1", "y": "2"}
    assert W3C.read("#fields\tts\tuid\n1 a") == {"ts": "1", "uid": "a"}


@pytest.mark.parametrize(
    "text", ["#Software: x", "#Fields: a b", "#close\t2026", "#Version: 1.0\n"]
)
def test_a_directive_alone_is_no_record(text: str) -> None:
    """It is no mistake either, so it is filtered and not rejected."""
    with pytest.raises(DirectiveError):
        W3C.read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a comment", "no more columns"),
        ("#Fields: a b c\n1 2", "the column c"),
        ("#Fields: " + "a " * 1001 + "\n1", "a line with #Fields"),
        ("x", "the column c-ip"),
    ],
)
def test_why_a_record_of_w3c_is_refused(text: str, expected: str) -> None:
    """Too few columns for the header that stands above, or a header that can't be used."""
    with pytest.raises(RecordError, match=expected):
        W3C.read(text)


def test_only_a_header_is_a_header() -> None:
    """What goes before the records that follow: the line itself, if it names columns."""
    assert header_of("#Fields: a b") == "#Fields: a b"
    assert header_of("#Software: x") is None
    assert header_of("1 2") is None
    assert header_of("#Fields: a\nb") is None
    assert header_of("#Fields: " + "a" * 40_000) == "#Fields: "


def test_a_grammar_names_the_columns_anew() -> None:
    """`from` leads from the names of the header to ours, whatever their order."""
    it = grammar("""
    parse: w3c
    extra: drop
    fields: {client_ip: {from: c-ip, type: ip}, status: {from: sc-status, type: integer}}
    time: {join: [date, time], formats: ['%Y-%m-%d %H:%M:%S']}
    """)
    text = "#Fields: time date sc-status c-ip\n06:55:44 2026-11-23 200 192.0.2.1"
    parsed = it.parse(text, 0)
    assert parsed is not None
    assert (parsed.fields, parsed.time_us) == ({"client_ip": "192.0.2.1", "status": 200}, NOW_US)
    assert it.parse("06:55:44 2026-11-23 200 192.0.2.1", 0) is None
