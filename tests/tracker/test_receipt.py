"""Tests of receipts: one that is done from the start is a future like any other."""

from __future__ import annotations

import asyncio
from concurrent.futures import FIRST_COMPLETED, as_completed, wait

import pytest

from shipper.tracker.receipt import Receipt, Settled


def _settled() -> Receipt:
    receipt = Receipt("an id")
    receipt.settle()
    return receipt


@pytest.fixture(params=[_settled, lambda: Settled("an id")], ids=["late", "at once"])
def receipt(request: pytest.FixtureRequest) -> Receipt:
    made: Receipt = request.param()
    return made


def test_it_has_its_id(receipt: Receipt) -> None:
    """As result, by name, and without waiting."""
    assert receipt.done()
    assert receipt.result(timeout=0) == receipt.event_id == "an id"
    assert receipt.exception(timeout=0) is None


def test_it_can_not_be_cancelled(receipt: Receipt) -> None:
    """What was tracked is on its way."""
    assert not receipt.cancel()
    assert not receipt.cancelled()
    assert not receipt.running()
    assert receipt.result() == "an id"


def test_callbacks_are_called_at_once(receipt: Receipt) -> None:
    """With the receipt itself."""
    called: list[object] = []
    receipt.add_done_callback(called.append)
    assert called == [receipt]


def test_it_waits_in_company(receipt: Receipt) -> None:
    """The module's own functions take it, beside one that is not done."""
    pending = Receipt("another")
    done, open_ = wait([receipt, pending], timeout=30, return_when=FIRST_COMPLETED)
    assert (done, open_) == ({receipt}, {pending})
    pending.settle(ValueError("no room"))
    assert set(as_completed([receipt, pending], timeout=30)) == {receipt, pending}


def test_a_coroutine_can_await_it(receipt: Receipt) -> None:
    """By asyncio's own wrapper."""

    async def awaited() -> str:
        return await asyncio.wrap_future(receipt)

    assert asyncio.run(awaited()) == "an id"


def test_it_shows_what_it_is(receipt: Receipt) -> None:
    """Like a future that has finished."""
    assert "finished" in repr(receipt)
    assert not hasattr(receipt, "nothing_like_this")
