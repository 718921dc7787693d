"""Lines in other encodings than UTF-8: where they end, what they say, at which raw offsets."""

from __future__ import annotations

from encodings.aliases import aliases

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shipper.formats import framing
from shipper.formats.encodings import (
    Encoding,
    EncodingError,
    detect_bom,
    first_line_end,
    nul_run,
    split_lines,
    whole_lines,
)

UNICODE = ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-7", "gb18030"]
LETTERS = {
    "iso8859-1": "abcé÷ÿ %",
    "cp1252": "aäß€ž™",
    "koi8-r": "abждё",
    "cp037": "abcXYZ 019%",
    "cp500": "abcXYZ é[]!",
    "shift_jis": "aﾊ日本語ソ表十",
    "euc_jp": "a日本語ソ表十",
    "big5": "a功許蓋中文",
    "cp949": "a한국어똠",
    "iso2022_jp": "a日本語ソ表十",
    "iso2022_kr": "a한국어 ",
    "hz": "a中文~ {}",
}
# Characters whose UTF-16 bytes look like newlines, alone or side by side.
TRAPS = "\u0a0a\u0d0a\u0a00\u000a\u000d\u0100\u010a\u0a01\U0001000a\u2028\x85a"


def cut(raw: bytes, encoding: Encoding, places: list[int]) -> tuple[list[str], list[int]]:
    """Read *raw* as a tailer does, with ends of file at *places*: the texts and their offsets."""
    texts: list[str] = []
    offsets: list[int] = []
    base = 0
    for place in sorted({min(p, len(raw)) for p in places} | {len(raw)}):
        chunk = raw[base:place]
        if place < len(raw):
            chunk = chunk[: whole_lines(chunk, base, encoding)]
        raws, said = split_lines(chunk, base, encoding, 0)
        for line in raws:
            offsets.append(base)
            base += len(line) + encoding.unit
        texts += said
    return texts, offsets


def check(text: str, name: str, places: list[int]) -> None:
    """The lines of *text* come out, each at the offset where its own bytes stand."""
    encoding = Encoding.named(name)
    raws = [line.encode(name) for line in text.split("\n")]
    lines = text.split("\n")
    if not raws[-1]:
        raws.pop()
        lines.pop()
    raw = encoding.newline.join(raws) + (encoding.newline if text.endswith("\n") else b"")

    texts, offsets = cut(raw, encoding, places)

    assert texts == [line.removesuffix("\r") for line in lines]
    for offset, line in zip(offsets, raws, strict=True):
        assert raw[offset : offset + len(line)] == line


# Which encodings there are


@pytest.mark.parametrize(
    ("name", "codec", "newline"),
    [
        ("utf-8", "utf-8", b"\n"),
        ("UTF-8-SIG", "utf-8", b"\n"),
        ("utf16", "utf-16-le", b"\n\0"),
        ("UTF-16BE", "utf-16-be", b"\0\n"),
        ("utf-32", "utf-32-le", b"\n\0\0\0"),
        ("latin-1", "iso8859-1", b"\n"),
        ("windows-1252", "cp1252", b"\n"),
        ("cp037", "cp037", b"\x25"),
    ],
)
def test_encoding_knows_its_newline(name: str, codec: str, newline: bytes) -> None:
    """Any of Python's names leads to the codec, its newline and its unit."""
    encoding = Encoding.named(name)
    assert (encoding.name, encoding.newline, encoding.unit) == (codec, newline, len(newline))


@pytest.mark.parametrize(
    "name",
    [
        *("rot13", "base64", "zlib", "hex", "idna", "punycode", "undefined"),
        *("unicode_escape", "raw-unicode-escape", "utf-1six", "", "a\0b", "ünï"),
        *("../etc/passwd", "x" * 100_000),
    ],
)
def test_what_no_log_is_written_in_is_refused(name: str) -> None:
    """Codecs that are no encodings of text, and names that nobody knows, are refused by name."""
    with pytest.raises(EncodingError, match="encoding"):
        Encoding.named(name)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("utf-61-le", "utf-16-le"), ("latni-1", "latin-1"), ("shift-jsi", "shift-jis")],
)
def test_refusal_names_the_nearest(wrong: str, right: str) -> None:
    """A slip of the pen is answered with the name that was meant."""
    with pytest.raises(EncodingError) as caught:
        Encoding.named(wrong)
    assert caught.value.remedy == f"did you mean {right!r}?"


