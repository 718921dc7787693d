"""Log records of Python's own logging as events.

Rule 1: logging never raises into the program: what can't be tracked is told once, by
        `logging.Handler.handleError`.
Rule 2: what the library itself logs, or the HTTP client beneath it, is left out: it would feed
        itself.
Rule 3: a text that is too long for an event is cut, and says so.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, Final

from shipper.event.python_log import MOST, PYTHON_LOG
from shipper.tracker.checks import InvalidValueError
from shipper.tracker.self_describing import SelfDescribingJson
from shipper.tracker.tracker import Tracker

_OWN: Final = ("shipper.tracker", "urllib3")


class SnowplowHandler(logging.Handler):
    """Tracks each record as an event with logger, level, message, place and stack trace."""

    def __init__(
        self, tracker: Tracker, level: int = logging.NOTSET, schema: str = PYTHON_LOG
    ) -> None:
        """*schema* names another schema with the same fields, if one is wanted.

        Raises InvalidValueError for a wrong *tracker* or *schema*; `logging` its own for *level*.
        """
        super().__init__(level)
        if not callable(getattr(tracker, "track_self_describing_event", None)):
            said = "is missing; it" if tracker is None else "it"
            raise InvalidValueError("tracker", f"{said} must be a Tracker")
        SelfDescribingJson(schema, {})
        self._tracker = tracker
        self._schema = schema

    def filter(self, record: logging.LogRecord) -> Any:
        """Leave out what the library logs itself."""
        name = record.name
        if any(name == own or name.startswith(f"{own}.") for own in _OWN):
            return False
        return super().filter(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Track *record*."""
        try:
            data = {key: value for key, value in self._data(record).items() if value is not None}
            event = SelfDescribingJson(self._schema, data)
            moment = record.created * 1000
            self._tracker.track_self_describing_event(event, timestamp=moment)
        except Exception:  # rule 1
            self.handleError(record)

    def _data(self, record: logging.LogRecord) -> dict[str, Any]:
        trace = None
        if record.exc_info and record.exc_info[0]:
            trace = "".join(traceback.format_exception(*record.exc_info))
        return {
            "logger": _text(record.name),
            "level": record.levelname,
            "message": _text(self.format(record) if self.formatter else record.getMessage()),
            "file": _text(record.pathname),
            "line": record.lineno,
            "function": _text(record.funcName or "") or None,
            "process": record.process,
            "thread": _text(record.threadName or "") or None,
            "stack_trace": _text(trace) if trace else None,
        }


def _text(value: str) -> str:
    sound = value.encode("utf-8", "backslashreplace").decode()
    return sound if len(sound) <= MOST else f"{sound[: MOST - 1]}…"
