"""The status as a screen of a terminal: a pure function of looks at the state and of the size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rich.console import ConsoleDimensions, Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from shipper.cli import status_words as words
from shipper.cli.pointing import printable
from shipper.service.history import levels, rates
from shipper.service.status import Status
from shipper.store.history import Step

_MINUTES = 10
_BLOCKS = "▁▂▃▄▅▆▇█"
_LABEL, _NOTE = 11, 26


class Look(NamedTuple):
    """The state at a time (seconds since 1970), with the steps of the last minutes."""

    at: float
    status: Status
    steps: list[Step]


class _Section(NamedTuple):
    """A list with a title and columns; as many `rows` of it are shown as there is room for."""

    title: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def view(
    now: Look, before: Look | None, size: ConsoleDimensions, trouble: str = ""
) -> RenderableType:
    """Return the screen of *size*, with rates since the look *before*; *trouble* is of looking."""
    head = Table.grid(padding=(0, 1), expand=True)
    head.add_column(width=_LABEL, style="bold", no_wrap=True)
    head.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    lines = [*_lines(now, before, trouble), *_charts(now, size.width - _LABEL - _NOTE)]
    shown = lines[: max(1, size.height - 1)]
    for label, text in shown:
        head.add_row(label, text)
    sections = [s for s in _sections(now.status) if s.rows]
    room = size.height - len(shown) - 1
    parts = [_table(s, rows) for s, rows in zip(sections, shares(room, sections), strict=True)]
    return Group(head, *(part for part in parts if part is not None))


def shares(room: int, sections: Sequence[_Section]) -> list[int]:
    """Return how many rows of each section fit into *room*, its blank line and title beside them.

    Row by row in turns, so that a long list leaves some to the others; 0 where not even one fits.
    """
    given = [0] * len(sections)
    while True:
        before = room
        for number, section in enumerate(sections):
            price = 1 if given[number] else 3
            if given[number] < len(section.rows) and price <= room:
                given[number] += 1
                room -= price
        if room == before:
            return given


def _lines(now: Look, before: Look | None, trouble: str) -> list[tuple[str, Text]]:
    """Return the lines at the top: what runs, what it does, what is in the way."""
    status = now.status
    clock = time.strftime("%H:%M:%S", time.localtime(now.at))
    style = "green" if status.healthy else "red"
    lines = [
        ("shipper", Text.assemble(("● ", style), words.running(status), ("   " + clock, "dim"))),
        ("reading", Text(_reading(now, before))),
        ("behind", Text(words.behind(status), "yellow" if status.unread_bytes else "")),
        ("delivering", Text(_delivering(now, before))),
        ("queue", Text(words.waiting(status))),
        ("requests", Text(_requests(status))),
    ]
    if status.set_aside_events:
        lines.append(("set aside", Text(words.set_aside(status), "yellow")))
    if status.paused:
        lines.append(("paused", Text(printable(status.paused), "yellow")))
    if status.trouble:
        since = f" (for {words.span(status.failing_seconds)})" if status.failing_seconds else ""
        lines.append(("trouble", Text(printable(status.trouble) + since, "red")))
    if trouble:
        lines.append(("state", Text(printable(trouble), "red")))
    return lines


def _reading(now: Look, before: Look | None) -> str:
    lines = _rate(
        now, before, "lines_read", lambda s: sum(x.lines_read for x in s.ledgers.values())
    )
    size = _rate(now, before, "bytes_read", lambda s: sum(x.bytes_read for x in s.ledgers.values()))
    return f"{lines:,.0f} lines/s, {decimal(round(size))}/s, {len(now.status.files):,} files"


def _delivering(now: Look, before: Look | None) -> str:
    rate = _rate(now, before, "events_delivered", lambda s: sum(s.delivered.values()))
    total = sum(now.status.delivered.values())
    return f"{rate:,.0f} events/s, {total:,} delivered so far"


def _requests(status: Status) -> str:
    counts = [f"{count:,} {verdict}" for verdict, count in status.requests.items() if count]
    return ", ".join(counts) or "none yet"


def _rate(now: Look, before: Look | None, name: str, count: Callable[[Status], int]) -> float:
    """Return what was counted a second since the look *before*, else in the last step."""
    if before is not None and now.at > before.at:
        return max(0, count(now.status) - count(before.status)) / (now.at - before.at)
    return rates(now.steps[-1:], name, now.at, 30, 1)[0] * 3 if now.steps else 0.0


def _charts(now: Look, width: int) -> list[tuple[str, Text]]:
    """Return a line of blocks for each of what there is to see of the last minutes."""
    if width < _MINUTES:
        return []
    columns = min(width, 60)
    seconds = _MINUTES * 60
    events = rates(now.steps, "events_delivered", now.at, seconds, columns)
    lag = levels(now.steps, "lag_bytes", now.at, seconds, columns)
    return [
        ("events/s", _chart(events, f"up to {max(events):,.0f}")),
        ("lag", _chart(lag, f"up to {decimal(round(max(lag)))}")),
    ]


def _chart(values: Sequence[float], note: str) -> Text:
    most = max(values) or 1.0
    blocks = "".join(_BLOCKS[min(len(_BLOCKS) - 1, int(v / most * len(_BLOCKS)))] for v in values)
    return Text.assemble((blocks, "cyan"), (f" {note}, {_MINUTES} min", "dim"))


def _sections(status: Status) -> list[_Section]:
    unread: dict[str, int] = {}
    for file in status.files:
        unread[file.source] = unread.get(file.source, 0) + file.unread
    names = dict.fromkeys([*status.ledgers, *status.received, *status.delivered])
    sources = [(name, *_counts(status, name), decimal(unread.get(name, 0))) for name in names]
    files = [(file.path, decimal(file.unread)) for file in status.files if file.unread]
    letters = [(source, reason, f"{n:,}") for source, reason, n in status.dead_letters]
    return [
        _Section(("source", "lines read", "received", "delivered", "unread"), sources),
        _Section(("files behind", "unread"), files),
        _Section(("dead letters", "reason", "count"), letters),
        _Section(("what is missing", "", "count"), list(_missing(status))),
    ]


def _missing(status: Status) -> Iterator[tuple[str, str, str]]:
    """Yield what was given up or gone, and which grammars cost records."""
    for source, count in status.dropped.items():
        yield source, "events dropped", f"{count:,}"
    for source, ledger in status.ledgers.items():
        if ledger.bytes_lost:
            yield source, "gone before it was read", decimal(ledger.bytes_lost)
    for grammar, count in status.slow_grammars.items():
        yield grammar, "records too slow to match", f"{count:,}"


def _counts(status: Status, source: str) -> tuple[str, str, str]:
    ledger = status.ledgers.get(source)
    received, delivered = status.received.get(source, 0), status.delivered.get(source, 0)
    return f"{ledger.lines_read if ledger else 0:,}", f"{received:,}", f"{delivered:,}"


def _table(section: _Section, count: int) -> Table | None:
    """Return the first *count* rows below the title, which says of how many if there are more."""
    if not count:
        return None
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for _ in section.title[1:]:
        table.add_column(no_wrap=True, justify="right")
    table.add_row()
    cut = f" ({count:,} of {len(section.rows):,})" if len(section.rows) > count else ""
    table.add_row(section.title[0] + cut, *section.title[1:], style="bold dim")
    for row in section.rows[:count]:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
