"""Pairs, CEF and LEEF: dialects of key=value, and what they refuse."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.grammar.cef import read_cef, read_leef
from shipper.grammar.pairs import Pairs
from shipper.grammar.records import RecordError


def pairs(
    text: str,
    separator: str | None = None,
    assign: str = "=",
    *,
    words: bool = False,
    first: bool = False,
) -> dict[str, Any]:
    dialect = Pairs(separator=separator, assign=assign, quote="\"'", words=words, first=first)
    return dialect.read(text)


def test_a_value_holds_blanks_up_to_the_next_key() -> None:
    """Appliances write sentences without quotes; a key is what stands before the next sign."""
    text = "  date=2026-11-23 msg=no rule, dropped other=a=b empty= to= the end "
    assert pairs(text) == {
        "date": "2026-11-23",
        "msg": "no rule, dropped",
        "other": "a=b",
        "empty": "",
        "to": "the end",
    }


def test_a_quoted_value_holds_anything() -> None:
    """In either kind of quotes, with the quote itself after a backslash."""
    text = r"""a="x=1 y=2" b='it said "no"' c="\"q\" \\ \n" """
    assert pairs(text) == {"a": "x=1 y=2", "b": 'it said "no"', "c": r'"q" \ \n'}


def test_words_may_be_flags() -> None:
    """Netfilter's way: a word without a sign is true, a value ends at the blank."""
    text = "IN=eth0 OUT= ID=7 DF PROTO=TCP SYN"
    assert pairs(text, words=True) == {
        **{"IN": "eth0", "OUT": "", "ID": "7", "DF": True, "PROTO": "TCP", "SYN": True},
    }


def test_separators_and_signs_are_named() -> None:
    """nginx puts commas and colons, others bars; blanks inside are kept then."""
    text = 'client: 192.0.2.1, server: a b, request: "GET /, x HTTP/1.1"'
    assert pairs(text, ", ", ": ") == {
        "client": "192.0.2.1",
        "server": "a b",
        "request": "GET /, x HTTP/1.1",
    }
    assert pairs('a=1|b key="x|y"|c=', "|") == {"a": "1", "b key": "x|y", "c": ""}


def test_the_first_or_the_last_of_a_key_counts() -> None:
    """Some records repeat a key for something else; the grammar says which one it means."""
    assert pairs("LEN=60 LEN=40") == {"LEN": "40"}
    assert pairs("LEN=60 LEN=40", first=True) == {"LEN": "60"}


@pytest.mark.parametrize(
    ("text", "column"),
    [("", 1), ("words alone", 1), ("=x", 1), ('a="x" y', 7), ('a="x"y=1 ==', None)],
)
def test_what_is_no_pairs(text: str, column: int | None) -> None:
    """Text before the first key, or after a closing quote, is no half a record."""
    if column is None:
        assert pairs(text)["a"] == '"x"y=1 =='
        return
    with pytest.raises(RecordError) as caught:
        pairs(text)
    assert caught.value.column == column


CEF = r"CEF:0|Example|Wall|1.0|100|port \| scan|5|"


def test_cef_unescapes_both_its_parts() -> None:
    """Bars in the header, signs and line breaks in the pairs; a value holds blanks."""
    assert read_cef(CEF + r"src=192.0.2.1 msg=a\=b is\\ so\nnext cs1Label=Rule name=mine") == {
        "version": "0",
        "vendor": "Example",
        "product": "Wall",
        "product_version": "1.0",
        "event_code": "100",
        "name": "port | scan",
        "severity": "5",
        "src": "192.0.2.1",
        "msg": "a=b is\\ so\nnext",
        "cs1Label": "Rule",
    }


