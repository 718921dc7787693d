"""What the last lines of real files are taken for."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from shipper.grammar.auto import Auto
from shipper.grammar.library import Library
from shipper.service.setup.guess import LINES, Guess, guess

ACCESS = '192.0.2.1 - - [23/Nov/2026:06:55:44 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8.10.1"\n'
OTHER = (
    '2026/11/23 06:55:44 [error] 12#12: *3 open() "/x" failed (2: No such file or directory), '
    'client: 192.0.2.1, server: _, request: "GET /x HTTP/1.1", host: "example.com"\n'
)
CRI = '2026-11-23T06:55:44.123456789Z stdout F {"level":"info","msg":"x"}\n'
DOCKER = '{"log":"level=info msg=x\\n","stream":"stdout","time":"2026-11-23T06:55:44Z"}\n'
JAVA = (
    "2026-11-23 06:55:44,123 ERROR [main] com.example.Shop - no stock\n"
    "java.lang.IllegalStateException: empty\n"
    "\tat com.example.Shop.sell(Shop.java:7)\n"
    "\tat com.example.Main.main(Main.java:3)\n"
)


@pytest.fixture(scope="module")
def auto() -> Auto:
    found = Library().named("auto")
    assert isinstance(found, Auto)
    return found


def look(auto: Auto, folder: Path, *texts: str | bytes) -> Guess:
    files = []
    for number, text in enumerate(texts):
        file = folder / f"{number}.log"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        files.append(str(file))
    return guess(files, auto, "none", 1_795_416_944_000_000)


def test_a_log_of_one_format(auto: Auto, tmp_path: Path) -> None:
    """Its grammar; no more than the last lines were looked at."""
    found = look(auto, tmp_path, ACCESS * 5_000)
    assert (found.grammars, found.lines, found.percent) == (("nginx_access",), LINES, 100.0)


def test_only_the_end_counts(auto: Auto, tmp_path: Path) -> None:
    """What the program wrote before its last update is history."""
    assert look(auto, tmp_path, OTHER * 5_000 + ACCESS * 400).grammars == ("nginx_access",)


def test_two_files_of_two_formats(auto: Auto, tmp_path: Path) -> None:
    """Both grammars, and what they take together."""
    found = look(auto, tmp_path, ACCESS * 30, OTHER * 9 + "junk\n")
    assert found.grammars == ("nginx_access", "nginx_error")
    assert (found.matched, found.lines) == (39, 40)


def test_a_grammar_of_a_stray_line_is_not_named(auto: Auto, tmp_path: Path) -> None:
    """One in a thousand is no format of the log; nor is it counted as taken."""
    found = look(auto, tmp_path, *[ACCESS * 200] * 5, ACCESS * 100 + OTHER)
    assert (found.grammars, found.lines - found.matched) == (("nginx_access",), 1)


def test_a_syslog_is_of_any_program(auto: Auto, tmp_path: Path) -> None:
    """What the next program writes is not known, so its grammar is found line by line."""
    lines = "Nov 23 06:55:44 h cron[1]: (root) CMD (x)\nNov 23 06:55:44 h app: hello\n"
    assert look(auto, tmp_path, lines * 20).grammars == ("auto",)


@pytest.mark.parametrize("line", [CRI, DOCKER])
def test_lines_of_containers_are_unwrapped(auto: Auto, tmp_path: Path, line: str) -> None:
    """Wherever they lie, the lines say it."""
    found = look(auto, tmp_path, line * 20)
    assert (found.container, found.grammars, found.percent) == ("auto", ("auto",), 100.0)


def test_stack_traces_ask_for_a_preset(auto: Auto, tmp_path: Path) -> None:
    """The preset with which grammars take more of the lines."""
    found = look(auto, tmp_path, JAVA * 20)
    assert found.preset == "java"
    assert found.percent == 100.0


def test_directives_at_the_head_are_read_along(auto: Auto, tmp_path: Path) -> None:
    """The columns of a W3C log stand at its head, far from its last lines."""
    head = (
        "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n"
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
        " cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n"
    )
    line = "2026-11-23 06:55:44 192.0.2.5 GET /a.html - 443 - 203.0.113.9 curl/8 - 200 0 0 15\n"
    found = look(auto, tmp_path, head + line * 3_000)
    assert (found.grammars, found.lines, found.percent) == (("iis_w3c",), LINES, 100.0)


def test_a_log_in_utf_16(auto: Auto, tmp_path: Path) -> None:
    """A byte order mark is heeded, at the end of a long file too."""
    found = look(auto, tmp_path, ("\ufeff" + ACCESS * 2_000).encode("utf-16-le"))
    assert (found.grammars, found.percent) == (("nginx_access",), 100.0)


def test_lines_of_no_format(auto: Auto, tmp_path: Path) -> None:
    """No grammar, and no percent."""
    found = look(auto, tmp_path, "lorem ipsum dolor\n" * 9)
    assert (found.grammars, found.lines, found.percent) == ((), 9, 0.0)


def test_what_can_not_be_read_is_told(auto: Auto, tmp_path: Path) -> None:
    """Archives, binary files and files of others: each with the reason."""
    found = look(auto, tmp_path, gzip.compress(ACCESS.encode()), b"\x7fELF\0\0\n", ACCESS)
    assert found.grammars == ("nginx_access",)
    assert {Path(path).name: why for path, why in found.unread.items()} == {
        "0.log": "is compressed, and only looked at when it is shipped",
        "1.log": "is no text: it holds NUL",
    }


def test_a_file_that_is_gone_is_told(auto: Auto, tmp_path: Path) -> None:
    """It was rotated away between listing and reading."""
    path = str(tmp_path / "gone.log")
    found = guess([path], auto, "none", 0)
    assert (found.unread, found.percent) == ({path: "No such file or directory"}, 0.0)
