"""From bytes to lines in encodings other than UTF-8; `framing` has the fast way for UTF-8.

Rule 1: offsets and widths count raw bytes; the next line starts `len(raw) + unit` bytes on.
Rule 2: in UTF-16 and UTF-32 a newline counts only where a code unit may stand, counted from the
        file's start: the bytes 0A 00 in the middle of two characters end no line. (A byte order
        mark is as long as one unit, so it shifts nothing.)
Rule 3: in the other encodings the newline is one byte, and no codec uses that byte inside a
        character. Lines are cut first and decoded one by one, so an invalid byte, or a shift
        that is still open (ISO-2022, HZ, UTF-7), spoils its own line at most. What these
        encodings demand of a line (to end in the initial state) is thus taken as granted.
Rule 4: in EBCDIC both 0x25 (LF) and 0x15 (NEL, the newline of z/OS) end a line.
Rule 5: one CR before the end belongs to the ending, and NULs that a hole left before a line
        belong to no line's text (`nul_run`); bytes that mean nothing become U+FFFD.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from encodings.aliases import aliases

_MARKS = (  # the longer first: the mark of UTF-32-LE begins with that of UTF-16-LE
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Codecs that write a mark, by the one that does not. Without a mark the order is little-endian.
_UNMARKED = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_EBCDIC_LF, _EBCDIC_NEL = b"\x25", b"\x15"
# What the codec says once, at the head of a file, is said again before each line.
_PREAMBLES = {"iso2022_kr": b"\x1b$)C"}
# Python's own notations: text codecs by name, but nothing that a log file is written in.
_NO_FILES = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}


class EncodingError(ValueError):
    """No encoding that a log file can have; `remedy` says what to write instead, if known."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Encoding:
    """A text encoding: its codec, its LF, and the bytes in one code unit.

    `other_newline` ends lines as well, if it is not empty; `preamble` is what the codec wants to
    see before a line.
    """

    name: str
    newline: bytes
    unit: int
    other_newline: bytes = b""
    preamble: bytes = b""

    @classmethod
    def named(cls, name: str) -> Encoding:
        """Return the encoding that Python knows by *name*. Raises EncodingError."""
        codec = _lookup(name)
        newline = _encoded("\n", codec)
        if newline is None or newline + newline != _encoded("\n\n", codec):
            raise EncodingError(f"{name!r} is no encoding of a log file", _nearest(name))
        return cls(
            codec,
            newline,
            unit=len(newline),
            other_newline=_EBCDIC_NEL if newline == _EBCDIC_LF else b"",
            preamble=_PREAMBLES.get(codec, b""),
        )

    def marked(self, head: bytes) -> tuple[Encoding, int]:
        """Return the encoding of a file that starts with *head*, and the length of its mark.

        A byte order mark is believed rather than what was configured: it reads as nonsense in
        any other encoding. Without a mark it is this encoding.
        """
        found = detect_bom(head)
        if found is None:
            return self, 0
        name, length = found
        if name == "utf-32-le" and self.name.startswith("utf-16"):  # FF FE, then U+0000
            name, length = "utf-16-le", 2
        return Encoding.named(name), length


UTF_8 = Encoding("utf-8", b"\n", 1)


