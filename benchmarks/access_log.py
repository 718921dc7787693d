"""Makes an nginx access log, combined format, each line with a serial number of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "curl/8.10.1",
    "-",
)
_REFERRERS = ("-", "-", "https://www.example.com/", "https://shop.example.com/products/teapots")
_WORDS = ("api", "v2", "orders", "products", "cart", "search", "static", "account", "help", "feed")


def write_access_log(file: Path, lines: int) -> None:
    """Write *lines* lines of about 180 bytes to *file*; the seed is fixed."""
    with file.open("w", encoding="ascii") as log:
        log.writelines(_lines(lines))


def _lines(count: int) -> Iterator[str]:
    rng = Random(2016)
    clients = [f"198.51.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(20_000)]
    for number in range(count):
        second = number // 50
        clock = f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        path = "/".join(rng.choices(_WORDS, k=rng.randrange(1, 5)))
        yield (
            f"{rng.choice(clients)} - - [14/Mar/2026:{clock} +0000] "
            f'"GET /{path}?r={number:07d} HTTP/1.1" {rng.choice((200, 200, 200, 304, 404))} '
            f'{rng.randrange(90_000)} "{rng.choice(_REFERRERS)}" "{rng.choice(_AGENTS)}"\n'
        )