def test_cef_may_have_no_pairs() -> None:
    """With the last bar or without it."""
    assert read_cef(CEF) == read_cef(CEF[:-1])
    assert read_cef(CEF)["severity"] == "5"


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("", 1, "CEF:"),
        ("cef:0|a", 1, "CEF:"),
        ("CEF:0|a|b", 9, "product|"),
        (CEF + "words", len(CEF) + 1, "key=value"),
        (CEF + "words a=b", len(CEF) + 1, "key=value"),
    ],
)
def test_why_cef_is_refused(text: str, column: int, expected: str) -> None:
    """The column, and the part of the header that is missing."""
    with pytest.raises(RecordError) as caught:
        read_cef(text)
    assert (caught.value.column, caught.value.expected) == (column, expected)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            "LEEF:1.0|V|P|1|id|src=192.0.2.1\tmsg=a b\tx=",
            {"src": "192.0.2.1", "msg": "a b", "x": ""},
        ),
        ("LEEF:2.0|V|P|1|id|^|a=b^c=d e", {"a": "b", "c": "d e"}),
        ("LEEF:2.0|V|P|1|id|x5E|a=b^c=d", {"a": "b", "c": "d"}),
        ("LEEF:2.0|V|P|1|id|0x7c|a=b|c=d", {"a": "b", "c": "d"}),
        ("LEEF:2.0|V|P|1|id||a=b\tc=d", {"a": "b", "c": "d"}),
        ("LEEF:2.0|V|P|1|id|cat=x|y\tb=c", {"cat": "x|y", "b": "c"}),
        (
            "LEEF:1.0|V|P|1|id|src=192.0.2.1 msg=a b x=1",
            {"src": "192.0.2.1", "msg": "a b", "x": "1"},
        ),
        ("LEEF:1.0|V|P|1|id|", {}),
    ],
)
def test_leef_knows_its_delimiters(text: str, own: dict[str, str]) -> None:
    """Tabs, the character that version 2 names, and blanks where tabs were lost."""
    header = {"vendor": "V", "product": "P", "product_version": "1", "event_code": "id"}
    assert read_leef(text) == {**own, **header, "version": text[5:8]}


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\t"), max_size=8)


@given(st.dictionaries(st.from_regex(r"\A[A-Za-z]\w{0,6}\Z"), VALUES, max_size=4))
def test_what_is_written_as_cef_is_read(given: dict[str, str]) -> None:
    """Values come back, but for the blanks around them."""
    clean = {key: value.strip() for key, value in given.items() if key not in ("name", "severity")}
    clean = {key: value for key, value in clean.items() if key.isascii()}
    escapes = str.maketrans({"\\": r"\\", "=": r"\=", "\n": r"\n"})
    body = " ".join(f"{key}={value.translate(escapes)}" for key, value in clean.items())
    header = ("version", "vendor", "product", "product_version", "event_code")
    read = read_cef(CEF + body)
    own = {k: v for k, v in read.items() if k not in (*header, "name", "severity")}
    assert own == {k: v for k, v in clean.items() if k not in header}


@pytest.mark.parametrize(
    "pump", ['k="', "a=", "a ", "a=b ", '"', "=", "\\", "|", "\t", 'a="\\', "a=x  "]
)
def test_a_megabyte_of_pairs_is_read_in_linear_time(pump: str) -> None:
    """No dialect looks at a character more than a few times."""
    text = pump * (1_000_000 // len(pump))
    start = time.process_time()
    for read in (
        pairs,
        lambda text: pairs(text, words=True),
        lambda text: pairs(text, ", ", ": "),
        lambda text: read_cef(CEF + text),
        lambda text: read_leef("LEEF:1.0|V|P|1|id|" + text),
    ):
        try:
            read(text)
        except RecordError:
            continue
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("separator", "text"),
    [("\t", "a:b c\td:\te: f \t"), (" | ", "a:b c | d: | e: f")],
)
def test_a_separator_may_begin_with_a_blank(separator: str, text: str) -> None:
    """As in LTSV, labels and values parted by tabs: blanks before it are no part of it."""
    assert pairs(text, separator, ":") == {"a": "b c", "d": "", "e": "f"}
