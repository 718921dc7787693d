"""Tests of record batches: packed to the byte, and what goes in comes out."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.event.batch import RecordBatch, compress, fits, pack, unpack
from shipper.protocol.envelope import post_body, post_size

EVENTS = st.lists(st.integers(0, 60).map(lambda n: b'{"x":"%s"}' % (b"y" * n)), max_size=40)
STM = 1_795_000_000_000


@settings(max_examples=200)
@given(events=EVENTS, max_bytes=st.integers(180, 700))
def test_packed_to_the_byte(events: list[bytes], max_bytes: int) -> None:
    """No batch exceeds the limit, one more event never would have fitted, none is lost."""
    batches = list(pack(events, max_bytes))
    groups = [unpack(batch).split(b"\n") for batch in batches]
    assert [event for group in groups for event in group] == events
    for batch, group in zip(batches, groups, strict=True):
        assert (batch.events, batch.size) == (len(group), len(b"\n".join(group)))
        assert len(post_body(group, STM)) <= max_bytes
        assert post_size(batch.events, batch.size) == len(post_body(group, STM))
    for group, then in pairwise(groups):
        assert len(post_body([*group, then[0]], STM)) > max_bytes


@given(size=st.integers(0, 300), max_bytes=st.integers(100, 400))
def test_an_event_fits_if_its_request_does(size: int, max_bytes: int) -> None:
    """`fits` says of one event what its request's length says."""
    event = b'{"x":"%s"}' % (b"y" * size)
    assert fits(event, max_bytes) is (len(post_body([event], STM)) <= max_bytes)


def test_an_event_that_fits_nowhere_is_alone() -> None:
    """An event over the limit is a batch by itself, for its sender to deal with."""
    small, big = b'{"x":""}', b'{"x":"%s"}' % (b"y" * 1_000)
    assert [batch.events for batch in pack([small, big, small, small], 300)] == [1, 1, 2]


def test_nothing_makes_no_batch() -> None:
    """Without events there is no batch."""
    assert list(pack([], 1_000)) == []


@pytest.mark.parametrize("body", [b"", b"garbage", compress([b"{}"]).body[:-1]])
def test_a_damaged_body_is_an_error(body: bytes) -> None:
    """A body that is not what was packed is a ValueError."""
    with pytest.raises(ValueError, match="can't be decompressed"):
        unpack(RecordBatch(1, 2, body))


def test_a_flipped_bit_is_noticed() -> None:
    """The checksum notices what the decompressor alone would not."""
    batch = compress([b'{"x":"%d"}' % n for n in range(100)])
    for position in range(8, len(batch.body), 7):
        body = bytearray(batch.body)
        body[position] ^= 4
        with pytest.raises(ValueError, match="can't be decompressed"):
            unpack(batch._replace(body=bytes(body)))


def test_threads_pack_at_the_same_time() -> None:
    """Each thread has a codec of its own."""
    failures: list[int] = []

    def work(number: int) -> None:
        events = [b'{"x":"%d-%d"}' % (number, n) for n in range(200)]
        for _ in range(20):
            joined = b"\n".join(unpack(batch) for batch in pack(events, 1_000))
            if joined.split(b"\n") != events:
                failures.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
