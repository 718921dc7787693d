"""Whatever the format string: a grammar that stands its own test, or words, never a traceback."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.errors import DataError
from shipper.grammar.format_strings import apache, log4j, nginx, postgres
from shipper.grammar.format_strings import log4j_words as words
from shipper.grammar.format_strings.apache_directives import ARGUMENTS, LETTERS, NAMED
from shipper.grammar.format_strings.draft import draft
from shipper.grammar.format_strings.nginx_variables import TIMES, VARIABLES
from shipper.grammar.format_strings.parts import FormatStringError, Layout

NGINX = [f"${name}" for name in (*VARIABLES, *TIMES, "request", "http_x", "arg_a")]
PIECES = {
    "nginx": NGINX,
    "nginx json": NGINX,
    "nginx none": NGINX,
    "apache": [
        *(f"%{letter}" for letter in LETTERS),
        *(f"%{{{argument}}}{letter}" for letter, argument in ARGUMENTS),
        *(f"%{{Some-Name}}{letter}" for letter in NAMED),
        *("%t", "%r", "%%", "%{%F %T}t", "%{msec_frac}t", "%!200r", "%>s", "%{%k}t"),
    ],
    "postgres": [*(f"%{letter}" for letter in "audhbpPieclvxQtmnrsq%"), "%-10u", "%20a", "%-5p"],
    "log4j": [
        *(f"%{word}" for word in words.ALL),
        *("%-5p", "%20.20t", "%X{a}", "%d{HH:mm}", "%d{yyyy-MM-dd}", "%clr(%p)"),
        "%notEmpty{[%x] }",
    ],
}  # fmt: skip
READ: dict[str, Callable[[str], Layout]] = {
    "nginx": nginx.read_log_format,
    "nginx json": lambda text: nginx.read_log_format(f"log_format a escape=json '{text}';"),
    "nginx none": lambda text: nginx.read_log_format(f"log_format a escape=none '{text}';"),
    "apache": apache.read_log_format,
    "postgres": postgres.read_log_line_prefix,
    "log4j": log4j.read_pattern,
}
SIGNS = st.sampled_from([" ", '"', '" "', "[", "] ", " - ", "|", ",", ":", "\t", "{", "}", "=", ""])
ODD = st.text('%${}[]"\\ ab:,\té\u2028\x00', max_size=4)


@pytest.mark.parametrize("server", READ)
@settings(max_examples=60)
@given(data=st.data())
def test_any_format(server: str, data: st.DataObject) -> None:
    """Directives in any order with anything between them."""
    piece = st.tuples(SIGNS | ODD, st.sampled_from(PIECES[server]))
    parts = data.draw(st.lists(piece, min_size=1, max_size=6))
    source = "".join(sign + directive for sign, directive in parts) + data.draw(SIGNS)
    assert tried(server, source)


def tried(server: str, source: str) -> str:
    """Return the first words of the grammar, or of why there is none."""
    try:
        made = draft(READ[server](source))
    except FormatStringError as error:
        return error.what if error.column >= 1 else ""
    except DataError as error:
        return error.message if "does not stand its own test" in error.message else ""
    return f"name: {made.name}" if made.text.startswith(f"name: {made.name}\n") else ""