# Byte order marks


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\xef\xbb\xbfa", ("utf-8", 3)),
        (b"\xff\xfea\0", ("utf-16-le", 2)),
        (b"\xfe\xff\0a", ("utf-16-be", 2)),
        (b"\xff\xfe\0\0", ("utf-32-le", 4)),
        (b"\0\0\xfe\xff", ("utf-32-be", 4)),
        (b"\xff\xfe", ("utf-16-le", 2)),
        (b"\xef\xbb", None),
        (b"plain", None),
        (b"", None),
    ],
)
def test_mark_names_the_encoding(head: bytes, found: tuple[str, int] | None) -> None:
    """The first bytes tell UTF-8, UTF-16 and UTF-32 apart."""
    assert detect_bom(head) == found


def test_mark_is_believed() -> None:
    """What a mark says goes before what was configured; without one, the configuration stands."""
    utf16, latin1 = Encoding.named("utf-16"), Encoding.named("latin-1")

    assert utf16.marked(b"\xfe\xff\0a") == (Encoding.named("utf-16-be"), 2)
    assert utf16.marked(b"a\0b\0") == (utf16, 0)
    assert latin1.marked(b"\xef\xbb\xbfa") == (Encoding.named("utf-8"), 3)


def test_nul_behind_the_mark_of_utf_16() -> None:
    """Where UTF-16 was asked for, FF FE 00 00 is its mark and a NUL, not the mark of UTF-32."""
    assert Encoding.named("utf-16").marked(b"\xff\xfe\0\0")[0].name == "utf-16-le"
    assert Encoding.named("utf-8").marked(b"\xff\xfe\0\0")[0].name == "utf-32-le"


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_mark_is_no_text(name: str) -> None:
    """The mark belongs to the first raw line and to no text; further on it is a character."""
    raw = "\ufefffirst\r\n\ufeffsecond\n".encode(name)
    encoding, length = Encoding.named("utf-8").marked(raw[:4])

    raws, texts = split_lines(raw, 0, encoding, length)

    assert encoding.name == name
    assert texts == ["first", "\ufeffsecond"]
    assert raws[0] == "\ufefffirst\r".encode(name)
    assert split_lines(raw, 8, encoding, length)[1][0] == "\ufefffirst"


# Lines


@pytest.mark.parametrize("name", UNICODE)
@given(
    text=st.text(st.sampled_from(TRAPS) | st.characters(exclude_categories=["Cs"]), max_size=40),
    places=st.lists(st.integers(0, 160), max_size=5),
)
def test_lines_of_unicode(name: str, text: str, places: list[int]) -> None:
    """Any text, cut inside characters and newlines alike, gives its own lines."""
    assume("\0" not in text)
    check(text, name, places)


@pytest.mark.parametrize("name", sorted(LETTERS))
@given(data=st.data())
def test_lines_of_other_encodings(name: str, data: st.DataObject) -> None:
    """The same for one and two bytes a character, with shifts and without."""
    text = data.draw(st.text(LETTERS[name] + "\r\n", max_size=40))
    check(text, name, data.draw(st.lists(st.integers(0, 120), max_size=5)))


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le", "shift_jis", "cp037"])
def test_every_cut(name: str) -> None:
    """A file that ends for a moment at any byte gives the same lines."""
    text = "\u0a0a\r\n\nA\u0d0a\n\u0a00\n" if name.startswith("utf") else "ab\n\r\n\nc\n"
    for place in range(len(text.encode(name)) + 1):
        check(text, name, [place])


def test_bytes_of_a_newline_in_two_characters() -> None:
    """0A 00 at an odd place, and U+0A0A, are no newline of UTF-16."""
    encoding = Encoding.named("utf-16-le")
    raw = "\u0a01\u0100\u0a0a".encode("utf-16-le")

    assert b"\n\0" in raw
    assert whole_lines(raw, 0, encoding) == first_line_end(raw, 0, encoding) == 0
    assert split_lines(raw, 0, encoding, 0)[1] == ["\u0a01\u0100\u0a0a"]
    assert whole_lines(b"x\n\0y", 7, encoding) == 3


def test_first_line_end() -> None:
    """The first newline, not the last, ends the first line."""
    for name in ("utf-16-be", "utf-8", "cp037"):
        raw, encoding = "ab\nc\n".encode(name), Encoding.named(name)
        assert first_line_end(raw, 0, encoding) == 3 * encoding.unit
        assert first_line_end(raw[: 3 * encoding.unit - 1], 0, encoding) == 0


