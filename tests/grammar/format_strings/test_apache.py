"""Apache's LogFormat: what comes out reads the lines that Apache writes in that format."""

from __future__ import annotations

from typing import Any

import pytest

from shipper.grammar.format_strings.apache import read_log_format
from shipper.grammar.format_strings.apache_directives import ARGUMENTS, LETTERS, NAMED, STRFTIME
from tests.grammar.format_strings.workshop import fields, grammar_of, refusal

COMBINED = r'LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined'
START = {"client_ip": "192.0.2.1", "time": "2026-11-23T06:55:44Z"}
GET = {"method": "GET", "path": "/", "protocol": "1.1", "status": 200}


def combined(line: str) -> dict[str, Any]:
    return fields(grammar_of(read_log_format(COMBINED)), line)


@pytest.mark.parametrize(
    ("user", "value"), [("-", {}), ('""', {}), ("ada king", {"user": "ada king"})]
)
def test_the_combined_format(user: str, value: dict[str, str]) -> None:
    """The format as httpd.conf has it, with its escapes; no user, an empty one, two words."""
    line = f'192.0.2.1 - {user} [23/Nov/2026:07:55:44 +0100] "GET / HTTP/1.1" 200 - "-" "a \\"b\\""'
    assert combined(line) == {**START, **value, **GET, "user_agent": r"a \"b\""}


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        (r"GET /\"a\\ HTTP/1.0", {"method": "GET", "path": r"/\"a\\", "protocol": "1.0"}),
        (r"\x16\x03\"\\", {"request": r"\x16\x03\"\\"}),
        ("-", {}),
        ("GET", {"request": "GET"}),
        ("OPTIONS * HTTP/1.0", {"method": "OPTIONS", "path": "*", "protocol": "1.0"}),
    ],
)
def test_requests_of_all_shapes(request_line: str, expected: dict[str, Any]) -> None:
    """Escaped quotes and backslashes, binary, none, the dummy connection of Apache itself."""
    line = f'::1 - - [23/Nov/2026:06:55:44 +0000] "{request_line}" 400 0 "" "-"'
    assert combined(line) == {**START, "client_ip": "::1", **expected, "status": 400, "bytes": 0}


def test_the_name_of_the_format_is_the_name_of_the_grammar() -> None:
    """LogFormat's nickname, in small letters; without one it is a format of your own."""
    assert read_log_format(COMBINED).name == "apache_combined"
    assert read_log_format('logformat "%h %>s" Shop-Access').name == "apache_shop_access"
    assert read_log_format("CustomLog logs/a.log '%h %>s'").name == "apache_custom"
    assert read_log_format("%h %>s").name == "apache_custom"


def test_modifiers() -> None:
    """Statuses that leave a value out; original and final status; the peer behind a proxy."""
    grammar = grammar_of(
        read_log_format(
            r'%a %{c}a %>s %<s "%!200,304{X-Trace}i" %400,501{User-agent}i %{remote}p %{tid}P %X'
        )
    )
    assert fields(grammar, '192.0.2.1 192.0.2.9 200 302 "-" - 50312 1407 +') == {
        **{"client_ip": "192.0.2.1", "peer_ip": "192.0.2.9", "status": 200},
        **{"original_status": 302, "client_port": 50312, "tid": 1407, "connection_status": "+"},
    }
    line = r'192.0.2.1 192.0.2.9 500 - "a \"b\"" Mozilla/5.0 (X11) 1 1 X'
    given = fields(grammar, line)
    assert (given["http_x_trace"], given["user_agent"]) == (r"a \"b\"", "Mozilla/5.0 (X11)")
    assert "original_status" not in given


def test_times_side_by_side_are_one_time() -> None:
    """Apache has no directive for a date with a fraction; people put several next to each other."""
    grammar = grammar_of(
        read_log_format("[%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t] %>s %{usec_frac}t")
    )
    assert fields(grammar, "[23/Nov/2026 07:55:44.123 +0100] 200 123456") == {
        **{"time": "2026-11-23T06:55:44.123Z", "status": 200, "time_of_day": "123456"},
    }


