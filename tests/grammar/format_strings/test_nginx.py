"""nginx's log_format: what comes out reads the lines that nginx writes in that format."""

from __future__ import annotations

from typing import Any

import pytest

from shipper.grammar.format_strings.draft import draft
from shipper.grammar.format_strings.nginx import read_log_format
from shipper.grammar.format_strings.nginx_variables import TIMES, VARIABLES
from tests.grammar.format_strings.workshop import fields, grammar_of, refusal

MAIN = r"""log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                  '$status $body_bytes_sent "$http_referer" '
                  '"$http_user_agent" "$http_x_forwarded_for"';"""
START = {"client_ip": "192.0.2.1", "time": "2026-11-23T06:55:44Z"}
HEAD = "192.0.2.1 - {} [23/Nov/2026:06:55:44 +0000] "


def main(line: str) -> dict[str, Any]:
    return fields(grammar_of(read_log_format(MAIN)), line)


def test_the_example_of_every_nginx_installation() -> None:
    """A directive over three lines: typed fields, the time, the request in its parts."""
    line = HEAD.format("ada") + '"GET /a?b=1 HTTP/1.1" 200 12 "https://example.com/" "curl" "::1"'
    assert main(line) == {
        **START,
        "user": "ada",
        **{"method": "GET", "path": "/a?b=1", "protocol": "1.1", "status": 200, "bytes": 12},
        **{"referrer": "https://example.com/", "user_agent": "curl", "x_forwarded_for": "::1"},
    }


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET / HTTP/2.0", {"method": "GET", "path": "/", "protocol": "2.0"}),
        ("GET /two words HTTP/1.0", {"method": "GET", "path": "/two words", "protocol": "1.0"}),
        ("GET /status", {"method": "GET", "path": "/status"}),
        (r"GET /\x22 HTTP/1.1", {"method": "GET", "path": r"/\x22", "protocol": "1.1"}),
        (r"\x16\x03\x01\x00", {"request": r"\x16\x03\x01\x00"}),
        ("", {}),
        ("-", {}),
        ("EHLO example.net", {"request": "EHLO example.net"}),
        ("GET / HTTP/1.1 HTTP/1.1", {"method": "GET", "path": "/ HTTP/1.1", "protocol": "1.1"}),
    ],
)
def test_requests_of_all_shapes(request_line: str, expected: dict[str, Any]) -> None:
    """Requests, requests of HTTP/0.9, other protocols, binary, nothing at all."""
    line = HEAD.format("-") + f'"{request_line}" 400 0 "-" "-" "-"'
    assert main(line) == {**START, **expected, "status": 400, "bytes": 0}


@pytest.mark.parametrize("user", ["ada king", "a[b", "x [y", "-x", "ada ["])
def test_a_user_may_have_any_name(user: str) -> None:
    """Blanks and brackets in a name do not shift the fields behind it."""
    line = HEAD.format(user) + '"GET / HTTP/1.1" 200 5 "-" "a b (c)" "203.0.113.5, 10.1.2.3"'
    assert main(line) == {
        **START,
        "user": user,
        **{"method": "GET", "path": "/", "protocol": "1.1", "status": 200, "bytes": 5},
        **{"user_agent": "a b (c)", "x_forwarded_for": "203.0.113.5, 10.1.2.3"},
    }


@pytest.mark.parametrize(
    "line",
    [
        "",
        "192.0.2.1",
        HEAD.format("-") + '"GET / HTTP/1.1" 200 5 "-" "-"',
        HEAD.format("-") + '"GET / HTTP/1.1" 2000 5 "-" "-" "-"',
        HEAD.format("-") + '"GET / HTTP/1.1" 200 five "-" "-" "-"',
        HEAD.format("-") + '"GET / HTTP/1.1" 200 5 "-" "-" "-" more',
        "192.0.2.1 - - [31/Feb/2026:06:55:44 +0000]" + ' "GET / HTTP/1.1" 200 5 "-" "-" "-"',
    ],
)
def test_other_lines_are_refused(line: str) -> None:
    """Half a line, one value too many, a word for a number, a day that no month has."""
    assert grammar_of(read_log_format(MAIN)).parse(line, 0) is None


