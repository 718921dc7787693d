"""Makes nginx access logs, combined format, each line with a serial number of its own.

The seed is fixed. After `_FORMS` lines they repeat, but for their serials, so that large logs are
made quickly.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Safari/605.1.15",
    "curl/8.10.1",
    "-",
)
_REFERRERS = ("-", "https://www.example.com/", "https://shop.example.com/products/teapots")
_WORDS = ("api", "v2", "orders", "products", "cart", "search", "static", "account", "help", "feed")
_FORMS = 200_000
_MEAN = 188.0


def write_access_log(file: Path, lines: int, first: int = 0) -> None:
    """Write *lines* lines of about 190 bytes to *file*, with serials from *first* on."""
    with file.open("w", encoding="ascii") as log:
        log.writelines(access_lines(lines, first))


def access_lines(lines: int, first: int = 0) -> Iterator[str]:
    """Yield *lines* lines, with serials from *first* on."""
    forms = list(_forms(min(lines, _FORMS)))
    for start in range(0, lines, _FORMS):
        for serial, (head, tail) in enumerate(forms[: lines - start], first + start):
            yield f"{head}{serial:07d}{tail}"


def lines_for(size: int) -> int:
    """Return how many lines come to about *size* bytes."""
    return max(1, int(size / _MEAN))


def write_lines_of(file: Path, lines: int, width: int) -> None:
    """Write lines of *width* bytes each; what the line lacks, its user agent gets."""
    rng = Random(2016)
    words = " ".join(rng.choices(_WORDS, k=width))
    head, tail = (
        '198.51.100.7 - - [14/Mar/2026:10:00:00 +0000] "GET /?r=',
        ' HTTP/1.1" 200 512 "-" "',
    )
    room = width - len(head) - 7 - len(tail) - 2
    if room < 0:
        raise ValueError(f"no line has only {width} bytes")
    with file.open("w", encoding="ascii") as log:
        for serial in range(lines):
            begin = serial % (len(words) - room)
            log.write(f'{head}{serial:07d}{tail}{words[begin : begin + room]}"\n')


def _forms(lines: int) -> Iterator[tuple[str, str]]:
    """Yield what stands before and after the serial."""
    rng = Random(2016)
    clients = [f"198.51.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(20_000)]
    for number in range(lines):
        second = number // 50
        clock = f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        path = "/".join(rng.choices(_WORDS, k=rng.randrange(1, 5)))
        yield (
            f'{rng.choice(clients)} - - [14/Mar/2026:{clock} +0000] "GET /{path}?r=',
            f' HTTP/1.1" {rng.choice((200, 200, 200, 304, 404))} {rng.randrange(90_000)} '
            f'"{rng.choice(_REFERRERS)}" "{rng.choice(_AGENTS)}"\n',
        )