def test_both_newlines_of_ebcdic() -> None:
    """On z/OS a line ends with NEL, elsewhere with LF; both are seen."""
    encoding = Encoding.named("cp037")
    raw = b"\x15".join("ONE TWO".encode("cp037").split(b"\x40")) + b"\x25\x81\x15\x82"

    assert split_lines(raw, 0, encoding, 0)[1] == ["ONE", "TWO", "a", "b"]
    assert whole_lines(raw, 0, encoding) == first_line_end(raw, 0, encoding) + 6
    assert whole_lines(b"\x81\x25\x82", 0, encoding) == 2


def test_invalid_bytes_spoil_one_line() -> None:
    """What means nothing becomes U+FFFD, the raw bytes stay, and the next line is whole."""
    for name, wrong in [
        ("utf-16-le", b"\x00\xd8"),
        ("shift_jis", b"\x81"),
        ("ascii", b"\xe9"),
        ("iso2022_jp", b"\x1b$B!"),
        ("utf-7", b"+2"),
        ("gb18030", b"\x81\x30"),
        ("hz", b"~{"),
    ]:
        encoding = Encoding.named(name)
        raw = wrong + encoding.newline + "next\n".encode(name)
        raws, texts = split_lines(raw, 0, encoding, 0)
        assert raws[0] == wrong
        assert texts[1:] == ["next"], name
        assert "\ufffd" in texts[0] or texts[0] == "", name


@given(chunk=st.binary(max_size=60), base=st.integers(0, 5))
def test_any_bytes_give_lines_that_add_up(chunk: bytes, base: int) -> None:
    """Whatever stands in a file, each byte of it belongs to one line or one newline."""
    for name in ("utf-16-le", "utf-32-be", "shift_jis", "cp500", "utf-7", "iso2022_jp", "hz"):
        encoding = Encoding.named(name)
        raws, texts = split_lines(chunk, base, encoding, 0)
        whole = whole_lines(chunk, base, encoding)
        width = sum(len(raw) + encoding.unit for raw in raws)
        assert len(raws) == len(texts)
        assert width - len(chunk) == (0 if whole == len(chunk) else encoding.unit)


@given(text=st.text(st.sampled_from("aé\r\n\ufeff€"), max_size=30), base=st.integers(0, 1))
def test_utf_8_is_framed_as_by_the_fast_way(text: str, base: int) -> None:
    """For UTF-8 this module and `framing` say the same."""
    encoding, raw = Encoding.named("utf-8"), text.encode()
    length = 3 if text.startswith("\ufeff") else 0

    assert split_lines(raw, base, encoding, length) == framing.split_lines(raw, base)
    assert whole_lines(raw, base, encoding) == framing.whole_lines(raw)


def test_file_without_a_last_newline() -> None:
    """The last piece of a file is a line, also if it ends inside a character."""
    encoding = Encoding.named("utf-16-le")
    raws, texts = split_lines("a\nb".encode("utf-16-le") + b"c", 0, encoding, 0)

    assert raws == [b"a\0", b"b\0c"]
    assert texts == ["a", "b\ufffd"]
    assert split_lines(b"", 0, encoding, 0) == ([], [])


# Holes


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-be", "cp037"])
def test_hole_before_a_line_is_no_text(name: str) -> None:
    """NULs that a truncating writer left stay in the raw line, but not in its text."""
    encoding = Encoding.named(name)
    raw = bytes(4096) + "\u0041 line\nnext\n".encode(name)

    raws, texts = split_lines(raw, 0, encoding, 0)

    assert texts == ["A line", "next"]
    assert nul_run(raws[0], encoding.unit) == 4096
    assert nul_run(raws[1], encoding.unit) == 0


def test_half_of_a_character_is_no_hole() -> None:
    """In UTF-16 a NUL byte counts as a hole in pairs only."""
    assert nul_run("\u0100".encode("utf-16-le"), 2) == 0
    assert nul_run(b"\0\0" + "\u0100".encode("utf-16-le"), 2) == 2
    assert nul_run(b"\0\0\0", 1) == 3


def test_all_of_pythons_encodings_are_usable_or_refused() -> None:
    """Every alias that Python has gives lines, or a clear refusal: never anything else."""
    usable = 0
    for name in {*aliases, *aliases.values()}:
        try:
            encoding = Encoding.named(name)
        except EncodingError:
            continue
        usable += 1
        raw = "one\ntwo\n".encode(encoding.name)
        assert split_lines(raw, 0, encoding, 0)[1] == ["one", "two"], name
    assert usable > 200