def test_upstreams_and_times() -> None:
    """Lists of upstreams, fractions of seconds, IPv6 with a port, values that are missing."""
    grammar = grammar_of(
        read_log_format(
            "$msec $remote_addr:$remote_port $host:$server_port $request_time "
            "$upstream_addr $upstream_status $upstream_response_time [$upstream_cache_status] $pipe"
        )
    )
    assert fields(
        grammar,
        "1795416944.123 2001:db8::7:50312 [2001:db8::1]:443 0.250 "
        "[2001:db8::8]:80, unix:/run/a.sock : 192.0.2.9:80 502, 504 : 200 0.001, - : 0.2 [MISS] .",
    ) == {
        "time": "2026-11-23T06:55:44.123Z",
        **{"client_ip": "2001:db8::7", "client_port": 50312},
        **{"vhost": "[2001:db8::1]", "server_port": 443, "request_time": 0.25},
        "upstream_addr": "[2001:db8::8]:80, unix:/run/a.sock : 192.0.2.9:80",
        **{"upstream_status": "502, 504 : 200", "upstream_time": "0.001, - : 0.2"},
        **{"cache_result": "MISS", "pipelined": "."},
    }
    short = "1795416944.000 unix:: -:- 0.000 - - - [-] p"
    assert fields(grammar, short) == {
        **{"time": "2026-11-23T06:55:44Z", "client_ip": "unix:", "request_time": 0.0},
        "pipelined": "p",
    }


def test_escape_json_outside_of_json() -> None:
    """With escape=json a missing value is nothing, and a quote has a backslash before it."""
    grammar = grammar_of(
        read_log_format(
            """log_format j escape=json '"$time_iso8601" "$remote_user" "$request" "$http_cookie" '
            '$status|$bytes_sent|$gzip_ratio|$arg_q';"""
        )
    )
    line = r'"2026-11-23T07:55:44+01:00" "" "GET /\"a\" HTTP/1.1" "x=\"1\\" 200|5||q|r'
    assert fields(grammar, line) == {
        **{"time": "2026-11-23T06:55:44Z", "method": "GET", "path": r"/\"a\"", "protocol": "1.1"},
        **{"http_cookie": r"x=\"1\\", "status": 200, "bytes": 5, "arg_q": "q|r"},
    }


def test_a_format_that_writes_json() -> None:
    """Each member is a field: by the variable's name, under its key, typed, inside others, too."""
    source = """log_format j escape=json '{"ts":"$time_iso8601","ip":"$remote_addr",'
        '"n":3,"ok":true,'
        '"req":{"line":"$request","ua":"$http_user_agent"},"status":$status,"app":"shop",'
        '"rt":"$upstream_response_time","url":"$scheme://$host$request_uri","none":null,'
        '"list":["$http_a","$http_b"],"again":"$status","more":{"status":"$msec"},"f":0.5}';"""
    grammar = grammar_of(read_log_format(source))
    assert grammar.spec.parse == "json"
    line = (
        '{"ts":"2026-11-23T06:55:44Z","ip":"::1","n":3,"ok":true,'
        '"req":{"line":"GET /\\"a HTTP/1.1",'
        '"ua":""},"status":200,"app":"shop","rt":"0.1, 0.2","url":"https://x/a","none":null,'
        '"list":["","b"],"again":"200","more":{"status":"1795416944.5"},"f":0.5}'
    )
    assert fields(grammar, line) == {
        **{"time": "2026-11-23T06:55:44Z", "client_ip": "::1", "n": 3, "ok": True, "f": 0.5},
        **{"request": 'GET /"a HTTP/1.1', "status": 200, "app": "shop", "http_b": "b"},
        **{"upstream_time": "0.1, 0.2", "url": "https://x/a", "again": 200},
        "msec": "1795416944.5",
    }


def test_a_bare_value_in_json_is_told() -> None:
    """A variable without quotes that may be missing: such a line is no JSON."""
    made = draft(read_log_format('log_format j escape=json \'{"a":$status,"b":$gzip_ratio}\';'))
    assert made.notes == ("$gzip_ratio not in quotes: where it has no value the line is no JSON",)


def test_json_that_is_none_is_told() -> None:
    """A comma too many in the format makes every line no JSON."""
    error = refusal(read_log_format, "log_format j escape=json '{\"a\":$status,}';")
    assert error.what.startswith("begins like JSON, but is none: ")


