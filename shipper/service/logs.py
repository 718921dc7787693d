"""What the shipper says of itself: one line a change of state, never one a record.

Rule 1: a line is an event's name and its facts, as ``key=value`` text or as one JSON object.
Rule 2: facts may come from outside (file names, the collector's words): they are quoted so that a
        line stays one line of ASCII, no terminal is driven, and every JSON parser takes it.
Rule 3: no fact can stand in for the time, the level or the event of a line.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from shipper.model import Report

LOGGER = logging.getLogger("shipper")
_PLAIN = re.compile(r"[\w./:@%+,\-]+", re.ASCII)

_ERRORS = {"collector.misconfigured", "service.crashed", "state.damaged"}
_WARNINGS = {
    "collector.changed",
    "collector.unavailable",
    "collector.unverified",
    "dead_letters.discarded",
    "dead_letters.growing",
    "doctor.warning",
    "event.buried",
    "event.suspected",
    "file.gone",
    "config.refused",
    "file.unreadable",
    "files.crowded",
    "pump.paused",
    "queue.dropped",
    "queue.unsettled",
    "receiver.refused",
    "receiver.refusing",
    "service.busy",
    "service.unheard",
    "spool.unreadable",
    "state.salvaged",
    "state.unavailable",
    "status.powerless",
    "watch.silent",
    "watch.unavailable",
}
_DETAILS = {
    "file.finished",
    "file.opened",
    "file.renamed",
    "file.rotated",
    "spool.claimed",
    "stream.closed",
    "stream.opened",
}


def report(name: str, /, **facts: object) -> None:
    """Log the change of state *name* (see `model.Report`)."""
    LOGGER.log(_level(name, facts), name, extra={"facts": facts})


def configure(form: str, *, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Send the shipper's own log to standard error, as ``text`` or ``json``."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter(_as_json if form == "json" else _as_text))
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(logging.DEBUG if verbose else logging.INFO)
    LOGGER.propagate = False


def _level(name: str, facts: dict[str, object]) -> int:
    if name in _ERRORS:
        return logging.ERROR
    if name in _WARNINGS or facts.get("lost_bytes"):
        return logging.WARNING
    return logging.DEBUG if name in _DETAILS else logging.INFO


class _Formatter(logging.Formatter):
    def __init__(self, render: Callable[[dict[str, object]], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= {key: v for key, v in getattr(record, "facts", {}).items() if key not in line}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return self._render(line)


def _as_json(line: dict[str, object]) -> str:
    return json.dumps({key: _value(fact) for key, fact in line.items()})


def _as_text(line: dict[str, object]) -> str:
    time, level, event, *facts = line.items()
    return " ".join(
        [f"{time[1]} {level[1]:<7} {event[1]}", *(f"{k}={_quoted(v)}" for k, v in facts)]
    )


def _quoted(value: object) -> str:
    text = _whole(str(value))
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _value(fact: object) -> bool | int | float | str | None:
    """Return *fact* as JSON has it; JSON knows no other kinds of scalars, and no infinities."""
    if fact is None or isinstance(fact, bool | int):
        return fact
    if isinstance(fact, float) and math.isfinite(fact):
        return fact
    return _whole(str(fact))


def _whole(text: str) -> str:
    """Return *text* with half characters written out: a file's name may hold bytes of no text."""
    return text.encode("utf-8", "backslashreplace").decode()


_: Report = report