@pytest.mark.parametrize(
    ("time", "text", "value"),
    [
        ("%{sec}t", "1795416944", "2026-11-23T06:55:44Z"),
        ("%{msec}t", "1795416944250", "2026-11-23T06:55:44.25Z"),
        ("%{usec}t", "1795416944250001", "2026-11-23T06:55:44.250001Z"),
        ("%{end:%Y-%m-%dT%H:%M:%S%z}t", "2026-11-23T06:55:44+0000", "2026-11-23T06:55:44Z"),
        ("%{%a %b %e %T %Y}t", "Mon Nov  2 06:55:44 2026", "2026-11-02T06:55:44Z"),
        ("%{begin:%c}t", "Mon Nov 23 06:55:44 2026", "2026-11-23T06:55:44Z"),
        ("%{%D %r}t", "11/23/26 06:55:44 PM", "2026-11-23T18:55:44Z"),
    ],
)
def test_times(time: str, text: str, value: str) -> None:
    """Counted from 1970, at the end of the request, in the letters of strftime."""
    assert fields(grammar_of(read_log_format(f"{time} %>s")), f"{text} 200")["time"] == value


def test_a_zone_can_be_named() -> None:
    """Times without one are of the zone that the caller names; the samples say so, too."""
    grammar = grammar_of(read_log_format("%{%F %T}t %>s"), "America/New_York")
    assert fields(grammar, "2026-11-23 01:55:44 200")["time"] == "2026-11-23T06:55:44Z"


def test_path_and_query() -> None:
    """%U%q is the target; alone, the query comes without its question mark, or not at all."""
    grammar = grammar_of(read_log_format('"%m %U%q %H" %>s'))
    given = fields(grammar, '"GET /a b?x=1 HTTP/1.1" 200')
    assert (given["path"], given["protocol"]) == ("/a b?x=1", "HTTP/1.1")
    grammar = grammar_of(read_log_format("%U [%q] %>s"))
    assert fields(grammar, "/a [?] 200") == {"path": "/a", "status": 200}
    assert fields(grammar, "/a [] 200") == {"path": "/a", "status": 200}
    assert fields(grammar, '/a [?b=\\"] 200')["query"] == 'b=\\"'


def test_two_request_lines() -> None:
    """The second, logged for errors only, has names of its own."""
    given = fields(
        grammar_of(read_log_format('"%r" "%!200r" %>s')), '"GET /a HTTP/1.0" "GET /b" 404'
    )
    assert (given["path"], given["request_path"]) == ("/a", "/b")


def test_a_tab_and_a_percent_sign() -> None:
    r"""\t in the format is a tab in the lines, %% a percent sign."""
    grammar = grammar_of(read_log_format(r'LogFormat "%>s\t%B%%\t%v" x'))
    assert fields(grammar, "200\t50%\twww.example.com") == {
        **{"status": 200, "bytes": 50, "vhost": "www.example.com"},
    }


DIRECTIVES = [
    *(f"%{letter}" for letter in LETTERS),
    *(f"%{{{argument}}}{letter}" for letter, argument in ARGUMENTS),
    *(f"%{{Some-Name}}{letter}" for letter in NAMED),
    *(f"%{{%F %{letter}}}t" for letter in STRFTIME if letter not in "YmdFcDxjybBhMes"),
    *("%r", "%t", "%{SSL_PROTOCOL}x", "%{Content-Type}o", "%!200r", "%!200,304b", "%>{X}i"),
]


@pytest.mark.parametrize("directive", DIRECTIVES)
def test_every_directive_gives_a_grammar(directive: str) -> None:
    """In quotes, in brackets and bare: the grammar loads, and takes its own samples."""
    for template in ('"{}" %k', "[{}] %k", "%k {}|x"):
        if directive != "%k":
            grammar = grammar_of(read_log_format(template.format(directive)))
            assert len(grammar.spec.fields) + (grammar.spec.time is not None) >= 2


@pytest.mark.parametrize(
    ("source", "column", "what", "remedy"),
    [
        ("%h %y", 4, "unknown directive %y", "mod_log_config"),
        (r'LogFormat "%h \"%z\"" x', 17, "unknown directive %z", "%%"),
        ("%h %{x}p", 4, "unknown directive %{x}p", "%{canonical}p"),
        ("%h %i", 4, "%i names nothing", "%{NAME}i"),
        ("%h %", 4, "unknown directive %", "%%"),
        ("%{%k}t %h", 1, "the letter %k of %{%k}t is not known", "%H"),
        ("CustomLog logs/a combined", 18, "combined is the name of a format, not a format", "line"),
        ("LogFormat ", 10, "LogFormat has no format", "FORMAT"),
        ("%h%h", 1, "nothing tells %h from what follows it", "blank"),
    ],
)
def test_a_format_that_cannot_be_used(source: str, column: int, what: str, remedy: str) -> None:
    """The column, the cause and what to do."""
    error = refusal(read_log_format, source)
    assert (error.column, error.what) == (column, what)
    assert remedy in error.remedy