def test_json_with_the_default_escaping_is_read_by_patterns() -> None:
    """There a quote in a value comes as \\x22, which no reader of JSON takes."""
    grammar = grammar_of(read_log_format('log_format j \'{"a":"$http_a","s":$status}\';'))
    assert fields(grammar, '{"a":"\\x22x","s":200}') == {"http_a": r"\x22x", "status": 200}


def test_escape_none() -> None:
    """With escape=none a quote inside a value is only a quote."""
    grammar = grammar_of(
        read_log_format(
            """log_format n escape=none '"$http_user_agent" "$http_referer" $status';"""
        )
    )
    assert fields(grammar, '"say "hi" there" "" 200') == {
        "user_agent": 'say "hi" there',
        "status": 200,
    }


def test_the_parts_of_a_target_become_a_path() -> None:
    """The idiom `$uri$is_args$args` has no signs between its values; together it is the target."""
    grammar = grammar_of(read_log_format('"$request_method $uri$is_args$args" $status'))
    assert fields(grammar, '"GET /a b?c=d 200" 200')["path"] == "/a b?c=d 200"


def test_one_field_has_one_value() -> None:
    """A second variable for a field keeps its own name; the same one twice is read once."""
    grammar = grammar_of(
        read_log_format(
            "$status $request_uri|$request|$http_host|$host|$host|$body_bytes_sent $bytes_sent"
        )
    )
    assert fields(grammar, "200 /b|GET /a HTTP/1.1|w.example.com|x|x|5 100") == {
        **{"status": 200, "request_uri": "/b"},
        **{"method": "GET", "path": "/a", "protocol": "1.1"},
        **{"vhost": "w.example.com", "host": "x", "bytes": 5, "bytes_sent": 100},
    }


def test_the_first_time_is_the_time() -> None:
    """Another time stays what it is, a text."""
    grammar = grammar_of(read_log_format("$time_local|$msec"))
    assert fields(grammar, "23/Nov/2026:06:55:44 +0000|1795416944.250") == {
        "time": "2026-11-23T06:55:44Z",
        "msec": "1795416944.250",
    }


def test_variables_of_the_configuration_are_named() -> None:
    """A variable that map makes is taken when it is named, whatever it holds."""
    layout = read_log_format('$status "$shop_tier" ${shop_id}', {"shop_tier", "shop_id"})
    assert fields(grammar_of(layout), '200 "a b" ') == {"status": 200, "shop_tier": "a b"}


@pytest.mark.parametrize("name", [*VARIABLES, *TIMES, "http_x_y", "arg_a", "cookie_c", "request"])
def test_every_variable_gives_a_grammar(name: str) -> None:
    """In quotes, in brackets and bare: the grammar loads, and takes its own samples."""
    for template in ('"{}" $status', "[{}] $status", "$status {}|x"):
        layout = read_log_format(template.format(f"${name}"))
        if name != "status":
            assert len(grammar_of(layout).spec.fields) + (name in TIMES) >= 2


@pytest.mark.parametrize(
    ("source", "column", "what", "remedy"),
    [
        ("$remote_addr $statu", 14, "unknown variable $statu", "'status'"),
        ("$status $shop", 9, "unknown variable $shop", "--variable shop"),
        ("log_format m '$status' '$foo';", 25, "unknown variable $foo", "--variable"),
        ("log_format m '$status", 14, "the quote ' is not closed", "close it"),
        ("log_format m escape=xml '$status';", 14, "unknown escape=xml", "json"),
        ("log_format m;", 13, "log_format m has no format", "quotes"),
        ("log_format ;", 1, "log_format has no name", "NAME"),
        ("a $ b", 3, "a '$' without a name", "name a variable"),
        ("$http_a$http_b", 1, "nothing tells $http_a from what follows it", "a blank"),
        ("no variable", 1, "has no value that could become a field", "add one"),
        ("$http_a", 1, "would take any line whatever", "nothing tells"),
    ],
)
def test_a_format_that_cannot_be_used(source: str, column: int, what: str, remedy: str) -> None:
    """The column, the cause and what to do."""
    error = refusal(read_log_format, source)
    assert (error.column, error.what) == (column, what)
    assert remedy in error.remedy


def test_a_doubt_is_told() -> None:
    """Two free texts with a blank between them: the first is read to its first blank, and told."""
    made = draft(read_log_format("$status $http_a $http_b"))
    assert made.notes == (
        "$http_a is read up to the first ' ': nothing else tells it from what follows it",
    )
