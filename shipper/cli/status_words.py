"""The status in words: lines that a person reads, harmless for a terminal."""

from __future__ import annotations

from rich.filesize import decimal

from shipper.service.status import Status


def running(now: Status) -> str:
    """Say whether a shipper runs, and whether its reading goes round."""
    if not now.pid:
        return "not running"
    life = now.sign_of_life_seconds
    stuck = not now.healthy and life is not None
    return f"running, pid {now.pid}" + (f", no sign of life for {life:.0f} s" if stuck else "")


def waiting(now: Status) -> str:
    """Say what waits in the queue."""
    oldest = f", the oldest for {span(now.oldest_seconds)}" if now.oldest_seconds else ""
    return f"{now.queued_events:,} events wait{oldest}"


def set_aside(now: Status) -> str:
    """Say what of it fails while others pass."""
    count, age = now.set_aside_events, span(now.oldest_set_aside_seconds)
    events = "event fails" if count == 1 else "events fail"
    return f"{count:,} {events} while others pass, the oldest for {age}"


def behind(now: Status) -> str:
    """Return how much is yet to be read, and how long that takes, as far as it is known."""
    if not now.unread_bytes:
        return "nothing"
    behind = sum(1 for file in now.files if file.unread)
    files = f" in {behind:,} {'file' if behind == 1 else 'files'}" if behind else ""
    what = f"{decimal(now.unread_bytes)}{files}"
    if now.eta_seconds is not None:
        rate = decimal(round(now.read_bytes_per_second or 0))
        return f"{what}, about {span(now.eta_seconds)} at {rate}/s"
    return what if now.read_bytes_per_second is None else f"{what}, and nothing is being read"


def span(seconds: float) -> str:
    """Return a length of time in the largest unit of which there are two, or in seconds."""
    units = ((86_400, "days"), (3_600, "h"), (60, "min"))
    size, name = next((unit for unit in units if seconds >= 2 * unit[0]), (1, "s"))
    return f"{round(seconds / size):,} {name}"
