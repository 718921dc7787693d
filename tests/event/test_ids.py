"""Tests of ids: the same line has the same id, and no two lines share one."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.event.ids import EventIds, generation_id, namespace_id, stream_key

HOST = namespace_id("host.example.com")


@given(offset=st.integers(0, 1 << 62), raw=st.binary(max_size=200))
def test_an_event_id_is_a_uuid(offset: int, raw: bytes) -> None:
    """Every id is a UUID of version 8 in canonical form, and the same each time."""
    make = EventIds(uuid.UUID(int=5))
    text = make(offset, raw)
    parsed = uuid.UUID(text)
    assert str(parsed) == text
    assert parsed.version == 8
    assert parsed.variant == uuid.RFC_4122
    assert make(offset, raw) == text


@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.binary(max_size=4)), min_size=2, unique=True, max_size=30
    )
)
def test_other_lines_have_other_ids(lines: list[tuple[int, bytes]]) -> None:
    """Another offset or other bytes, another id; digits in the line don't pass for an offset."""
    make = EventIds(uuid.UUID(int=5))
    assert len({make(*line) for line in lines}) == len(lines)


@given(st.lists(st.tuples(st.integers(0, 1 << 62), st.binary(max_size=40)), max_size=60))
def test_many_at_once_are_the_same(lines: list[tuple[int, bytes]]) -> None:
    """However many are asked for, each record has the id that it has by itself."""
    make = EventIds(uuid.UUID(int=5))
    assert make.of_all(lines) == [make(*line) for line in lines]


def test_an_offset_and_the_line_do_not_run_together() -> None:
    """Offset 1 of "2:x" is not offset 12 of ":x"."""
    make = EventIds(uuid.UUID(int=5))
    assert make(1, b"2:x") != make(12, b":x")


def test_other_generations_have_other_ids() -> None:
    """The same line at the same offset of another generation is another event."""
    ids = {EventIds(uuid.UUID(int=n))(0, b"line") for n in range(50)}
    assert len(ids) == 50


def test_a_generation_is_named_by_what_it_is() -> None:
    """Namespace, path, first line and ordinal each make a difference; nothing else goes in."""
    base = generation_id(HOST, stream_key("/a.log", b"first"), 0)
    others = {
        generation_id(namespace_id("other"), stream_key("/a.log", b"first"), 0),
        generation_id(HOST, stream_key("/b.log", b"first"), 0),
        generation_id(HOST, stream_key("/a.log", b"other"), 0),
        generation_id(HOST, stream_key("/a.log", b"first"), 1),
    }
    assert base not in others
    assert len(others) == 4
    assert base == generation_id(HOST, stream_key("/a.log", b"first"), 0)


@pytest.mark.parametrize(("path", "line"), [("/a", b"\0b"), ("/a\0", b"b")])
def test_path_and_line_do_not_run_together(path: str, line: bytes) -> None:
    """Where the path ends and the line begins is part of the key."""
    assert stream_key(path, line) != stream_key("/a", b"b")


def test_ids_never_change() -> None:
    """Ids are for ever: a release that made others would double all that is read again."""
    stream = stream_key("/var/log/app.log", bytes(16))
    generation = generation_id(HOST, stream, 2)
    assert stream.hex() == "d74e240461905004181c2adb6491b4a2"
    assert str(generation) == "a3105458-c462-5bd8-ae7d-e88b18013c14"
    assert EventIds(generation)(1234, b"a line") == "16275f4d-6604-806c-ac5d-5d72c2068562"
