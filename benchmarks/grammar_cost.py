"""What a grammar costs a line: beside a bare match, and found by `auto` among all there are.

Run from the top of a checkout: `python -m benchmarks.grammar_cost [--all]`, `--help` says more.
Lines are invented with a fixed seed; with `--all` every shipped grammar reads its own samples. What
is compared is timed in turn, in one process, in processor time, and the best of all rounds counts,
so that what else the machine does disturbs neither more than the other.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import regex

from shipper.grammar.grammar import Grammar, at_work
from shipper.grammar.grok import FLAGS
from shipper.grammar.library import Library

NOW_US = 1_795_416_944_000_000
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0",
    "curl/8.5.0",
    "example-probe/1.4",
]
REFERRERS = ["-", "-", "https://www.example.com/", "https://example.org/catalogue?page=2"]
WORDS = ["orders", "items", "basket", "search", "v2", "static", "images", "login", "users"]


def access_lines(count: int, rng: random.Random) -> Iterator[str]:
    """Yield lines of the combined format; the second changes every 50 lines."""
    for number in range(count):
        path = "/".join(rng.choices(WORDS, k=rng.randint(1, 4)))
        minute, second = divmod(number // 50, 60)
        yield (
            f"198.51.100.{rng.randrange(256)} - {rng.choice(['-', '-', '-', 'ada'])} "
            f"[23/Nov/2026:06:{minute % 60:02d}:{second:02d} +0000] "
            f'"{rng.choice(["GET", "GET", "POST"])} /{path}?id={number} HTTP/1.1" '
            f"{rng.choice([200, 200, 200, 304, 404])} {rng.randrange(200_000)} "
            f'"{rng.choice(REFERRERS)}" "{rng.choice(AGENTS)}"'
        )


def syslog_lines(count: int, rng: random.Random) -> Iterator[str]:
    """Yield lines with a priority, a host, a tag and a process id."""
    for number in range(count):
        minute, second = divmod(number // 50, 60)
        yield (
            f"<{rng.randrange(192)}>Nov 23 06:{minute % 60:02d}:{second:02d} web{rng.randrange(9)} "
            f"worker[{rng.randrange(1, 40_000)}]: took job {number} from {rng.choice(WORDS)}"
        )


def json_lines(count: int, rng: random.Random) -> Iterator[str]:
    """Yield objects of eight keys, one of them nested."""
    for number in range(count):
        yield (
            f'{{"time":"2026-11-23T06:55:{number % 60:02d}.{rng.randrange(1000):03d}Z",'
            f'"level":"info","msg":"took job {number}","queue":"{rng.choice(WORDS)}",'
            f'"ms":{rng.random() * 90:.3f},"ok":true,"pid":{rng.randrange(9999)},'
            f'"http":{{"status":200,"method":"GET"}}}}'
        )


def logfmt_lines(count: int, rng: random.Random) -> Iterator[str]:
    """Yield lines of seven pairs, two of them quoted."""
    for number in range(count):
        yield (
            f"time=2026-11-23T06:55:{number % 60:02d}Z level=info "
            f'msg="took job {number}" queue={rng.choice(WORDS)} ms={rng.random() * 90:.3f} '
            f'ok=true err="none at \\"all\\""'
        )


LINES: dict[str, Callable[[int, random.Random], Iterator[str]]] = {
    "nginx_access": access_lines,
    "apache_combined": access_lines,
    "syslog_rfc3164": syslog_lines,
    "json_lines": json_lines,
    "logfmt": logfmt_lines,
}


def bare(grammar: Grammar) -> Callable[[str], Any] | None:
    """Return the cheapest use of the grammar's own patterns, or None for one without."""
    if grammar.spec.match is None:
        return None
    patterns = [regex.compile(text, FLAGS).fullmatch for text in grammar.expressions]

    def match(text: str) -> Any:
        for fullmatch in patterns:
            found = fullmatch(text)
            if found is not None:
                return found.groups()
        return None

    return match


def parse_now(grammar: Grammar) -> Callable[[str], Any]:
    """Return the use of the grammar that the shipper makes of it."""
    parse = grammar.parse

    def now(text: str) -> Any:
        return parse(text, NOW_US)

    return now


def found_by_auto(library: Library) -> Callable[[str], Any]:
    """Return the use of all grammars as one, at work in one file."""
    (work,) = at_work([library.named("auto")], {})

    def now(text: str) -> Any:
        return work.parse(text, NOW_US)

    return now


def best_of(rounds: int, lines: list[str], *calls: Callable[[str], Any]) -> list[float]:
    """Return the best time a line, in microseconds, of each of *calls*, timed in turn."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for index, call in enumerate(calls):
            start = time.process_time()
            for line in lines:
                call(line)
            best[index] = min(best[index], (time.process_time() - start) / len(lines) * 1e6)
    return best


def compare(library: Library, count: int, rounds: int) -> None:
    """Print the cost of usual lines: by their grammar, bare, and found by `auto`."""
    head = f"{'parse µs':>10}{'bare µs':>9}{'ratio':>7}{'auto µs':>9}{'ratio':>7}"
    print(f"{'grammar':<18}{'chars':>6}{head}  ({len(library.names())} grammars)")
    for name, make in LINES.items():
        grammar, auto = library.get(name), found_by_auto(library)
        lines = list(make(count, random.Random(7)))
        if not all(grammar.parse(line, NOW_US) for line in lines):
            raise SystemExit(f"{name}: a line does not parse")
        chars = sum(map(len, lines)) // len(lines)
        match = bare(grammar)
        calls = [parse_now(grammar), auto, *([match] if match else [])]
        full, found, *least = best_of(rounds, lines, *calls)
        beside = f"{least[0]:>9.2f}{full / least[0]:>7.2f}" if least else f"{'':>16}"
        print(f"{name:<18}{chars:>6}{full:>10.2f}{beside}{found:>9.2f}{found / full:>7.2f}")


def list_all(library: Library, rounds: int) -> None:
    """Print what each shipped grammar costs for its own samples, the dearest first."""
    costs = []
    for name in library.names():
        grammar = library.get(name)
        lines = [sample.line for sample in grammar.spec.samples if sample.expect] * 20
        if lines:
            cost = best_of(rounds, lines, parse_now(grammar))[0]
            costs.append((cost, sum(map(len, lines)) // len(lines), name))
    print(f"{'grammar':<26}{'chars':>6}{'µs':>8}")
    for cost, chars, name in sorted(costs, reverse=True):
        print(f"{name:<26}{chars:>6}{cost:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--all", action="store_true", help="every grammar, by its samples")
    options = parser.parse_args()
    if options.all:
        list_all(Library(), options.rounds)
    else:
        compare(Library(), options.lines, options.rounds)


if __name__ == "__main__":
    main()
