"""How dead letters are shown: as JSON for programs, and harmless for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from shipper.cli.pointing import printable

if TYPE_CHECKING:
    from shipper.store.dead_letters import DeadLetter

_FINAL = ("gap", "damaged", "bad_line")
"""Reasons that no other try can mend."""


def counted(count: int, one: str) -> str:
    """Return so many of *one*, in words."""
    return f"{count:,} {one if count == 1 else f'{one}s'}"


def as_json(letter: DeadLetter) -> dict[str, Any]:
    """Return *letter* for people and programs; raw bytes that are no UTF-8 are escaped."""
    return {
        "id": letter.id,
        "time": when(letter),
        "source": letter.source,
        "path": letter.path,
        "offset": letter.offset,
        "grammar": letter.grammar,
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "raw": letter.raw.decode("utf-8", "backslashreplace"),
        "event": _event(letter),
    }


def whole(letter: DeadLetter) -> Iterator[str]:
    """Yield all of *letter* in lines for a person, and what can be done about it."""
    for key, value in as_json(letter).items():
        if value is None or value == "":
            continue
        text = orjson.dumps(value).decode() if key == "event" else str(value)
        first, *rest = text.split("\n")
        yield f"{key + ':':<12} {printable(first)}"
        yield from (f"{'':<12} {printable(line)}" for line in rest)
    yield f"{'next:':<12} {_next(letter)}"


def place(letter: DeadLetter) -> str:
    """Return where *letter* is from."""
    return f"{printable(letter.path)}:{letter.offset}" if letter.path else printable(letter.source)


def failing(letter: DeadLetter, reason: str, detail: str) -> Iterator[str]:
    """Yield what a letter fails at, and the letter."""
    yield f"still failing, for one: #{letter.id} {place(letter)} {reason}: {printable(detail)}"
    yield f"    {beginning(letter.raw or letter.event or b'', 160)}"


def beginning(data: bytes, width: int) -> str:
    """Return the start of *data* on one line, harmless for a terminal."""
    text = printable(data[: width * 4].decode("utf-8", "backslashreplace"))
    return text if len(text) <= width else text[: width - 1] + "…"


def when(letter: DeadLetter) -> str:
    """Return when *letter* was filed."""
    at = datetime.fromtimestamp(letter.created_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def named(numbers: Iterable[int]) -> str:
    """Return dead letters by their numbers, in words."""
    *most, last = map(str, sorted(numbers))
    return f"dead letters {', '.join(most)} and {last}" if most else f"dead letter {last}"


def _event(letter: DeadLetter) -> Any:
    if letter.event is None or letter.reason == "damaged":
        return None
    return orjson.loads(letter.event)


def _next(letter: DeadLetter) -> str:
    if letter.reason in _FINAL:
        return "nothing brings it back; shipper dead-letters discard, when it is no longer needed"
    if letter.event is not None:
        return f"mend what refused it, then: shipper dead-letters replay -c FILE {letter.id}"
    return f"mend the grammar, then: shipper dead-letters reparse -c FILE {letter.id}"
