"""Pattern files and patterns as Logstash's users have them: they load and mean the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shipper.cli import run_cli
from shipper.grammar.grok import compile_grok
from shipper.grammar.library import Library
from shipper.grammar.patterns import PatternBook, read_pattern_directories
from shipper.grammar.reference import GrokError
from tests.grammar.shelf import core

# As people keep them: aligned by hand, saved on Windows, with comments, blank lines, and patterns
# that build on each other across files and on the well-known ones.
FILES = {
    "shop": b"""# patterns of the shop
ORDER_ID   [A-Z]{2}\\d{6}
PRICE      %{NUMBER}(?:EUR|USD)

ORDER_LINE %{TIMESTAMP_ISO8601:timestamp} %{LOGLEVEL:level}\\s+order %{ORDER_ID:[order][id]} """
    b"""for %{PRICE:[order][price]}(?: by %{USERNAME:user})?
""",
    "postfix.grok": b"POSTFIX_QUEUEID ([0-9A-F]{6,}|[0-9a-zA-Z]{12,})\r\n"
    b"POSTFIX_KEYVALUE (?<queue_id>%{POSTFIX_QUEUEID}): %{GREEDYDATA:kv}\r\n",
    "ruby": b"RUBY_LEVEL DEBUG|FATAL|ERROR|WARN|INFO\n"
    b"RUBY_LINE [DFEWI], \\[%{TIMESTAMP_ISO8601:timestamp} #%{POSINT:pid:int}\\] *"
    b"%{RUBY_LEVEL:level} -- +%{DATA:progname}: (?m)%{GREEDYDATA:message}\n",
    "windows": b"\xef\xbb\xbfDRIVE (?i)[a-z]:\nSHARE (?>\\\\\\\\[^\\\\]+\\\\)\n",
    "README.md": b"not a pattern file\n",
    ".hidden": b"%%%\n",
}


@pytest.fixture
def book(tmp_path: Path) -> PatternBook:
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text)
    return core().plus(read_pattern_directories([tmp_path]).definitions)


def fields(book: PatternBook, pattern: str, text: str) -> dict[str, Any]:
    compiled = compile_grok(pattern, book)
    found = compiled.pattern.fullmatch(text)
    assert found is not None
    return {
        capture.field: value
        for capture, value in zip(compiled.captures, found.groups(), strict=True)
        if value is not None
    }


def test_files_load_as_they_are(book: PatternBook) -> None:
    """Comments, alignment, line ends of Windows, a byte order mark, names across files."""
    line = "2026-11-23T06:55:44Z INFO  order AB123456 for 12.50EUR by ada"
    assert fields(book, "%{ORDER_LINE}", line) == {
        "timestamp": "2026-11-23T06:55:44Z",
        "level": "INFO",
        "order.id": "AB123456",
        "order.price": "12.50EUR",
        "user": "ada",
    }
    assert fields(book, "%{POSTFIX_KEYVALUE}", "3F1A2B: from=<ada@example.com>, size=7") == {
        "queue_id": "3F1A2B",
        "kv": "from=<ada@example.com>, size=7",
    }


def test_flags_hold_to_the_end_of_their_group(book: PatternBook) -> None:
    """As in Oniguruma: (?m) lets the dot take line ends, (?i) ignores case, both from there on."""
    line = "I, [2026-11-23T06:55:44.1 #42]  INFO -- web: two\nlines"
    found = fields(book, "%{RUBY_LINE}", line)
    assert (found["pid"], found["progname"], found["message"]) == ("42", "web", "two\nlines")
    assert fields(book, "%{DRIVE:d}X", "c:X") == {"d": "c:"}
    assert compile_grok("%{DRIVE}X", book).pattern.fullmatch("c:x") is None
    assert compile_grok("a(?i)b|c", book).pattern.fullmatch("aC")
    assert compile_grok("(?:a(?i)b)c", book).pattern.fullmatch("aBC") is None


def test_a_reference_may_bring_its_definition(book: PatternBook) -> None:
    """%{NAME=…} and %{NAME:field:type=…} define a name for the rest of the pattern."""
    pattern = r"%{BADGE:badge:int=\d{1,4}} %{BADGE:other}"
    assert fields(book, pattern, "7 8") == {"badge": "7", "other": "8"}
    assert compile_grok(pattern, book).captures[0].type == "integer"
    with pytest.raises(GrokError, match="unknown pattern"):
        compile_grok("%{BADGE}", book)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%{INT:a:int}", "5", {"a": "5"}),
        ("%{NUMBER:[a][b]:float}", "5.5", {"a.b": "5.5"}),
        ("%{WORD:@metadata}", "x", {"@metadata": "x"}),
        (r"(?<quote>[\"'])x\k<quote>", "'x'", {"quote": "'"}),
        (r"(?<a>\h+)", "0aF", {"a": "0aF"}),
        ("(?<a>[[:alpha:]_]+)", "a_b", {"a": "a_b"}),
        (r"\A(?<a>\p{Lu}+)\z", "ABC", {"a": "ABC"}),
        ("(?:(?<a>x)|(?<a>y))", "y", {"a": "y"}),
        ("(x|y)(?<a>z)", "xz", {"a": "z"}),
        ("%{INT:a }", "5", {"a": "5"}),
    ],
)
def test_the_syntax_of_grok(pattern: str, text: str, expected: dict[str, str]) -> None:
    """Types, nested names, Oniguruma's named groups, back references and classes."""
    assert fields(core(), pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("[a-z&&[^b]]", "uses &&"),
        (r"(?<a>x)\g<a>", "refers to no field"),
        ("%{INT:a:long}", "unknown type 'long'"),
        ("%{INT:a} %{INT:a}", "stands twice"),
        ("%{INT", "is no grok reference"),
        ("a(?i", "unclosed parenthesis"),
        ("(?(1)a|b)", "a conditional group"),
    ],
)
def test_what_would_mean_something_else_is_refused(pattern: str, what: str) -> None:
    """Rather than to read a pattern in a way that its author did not mean."""
    with pytest.raises(GrokError, match=what):
        compile_grok(pattern, core())


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (
            "%{COMBINEDAPACHELOG}",
            '192.0.2.7 - ada [23/Nov/2026:06:55:44 +0000] "GET /a HTTP/1.1" 200 - "-" "curl/8"',
            {
                **{"clientip": "192.0.2.7", "ident": "-", "auth": "ada", "verb": "GET"},
                **{"timestamp": "23/Nov/2026:06:55:44 +0000", "request": "/a", "response": "200"},
                **{"httpversion": "1.1", "referrer": '"-"', "agent": '"curl/8"'},
            },
        ),
        (
            "%{HTTPD_COMMONLOG}",
            r'192.0.2.7 - - [23/Nov/2026:06:55:44 +0000] "\x16\x03" 400 226',
            {
                **{"clientip": "192.0.2.7", "ident": "-", "auth": "-", "response": "400"},
                **{"timestamp": "23/Nov/2026:06:55:44 +0000", "bytes": "226"},
                "rawrequest": r"\x16\x03",
            },
        ),
        (
            "%{SYSLOGLINE}",
            "Nov 23 06:55:44 web1 sshd[4711]: session opened",
            {
                **{"timestamp": "Nov 23 06:55:44", "logsource": "web1", "program": "sshd"},
                **{"pid": "4711", "message": "session opened"},
            },
        ),
        (
            "%{JAVASTACKTRACEPART}",
            "\tat com.example.shop.Cart.total(Cart.java:42)",
            {"method": "total", "file": "Cart.java", "line": "42"},
        ),
        ("(?<c>%{JAVACLASS})", "com.example.shop.Cart$Item", {"c": "com.example.shop.Cart$Item"}),
        ("%{CRON_ACTION:a}", "END EDIT", {"a": "END EDIT"}),
    ],
)
def test_well_known_lines_have_their_well_known_fields(
    pattern: str, text: str, expected: dict[str, str]
) -> None:
    """A configuration that only says %{COMBINEDAPACHELOG} goes on to work."""
    assert fields(core(), pattern, text) == expected


def test_a_directory_of_patterns_is_given_by_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To a library, and on the command line; the grammar describes the fields that they name."""
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text)
    mine = tmp_path / "grammars"
    mine.mkdir()
    (mine / "orders.yaml").write_text(
        "name: orders\ntitle: orders\nschema: iglu:org.example/orders/jsonschema/1-0-0\n"
        "match: ['%{ORDER_LINE}']\n"
        "fields: {level: {}, order.id: {}, order.price: {}, user: {}}\n"
        "time: {field: timestamp, formats: [iso8601]}\n"
    )
    line = "2026-11-23T06:55:44Z INFO  order AB123456 for 12.50EUR"
    parsed = Library([mine], [tmp_path]).get("orders").parse(line, 0)
    assert parsed is not None
    assert parsed.fields == {"level": "INFO", "order.id": "AB123456", "order.price": "12.50EUR"}
    options = ["-g", "orders", "-d", str(mine), "--patterns", str(tmp_path)]
    assert run_cli(["explain", *options, line]) == 0
    assert capsys.readouterr().out == "orders takes this line\n"