def detect_bom(head: bytes) -> tuple[str, int] | None:
    """Return the codec that the byte order mark at the start of *head* names, and its length.

    *head* is the first 4 bytes of a file or more; fewer only if the file has no more.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    return None


def whole_lines(chunk: bytes, base: int, encoding: Encoding) -> int:
    """Return how many bytes of *chunk*, which starts at offset *base*, are whole lines."""
    at = chunk.rfind(encoding.newline)
    if encoding.other_newline:
        at = max(at, chunk.rfind(encoding.other_newline))
    while at >= 0 and (base + at) % encoding.unit:
        at = chunk.rfind(encoding.newline, 0, at + encoding.unit - 1)
    return at + encoding.unit if at >= 0 else 0


def first_line_end(chunk: bytes, base: int, encoding: Encoding) -> int:
    """Return how many bytes of *chunk* the first line takes, its newline included; 0 if open."""
    return next(_ends(_one_newline(chunk, encoding), base, encoding), 0)


def line_ends(chunk: bytes, base: int, encoding: Encoding) -> list[int]:
    """Return the places behind the newlines of *chunk*, which starts at offset *base*."""
    return list(_ends(_one_newline(chunk, encoding), base, encoding))


def split_lines(
    chunk: bytes, base: int, encoding: Encoding, bom_length: int
) -> tuple[list[bytes], list[str]]:
    """Cut *chunk*, which starts at offset *base*, into lines: their raw bytes and their texts.

    A chunk ends with a newline, or with the last byte of a file that will not grow. The mark of
    *bom_length* bytes at offset 0 belongs to the first raw line, but not to its text.
    """
    raws = _raw_lines(chunk, base, encoding)
    texts = [_text(raw, encoding) for raw in raws]
    if base == 0 and bom_length and raws:
        texts[0] = _text(raws[0][bom_length:], encoding)
    return raws, texts


def nul_run(raw: bytes, unit: int = 1) -> int:
    """Return how many bytes at the start of *raw* are a hole: whole code units of NUL.

    A writer without O_APPEND goes on at its old offset after a truncation, and leaves NULs from
    the start of the file up to there, so they stand before the first line.
    """
    nuls = len(raw) - len(raw.lstrip(b"\0"))
    return nuls - nuls % unit


def _text(raw: bytes, encoding: Encoding) -> str:
    if raw.startswith(b"\0"):
        raw = raw[nul_run(raw, encoding.unit) :]
    return (encoding.preamble + raw).decode(encoding.name, "replace").removesuffix("\r")


def _raw_lines(chunk: bytes, base: int, encoding: Encoding) -> list[bytes]:
    chunk = _one_newline(chunk, encoding)
    if encoding.unit == 1:
        raws = chunk.split(encoding.newline)
    else:
        raws, start = [], 0
        for end in _ends(chunk, base, encoding):
            raws.append(chunk[start : end - encoding.unit])
            start = end
        raws.append(chunk[start:])
    if not raws[-1]:
        raws.pop()
    return raws


def _one_newline(chunk: bytes, encoding: Encoding) -> bytes:
    """Return *chunk* with one kind of newline; all offsets stay, as either is one byte."""
    if not encoding.other_newline:
        return chunk
    return chunk.replace(encoding.other_newline, encoding.newline)


def _ends(chunk: bytes, base: int, encoding: Encoding) -> Iterator[int]:
    """Return the place behind each newline of *chunk* (rule 2)."""
    newline, unit = encoding.newline, encoding.unit
    at = chunk.find(newline)
    while at >= 0:
        if (base + at) % unit:
            at = chunk.find(newline, at + 1)
        else:
            yield at + unit
            at = chunk.find(newline, at + unit)


def _lookup(name: str) -> str:
    """Return Python's name of the codec *name*. Raises EncodingError."""
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise EncodingError(f"unknown encoding {name!r}", _nearest(name)) from error
    return _UNMARKED.get(codec, codec)


def _encoded(text: str, codec: str) -> bytes | None:
    """Return *text* in *codec*, or None if that is no encoding of text in files."""
    if codec.replace("_", "-") in _NO_FILES:
        return None
    try:
        return text.encode(codec)
    except (LookupError, UnicodeError):  # Python's word for "is not a text encoding", and a refusal
        return None


def _nearest(name: str) -> str:
    word = name.lower().replace("-", "_").replace(" ", "_")[:64]
    known = [n for n in {*aliases, *aliases.values()} if _encoded("\n", n) is not None]
    near = [n for n in get_close_matches(word, sorted(known), n=3, cutoff=0.6) if n != word]
    return f"did you mean {near[0].replace('_', '-')!r}?" if near else ""
