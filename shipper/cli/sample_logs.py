"""Sample logs for the demo: five formats, a fixed seed, and now and then a line that is broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "curl/8.10.1",
    "-",
)
_PATHS = ("/", "/products/teapot", "/cart", "/checkout?step=2", "/static/app.css", "/api/v2/orders")
_WORKERS = ("orders", "mailer", "search", "billing")
_BROKEN = 100

_Line = Callable[[Random, datetime], str]


def write_sample_logs(directory: Path, lines: int) -> dict[str, Path]:
    """Write one file a grammar, *lines* lines each, into *directory*; one line in 100 is cut off.

    Returns the files by the name of their grammar.
    """
    files = {}
    for seed, (grammar, line) in enumerate(_FORMATS.items()):
        files[grammar] = directory / f"{grammar}.log"
        text = "".join(_lines(Random(seed), line, lines))  # noqa: S311  # samples, not secrets
        files[grammar].write_text(text, encoding="utf-8")
    return files


def _lines(rng: Random, line: _Line, count: int) -> Iterator[str]:
    time = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    for number in range(1, count + 1):
        time += timedelta(milliseconds=rng.randrange(2_000))
        whole = line(rng, time)
        # A full disk or a killed process leaves lines like these behind.
        yield (whole[: len(whole) // 3] if number % _BROKEN == 0 else whole) + "\n"


def _nginx(rng: Random, time: datetime) -> str:
    client = f"198.51.100.{rng.randrange(1, 255)}"
    request = f"{rng.choice(('GET', 'GET', 'GET', 'POST'))} {rng.choice(_PATHS)} HTTP/1.1"
    status, size = rng.choice((200, 200, 200, 304, 404, 502)), rng.randrange(90_000)
    return (
        f'{client} - - [{time:%d/%b/%Y:%H:%M:%S %z}] "{request}" {status} {size} '
        f'"https://shop.example.com{rng.choice(_PATHS)}" "{rng.choice(_AGENTS)}"'
    )


def _apache(rng: Random, time: datetime) -> str:
    user = rng.choice(("-", "-", "mira", "tomasz"))
    return _nginx(rng, time).replace(" - - [", f" - {user} [", 1)


def _syslog(rng: Random, time: datetime) -> str:
    head = f"{time:%b} {time.day:2d} {time:%H:%M:%S} node-{rng.randrange(4)}"
    message = rng.choice(("job done", "queue is empty", "retrying in 5 s", "started"))
    return f"{head} {rng.choice(_WORKERS)}[{rng.randrange(300, 9_000)}]: {message}"


def _json(rng: Random, time: datetime) -> str:
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = {
        "time": stamp,
        "level": rng.choice(("info", "info", "warn", "error")),
        "logger": rng.choice(_WORKERS),
        "message": f"order {rng.randrange(10**6)} was seen",
        "basket": {"items": rng.randrange(9), "total": rng.randrange(10**5) / 100},
    }
    return json.dumps(record)


def _logfmt(rng: Random, time: datetime) -> str:
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (
        f"time={stamp} level={rng.choice(('info', 'debug'))} worker={rng.choice(_WORKERS)} "
        f'msg="took {rng.randrange(2_000)} ms" attempt={rng.randrange(4)}'
    )


_FORMATS: dict[str, _Line] = {
    "nginx_access": _nginx,
    "apache_combined": _apache,
    "syslog_rfc3164": _syslog,
    "json_lines": _json,
    "logfmt": _logfmt,
}
