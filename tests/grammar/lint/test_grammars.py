"""No grammar that is shipped or made can be slow: all of their patterns go through the lint."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.grammar.format_strings import apache, log4j, nginx, postgres
from shipper.grammar.format_strings.draft import draft
from shipper.grammar.format_strings.parts import Layout
from shipper.grammar.lint.grammars import lint_grammar
from shipper.grammar.loader import load_grammar
from tests.grammar.shelf import SHIPPED, core, library

MADE: dict[str, Layout] = {
    "nginx_main": nginx.read_log_format(
        '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
        '"$http_referer" "$http_user_agent" "$http_x_forwarded_for" $upstream_addr '
        "$upstream_response_time $request_time $host"
    ),
    "nginx_bare": nginx.read_log_format("$remote_user $request $http_user_agent $uri$is_args$args"),
    "nginx_none": nginx.read_log_format(
        """log_format n escape=none '"$http_user_agent" "$http_cookie" $status $request';"""
    ),
    "apache": apache.read_log_format(
        'LogFormat "%v:%p %h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" %U%q %{X}i %{Y}i" a'
    ),
    "postgres": postgres.read_log_line_prefix("%m:%r:%-10u@%20d:[%p]: %q%a %b %i %e "),
    "log4j": log4j.read_pattern("%d [%t] %-5p %c{1}:%L %X{a} %x - %m%n"),
    "spring": log4j.read_pattern(
        "%clr(%d){faint} %clr(%5p) %clr([%15.15t]) %clr(%-40.40logger{39}) : %m%n%wEx"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_grammar_is_slow(name: str) -> None:
    """Neither its patterns nor those of what may stand before a record, nor of what is ignored."""
    found = lint_grammar(library().get(name), library().book, most=1)
    assert [f"{place.where}: {place.key}: {place.finding}" for place in found] == []


@pytest.mark.parametrize("name", MADE)
def test_no_grammar_of_a_format_string_is_slow(name: str, tmp_path: Path) -> None:
    """Quoted and bare values, values without an end of their own, padding, colours, traces."""
    file = tmp_path / "made.yaml"
    file.write_text(draft(MADE[name]).text)
    found = lint_grammar(load_grammar(file, core()), core())
    assert [f"{place.key}: {place.finding}" for place in found] == []
