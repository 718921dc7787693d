"""PostgreSQL's log_line_prefix: what comes out reads the server's log."""

from __future__ import annotations

from typing import Any

import pytest

from shipper.grammar.format_strings.postgres import read_log_line_prefix
from tests.grammar.format_strings.workshop import fields, grammar_of, refusal

TIME = {"time": "2026-11-23T06:55:44.123Z"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[7] LOG:  starting: time", {"level": "LOG", "message": "starting: time"}),
        (
            '[7] ada@shop ERROR:  relation "a" is missing at character 15',
            {
                **{"user": "ada", "database": "shop", "level": "ERROR"},
                "message": 'relation "a" is missing at character 15',
            },
        ),
        ("[7] [unknown]@[unknown] LOG:  connection received: host=[local]",
         {"level": "LOG", "message": "connection received: host=[local]"}),
        ("[7] ada king@my shop STATEMENT:  SELECT 1;\n\tSELECT 2",
         {"user": "ada king", "database": "my shop", "level": "STATEMENT",
          "message": "SELECT 1;\n\tSELECT 2"}),
        ("[7] ada@shop ERROR:  42P01: gone",
         {"user": "ada", "database": "shop", "level": "ERROR", "error_code": "42P01",
          "message": "gone"}),
        ("[7] ada@shop ERROR:  HTTPS: no code",
         {"user": "ada", "database": "shop", "level": "ERROR", "message": "HTTPS: no code"}),
        ("[7] LOG:  mail to x@y failed", {"level": "LOG", "message": "mail to x@y failed"}),
        ("[7] FEHLER:  so nicht", {"level": "FEHLER", "message": "so nicht"}),
        ("[7] LOG:  ", {"level": "LOG"}),
    ],
)  # fmt: skip
def test_the_prefix_of_debian(line: str, expected: dict[str, Any]) -> None:
    """With and without a session, without a user, several lines, SQLSTATE, another language."""
    grammar = grammar_of(read_log_line_prefix("log_line_prefix = '%m [%p] %q%u@%d '\t# for Debian"))
    assert fields(grammar, f"2026-11-23 06:55:44.123 UTC {line}") == {**TIME, "pid": 7, **expected}


@pytest.mark.parametrize("zone", ["CET", "+01", "+0100"])
def test_zones(zone: str) -> None:
    """An abbreviation with one meaning, or the offset of a zone that has none."""
    grammar = grammar_of(read_log_line_prefix("%m [%p] "))
    line = f"2026-11-23 07:55:44.123 {zone} [7] LOG:  x"
    assert fields(grammar, line) == {**TIME, "pid": 7, "level": "LOG", "message": "x"}


def test_a_zone_with_two_meanings_can_be_named() -> None:
    """IST is India's, Ireland's and Israel's: with a zone named, the abbreviation is not read."""
    layout = read_log_line_prefix("%m [%p] ", "Asia/Kolkata")
    line = "2026-11-23 12:25:44.123 IST [7] LOG:  x"
    assert grammar_of(read_log_line_prefix("%m [%p] ")).parse(line, 0) is None
    given = fields(grammar_of(layout, "Asia/Kolkata"), line)
    assert given == {**TIME, "pid": 7, "level": "LOG", "message": "x"}


def test_everything_at_once() -> None:
    """All escapes, in a prefix with fill-up on both sides."""
    grammar = grammar_of(
        read_log_line_prefix("%n|%-8u|%12d|%r|%a|%b|%p|%P|%i|%e|%c|%l|%s|%v|%x|%Q|%%|")
    )
    line = (
        "1795416944.123|ada     |        shop|2001:db8::7(50312)|psql: x|client backend|12||"
        "SELECT|42P01|6562f4a0.1267|3|2026-11-23 06:00:00 UTC|3/112|0|-77|%|ERROR:  no: 1"
    )
    assert fields(grammar, line) == {
        **TIME,
        **{"user": "ada", "database": "shop", "client_ip": "2001:db8::7", "client_port": 50312},
        **{"application": "psql: x", "backend_type": "client backend", "pid": 12},
        **{"command_tag": "SELECT", "error_code": "42P01", "session_id": "6562f4a0.1267"},
        **{"line": 3, "session_start": "2026-11-23 06:00:00 UTC", "transaction_id": 0},
        **{"virtual_transaction_id": "3/112", "query_id": -77, "level": "ERROR"},
        "message": "no: 1",
    }
    bare = "1795416944.123|        |            |[local]|||12||||6562f4a0.1267|3|x||0|0|%|LOG:  a"
    assert grammar.parse(bare, 0) is None  # the start of the session is never missing


def test_a_process_without_a_session() -> None:
    """Values that are missing are empty, and padded where the prefix says so."""
    grammar = grammar_of(read_log_line_prefix("%t:%h:%6u@%d:[%p]:%a: "))
    line = "2026-11-23 06:55:44 UTC::      @:[7]:: LOG:  database system is ready"
    assert fields(grammar, line) == {
        **{"time": "2026-11-23T06:55:44Z", "pid": 7, "level": "LOG"},
        "message": "database system is ready",
    }


def test_a_time_that_only_sessions_have() -> None:
    """Lines of other processes have none, and are taken all the same."""
    grammar = grammar_of(read_log_line_prefix("%p: %q%m-%a/%u "))
    given = fields(grammar, "7: 2026-11-23 06:55:44.123 UTC-psql/ada ERROR:  x")
    assert (given["time"], given["application"], given["user"]) == (TIME["time"], "psql", "ada")
    assert fields(grammar, "7: LOG:  x") == {"pid": 7, "level": "LOG", "message": "x"}


def test_quotes_in_the_setting() -> None:
    """A quote is written twice, or with a backslash."""
    grammar = grammar_of(read_log_line_prefix(r"log_line_prefix='''%p'' \'%u\' '"))
    given = fields(grammar, "'7' 'ada' LOG:  x")
    assert (given["pid"], given["user"]) == (7, "ada")


@pytest.mark.parametrize(
    ("source", "column", "what", "remedy"),
    [
        ("%m %z ", 4, "unknown escape %z", "%a %u"),
        ("log_line_prefix = '%m %z '", 23, "unknown escape %z", "%a %u"),
        ("log_line_prefix = %m", 19, "log_line_prefix has no value in quotes", "'%m [%p] '"),
        ("%m %", 4, "unknown escape %", "%%"),
        ("%u%d ", 1, "nothing tells %u from what follows it", "blank"),
    ],
)
def test_a_prefix_that_cannot_be_used(source: str, column: int, what: str, remedy: str) -> None:
    """The column, the cause and what to do."""
    error = refusal(read_log_line_prefix, source)
    assert (error.column, error.what) == (column, what)
    assert remedy in error.remedy
