"""Tests of framing: from bytes to lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.formats.framing import split_lines, whole_lines

BYTES = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b" ", b"\0", b"\xc3", b"\xa4", b"\xf0\x9f\x98"])
    | st.binary(max_size=4)
).map(b"".join)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").removesuffix("\r").lstrip("\0")


@given(chunk=BYTES, base=st.integers(1, 99))
def test_lines_are_what_stands_between_line_feeds(chunk: bytes, base: int) -> None:
    """Raw lines and their line feeds are the chunk; each text is its own raw line's."""
    raws, texts = split_lines(chunk, base)
    assert b"\n".join(raws) + (b"\n" if chunk.endswith(b"\n") else b"") == chunk
    assert texts == [_text(raw) for raw in raws]
    assert all(b"\n" not in raw for raw in raws)


@given(
    lines=st.lists(BYTES.map(lambda raw: raw.replace(b"\n", b"")), min_size=1), cut=st.integers()
)
def test_a_cut_between_lines_changes_nothing(lines: list[bytes], cut: int) -> None:
    """Two chunks give the lines that one gives: a broken character never reaches its neighbour."""
    ended = [line + b"\n" for line in lines]
    at = cut % (len(lines) + 1)
    whole = split_lines(b"".join(ended), 1)
    parts = [split_lines(b"".join(part), 1) for part in (ended[:at], ended[at:]) if part]
    assert whole == ([r for p in parts for r in p[0]], [t for p in parts for t in p[1]])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"dos\r", "dos"),
        (b"two\r\r", "two\r"),
        (b"in\rside", "in\rside"),
        (b"latin \xe9", "latin \ufffd"),
        (b"cut \xf0\x9f\x98", "cut \ufffd"),
        (b"nul \0", "nul \0"),
        (b"form\x0cfeed\x0b\x1c\x85", "form\x0cfeed\x0b\x1c\ufffd"),
        ("separators \u2028\u2029\x85".encode(), "separators \u2028\u2029\x85"),
    ],
)
def test_only_a_line_feed_ends_a_line(raw: bytes, text: str) -> None:
    """A line ends with LF, one CR before it is its ending's; nothing else ends a line."""
    assert split_lines(raw + b"\nnext", 5) == ([raw, b"next"], [text, "next"])


def test_a_byte_order_mark_is_no_text() -> None:
    """At the beginning of a file, and only there, a BOM is left out of the text."""
    chunk = b"\xef\xbb\xbffirst\n\xef\xbb\xbfsecond\n"
    raws, texts = split_lines(chunk, 0)
    assert raws[0] == b"\xef\xbb\xbffirst"
    assert texts == ["first", "\ufeffsecond"]
    assert split_lines(chunk, 9)[1] == ["\ufefffirst", "\ufeffsecond"]


@given(BYTES)
def test_whole_lines_end_with_the_last_line_feed(chunk: bytes) -> None:
    """What is left behind the whole lines has no line feed."""
    end = whole_lines(chunk)
    assert b"\n" not in chunk[end:]
    assert end == 0 or chunk[end - 1 : end] == b"\n"
