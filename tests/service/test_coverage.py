"""Coverage: every line counts once, and a pattern that is shown takes all lines of its shape."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import IO

import pytest

from shipper.grammar.grok import compile_grok
from shipper.grammar.library import Library
from shipper.grammar.patterns import PatternBook
from shipper.service.coverage import Coverage, cover

SHELF = Library()
NOW_US = 1_795_416_944_000_000


def covered(*names: str, **files: str | bytes) -> Coverage:
    """Cover the *files*, by name, with the grammars *names*."""

    def opened() -> Iterator[tuple[str, IO[bytes]]]:
        for name, text in files.items():
            yield name, io.BytesIO(text if isinstance(text, bytes) else text.encode())

    return cover([SHELF.named(name) for name in names], SHELF.book, opened(), NOW_US)


def door(number: int, who: str) -> str:
    return f"door {number} opened by {who} at 192.0.2.{number % 250}\n"


def test_lines_are_counted_by_grammar() -> None:
    """The first grammar that takes a line has it; blank lines do not count."""
    found = covered("logfmt", "json_lines", a="a=b\n\n  \nc=d\n", b='{"a":1}\r\nno\n')
    assert (found.lines, found.blank, found.matched) == (6, 2, 3)
    assert found.grammars == {"logfmt": 2, "json_lines": 1}
    assert found.percent == 75.0
    assert covered("logfmt", a="").percent == 100.0


def test_shapes_come_with_count_place_and_reason() -> None:
    """The largest first; the example is the first line, with where understanding ended."""
    lines = "".join(door(number, "ada") for number in range(40))
    found = covered(
        "nginx_access", a="192.0.2.1 - - [x]\n" + lines, b=door(7, "bob") + "192.0.2.9 - - [y]\n"
    )
    first, second = found.shapes
    assert (first.count, first.pattern) == (
        41,
        "door %{INT:number:int} opened by %{WORD:word} at %{IP:ip}",
    )
    assert first.example is not None
    assert (first.example.file, first.example.number) == ("a", 2)
    assert second.mismatch is not None
    assert (second.count, second.mismatch.column) == (2, 16)
    assert second.mismatch.grammar == "nginx_access"


def test_each_unmatched_line_counts_once_and_fits_its_pattern() -> None:
    """Thousands of lines of many shapes: counts add up, and the patterns prove themselves."""
    lines = [
        line
        for number in range(1500)
        for line in (
            door(number, f"u{number}").strip(),
            f"[{number}] {'x ' * (number % 5)}end",
            f"<{number}> " + "lorem ipsum dolor"[: number % 17],
            "#" * (number % 50),
        )
    ]
    found = covered("nginx_access", a="\n".join(lines) + "\n")
    seen = [line for line in lines if line.strip()]
    assert found.matched == 0
    assert sum(shape.count for shape in found.shapes) + found.others == len(seen)
    for shape in found.shapes:
        pattern = compile_grok(shape.pattern, SHELF.book).pattern
        assert shape.example is not None
        assert pattern.fullmatch(shape.example.text)
        assert sum(bool(pattern.fullmatch(line)) for line in seen) >= shape.count


def test_a_few_odd_lines_join_the_many_that_are_alike() -> None:
    """A shape whose lines all fit the pattern of a much larger one is no shape of its own."""
    lines = [f"12:00:{n % 60:02} INFO - {w} it\n" for n in range(60) for w in ("lost", "it found")]
    odd = ["12:00:00 INFO - x y z w v u t s r q p o n m l k j i h g f\n"] * 2
    found = covered("nginx_access", a="".join([*lines, *odd]))
    assert [(shape.count, shape.pattern) for shape in found.shapes] == [
        (122, "%{TIME:time} %{LOGLEVEL:level} - %{GREEDYDATA:message}")
    ]


@pytest.mark.parametrize(
    "line", [b"\xff\xfe\x00", "\u2028\x85".encode(), b"\x1b[31m" * 50, b"[" * 5000, b'"' * 100_001]
)
def test_hostile_lines(line: bytes) -> None:
    """Bytes that are no text, line ends that are none, colours, a hundred thousand quotes."""
    found = covered("nginx_access", a=b"\n".join([line] * 3) + b"\n")
    assert sum(shape.count for shape in found.shapes) + found.others + found.blank == 3


def test_the_same_file_gives_the_same_answer() -> None:
    """Order and counts, patterns and examples."""
    text = "".join(f"{n % 7} {'a' * (n % 11)} [{n}] {n / 2}\n" for n in range(500))
    one, two = covered("logfmt", a=text), covered("logfmt", a=text)
    assert one == two
    assert one.grammars == Counter()


def test_headers_hold_for_their_file_alone() -> None:
    """A heading names the columns of its own file; the next file begins without."""
    log = "#Fields: date time c-ip cs-method sc-status\n2026-11-23 06:55:44 192.0.2.9 GET 200\n"
    found = covered("w3c_extended", a=log, b=log)
    assert found.percent == 100.0
    assert covered("w3c_extended", a=log, b="x\n").matched == 2


def test_a_pattern_that_cannot_be_made_is_left_out() -> None:
    """A book whose names mean something else: the lines are counted all the same."""
    book = PatternBook({})
    stream = io.BytesIO("".join(door(n, "ada") for n in range(5)).encode())
    found = cover([SHELF.named("logfmt")], book, [("a", stream)], NOW_US)
    assert (found.shapes, found.others) == ([], 5)
    assert found.other is not None
    assert found.other.number == 1


def test_progress_adds_up_to_the_bytes() -> None:
    """Every byte of every line is told."""
    told: list[int] = []
    text = "a=b\n\nxyz"
    files = [("a", io.BytesIO(text.encode()))]
    cover([SHELF.named("logfmt")], SHELF.book, files, NOW_US, told.append)
    assert sum(told) == len(text)
