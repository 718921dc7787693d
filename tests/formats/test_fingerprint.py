"""Tests of fingerprints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.formats.fingerprint import HEAD_BYTES, digest, fingerprint, first_line


@given(data=st.binary(max_size=100), more=st.binary(max_size=20))
def test_a_fingerprint_matches_what_begins_with_it(data: bytes, more: bytes) -> None:
    """A file that grew still matches; a shorter one does not."""
    known = fingerprint(data)
    assert known.matches(data + more)
    assert not data or not known.matches(data[:-1])


@given(data=st.binary(min_size=1, max_size=100), at=st.integers(0))
def test_another_byte_is_noticed(data: bytes, at: int) -> None:
    """One byte that differs is another file."""
    changed = bytearray(data)
    changed[at % len(data)] ^= 1
    assert not fingerprint(data).matches(bytes(changed))


@pytest.mark.parametrize(
    ("data", "hollow"), [(bytes(64), True), (bytes(63) + b"x", False), (b"x" + bytes(63), False)]
)
def test_what_is_nothing_but_nuls_is_hollow(data: bytes, hollow: bool) -> None:
    """A hole is told by its digest, however long ago that was taken."""
    assert fingerprint(data).hollow is hollow


@pytest.mark.parametrize(
    ("head", "counts"),
    [
        (b"", None),
        (b"no end", None),
        (b"\n", b""),
        (b"first\nsecond\n", b"first"),
        (b"dos\r\n", b"dos\r"),
        (b"x" * (HEAD_BYTES - 1), None),
        (b"x" * HEAD_BYTES, b"x" * HEAD_BYTES),
        (b"x" * HEAD_BYTES + b"\n", b"x" * HEAD_BYTES),
        (b"x" * (HEAD_BYTES - 1) + b"\n", b"x" * (HEAD_BYTES - 1)),
    ],
)
def test_the_first_line(head: bytes, counts: bytes | None) -> None:
    """The first line counts once it can't grow: it ended, or fills the head."""
    assert first_line(head) == (None if counts is None else digest(counts))
