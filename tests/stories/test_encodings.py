"""Logs in other encodings than UTF-8: the text arrives, the offsets are those of raw bytes."""

from __future__ import annotations

import pytest

from shipper.formats.encodings import Encoding
from tests.shipping import Make


def in_encoding(ship: Make, name: str) -> Make:
    """Make shippers whose source is configured with an encoding."""

    def make(*patterns: str) -> object:
        shipper = ship(*patterns)
        source = shipper.sources[0]._replace(encoding=Encoding.named(name))
        shipper.restart(source)
        return shipper

    return make  # type: ignore[return-value]  # as Make, but for options


@pytest.mark.parametrize("mark", [b"\xff\xfe", b""])
def test_utf_16_resumed_in_the_middle(ship: Make, mark: bytes) -> None:
    """53: UTF-16, with a mark or without, half a line, a restart: whole lines, once."""
    shipper = in_encoding(ship, "utf-16-le")("app.log")
    text = "eins\nZwölf Boxkämpfer\n\U0001f4d6 ਊ half".encode("utf-16-le")
    shipper.logs.write("app.log", mark + text)
    assert shipper.new_lines() == ["eins", "Zwölf Boxkämpfer"]
    shipper.kill()
    shipper.start()
    shipper.logs.write("app.log", " and half\n".encode("utf-16-le"))
    assert shipper.new_lines() == ["\U0001f4d6 ਊ half and half"]
    assert shipper.ledger().adds_up()


def test_a_mark_beats_the_configuration(ship: Make) -> None:
    """53: a file that says it is UTF-16 is read as such, whatever the source says."""
    shipper = ship("app.log")
    shipper.logs.write("app.log", "\ufeffgrüß\ndich\n".encode("utf-16-be"))
    assert shipper.new_lines() == ["grüß", "dich"]


@pytest.mark.parametrize("name", ["cp1252", "shift_jis", "cp037"])
def test_other_encodings(ship: Make, name: str) -> None:
    """Legacy code pages: a line is a line, and its letters are its own."""
    word = "テスト" if name == "shift_jis" else "Ärger"
    shipper = in_encoding(ship, name)("app.log")
    filler = "x" * 1_100  # a first line in EBCDIC is known by its first kilobyte only
    shipper.logs.write("app.log", f"first {word}\nsecond\n{filler}\n".encode(name))
    assert shipper.new_lines() == [f"first {word}", "second", filler]


def test_bytes_that_are_no_text(ship: Make) -> None:
    """54: what can't be decoded is replaced in the event; the next line is intact."""
    shipper = ship("app.log")
    shipper.logs.write("app.log", b"a\xff\xfeb\nnext\n")
    assert shipper.new_lines() == ["a\ufffd\ufffdb", "next"]
