"""Python's log records as events."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper import Emitter, InvalidValueError, SnowplowHandler, Tracker
from tests.arrivals import collector
from tests.tracker.kept import Kept


@pytest.fixture
def sink() -> Kept:
    return Kept()


@pytest.fixture
def log(sink: Kept) -> Iterator[logging.Logger]:
    logger = logging.getLogger("shop.orders")
    handler = SnowplowHandler(Tracker(sink), logging.INFO)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    logger.propagate = True


def test_a_record_is_an_event(log: logging.Logger, sink: Kept) -> None:
    """Logger, level, message and place are fields; the record's time is the event's."""
    log.debug("not this")
    log.warning("order %s of %d", "o-1", 3)
    (pairs,) = sink.pairs
    fields = sink.data()["data"]
    assert pairs["e"] == "ue"
    assert len(pairs["dtm"]) == 13
    assert (fields["logger"], fields["level"]) == ("shop.orders", "WARNING")
    assert fields["message"] == "order o-1 of 3"
    assert fields["file"].endswith("test_logging_handler.py")
    assert fields["function"] == "test_a_record_is_an_event"
    assert "stack_trace" not in fields


def test_an_exception_comes_with_its_stack(log: logging.Logger, sink: Kept) -> None:
    """The trace is a field of its own."""
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("failed")
    assert "ZeroDivisionError" in sink.data()["data"]["stack_trace"]


def test_any_text_is_taken(sink: Kept) -> None:
    """A lone surrogate is escaped, and a long text is cut: no record is lost for its text."""
    handler = SnowplowHandler(Tracker(sink))
    for text in ("a\ud800b", "x" * 100_000):  # no logger: pytest's own handler can't write it
        handler.handle(logging.LogRecord("shop", logging.INFO, "f", 1, text, None, None))
    assert sink.data(0)["data"]["message"] == "a\\ud800b"
    assert len(sink.data(1)["data"]["message"]) == 16_384


def test_the_library_does_not_feed_itself(sink: Kept) -> None:
    """What it logs itself, or the HTTP client beneath, makes no event."""
    handler = SnowplowHandler(Tracker(sink))
    for name in ("shipper.tracker", "urllib3.connectionpool"):
        record = logging.LogRecord(name, logging.WARNING, "f", 1, "m", None, None)
        handler.handle(record)
    assert sink.events == []


def test_a_record_that_can_not_be_tracked_does_not_raise(
    sink: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken format is told on standard error, as logging's own handlers tell it."""
    record = logging.LogRecord("shop", logging.INFO, "f", 1, "%d", ("no number",), None)
    SnowplowHandler(Tracker(sink)).handle(record)
    assert sink.events == []
    assert "--- Logging error ---" in capsys.readouterr().err


def test_records_are_good_events_by_the_schema_that_comes_along(tmp_path: Path) -> None:
    """The development collector, which knows the schema, takes all of them, stack or none."""
    with collector() as server, Emitter(collector=server.url, queue=tmp_path) as emitter:
        handler = SnowplowHandler(Tracker(emitter))
        problem = (ValueError, ValueError("no"), None)
        for trace in (None, problem):
            record = logging.LogRecord("shop", logging.ERROR, "f.py", 1, "m", None, trace)
            handler.handle(record)
        assert emitter.flush(30) == 0
        assert (server.counts().good, server.counts().bad) == (2, 0)


@pytest.mark.parametrize(
    ("options", "field"),
    [({"tracker": None}, "tracker"), ({"schema": "python_log"}, "schema")],
)
def test_what_no_record_could_go_by_is_told_at_once(options: Any, field: str) -> None:
    """A handler that could only fail is refused when it is made, not at each record."""
    with pytest.raises(InvalidValueError) as caught:
        SnowplowHandler(**{"tracker": Tracker(Kept()), **options})
    assert caught.value.field == field
