"""Conversion patterns of log4j 1, log4j 2 and logback: what comes out reads their lines."""

from __future__ import annotations

from typing import Any

import pytest

from shipper.grammar.format_strings.draft import draft
from shipper.grammar.format_strings.java_time import NAMED
from shipper.grammar.format_strings.log4j import read_pattern
from shipper.grammar.format_strings.log4j_words import ALL, OPTIONAL, WRAPPING
from tests.grammar.format_strings.workshop import fields, grammar_of, refusal

CLASSIC = "%d{ISO8601} [%t] %-5p %c{1}:%L - %m%n"
SPRING = (
    "%clr(%d{${LOG_DATEFORMAT_PATTERN:-yyyy-MM-dd'T'HH:mm:ss.SSSXXX}}){faint} "
    "%clr(${LOG_LEVEL_PATTERN:-%5p}) %clr(${PID:- }){magenta} %clr(---){faint} "
    "%clr([%15.15t]){faint} %clr(%-40.40logger{39}){cyan} %clr(:){faint} %m%n"
    "${LOG_EXCEPTION_CONVERSION_WORD:-%wEx}"
)
TIME = {"time": "2026-11-23T06:55:44.123Z"}
TRACE = (
    'com.example.GoneException: no "cart"\n\tat com.example.Cart.add(Cart.java:42)\n'
    "Caused by: java.io.IOException\n\t... 12 more"
)


def read(pattern: str, line: str) -> dict[str, Any]:
    return fields(grammar_of(read_pattern(pattern)), line)


@pytest.mark.parametrize("stamp", ["2026-11-23 06:55:44,123", "2026-11-23T06:55:44,123"])
@pytest.mark.parametrize("thread", ["main", "http-nio-8080-exec-1", "pool [2] worker", "a] b"])
def test_the_classic_pattern(stamp: str, thread: str) -> None:
    """ISO8601 is with a blank in log4j 1, with a T in log4j 2; threads have any name."""
    assert read(CLASSIC, f"{stamp} [{thread}] WARN  Cart:42 - it's - all [gone]: 1") == {
        **TIME,
        **{"thread": thread, "level": "WARN", "logger": "Cart", "line": 42},
        "message": "it's - all [gone]: 1",
    }


def test_a_stack_trace_is_a_field() -> None:
    """What the frameworks add behind the message, with its causes."""
    given = read(CLASSIC, f"2026-11-23 06:55:44,123 [main] ERROR Cart:? - lost\n{TRACE}")
    assert (given["message"], given["stack_trace"]) == ("lost", TRACE)
    assert "line" not in given


def test_a_message_of_several_lines_is_no_trace() -> None:
    """Lines that only look a little like it belong to the message."""
    text = "one\ntwo.three: four\n  at home\n\nfive"
    given = read(CLASSIC, f"2026-11-23 06:55:44,123 [main] ERROR Cart:1 - {text}")
    assert given["message"] == text
    given = read(CLASSIC, f"2026-11-23 06:55:44,123 [main] ERROR Cart:1 - {text}\n{TRACE}")
    assert (given["message"], given["stack_trace"]) == (text, TRACE)


def test_a_message_may_be_empty() -> None:
    """Only the trace, or nothing at all."""
    given = read(CLASSIC, f"2026-11-23 06:55:44,123 [main] ERROR Cart:1 - \n{TRACE}")
    assert "message" not in given
    assert given["stack_trace"] == TRACE


@pytest.mark.parametrize("paint", ["", "\x1b[2m"])
def test_the_pattern_of_spring_boot(paint: str) -> None:
    """With its variables, padding and cut names; in colour and without."""
    end = paint and "\x1b[0m"
    line = (
        f"{paint}2026-11-23T07:55:44.123+01:00{end} {paint} INFO{end} {paint}4711{end} "
        f"{paint}---{end} {paint}[           main]{end} "
        f"{paint}c.e.shop.CartController                 {end} {paint}:{end} Started in 1.2 s: ok"
    )
    assert read(SPRING, line) == {
        **TIME,
        **{"level": "INFO", "pid": 4711, "thread": "main", "logger": "c.e.shop.CartController"},
        "message": "Started in 1.2 s: ok",
    }


def test_a_level_that_is_as_wide_as_its_column() -> None:
    """DEBUG fills the five characters, WARN and INFO have a blank more."""
    for level in ("DEBUG", "WARN ", "INFO ", "TRACE"):
        given = read("%d %-5level [%logger{36}] %msg%n", f"2026-11-23 06:55:44,123 {level} [a.B] x")
        assert given["level"] == level.strip()
        given = read("%d %5level [%logger{36}] %msg%n",
                     f"2026-11-23 06:55:44,123 {level.strip():>5} [a.B] x")  # fmt: skip
        assert given["level"] == level.strip()


def test_contexts_markers_and_places() -> None:
    """Values by key, with a default for none; parts that come only with a marker; the caller."""
    pattern = (
        "%d{dd MMM yyyy HH:mm:ss,SSS} %X{userId:-none} [%mdc{trace.id}] "
        "%notEmpty{<%marker> }%l %highlight{%p}{FATAL=red} - %m %n%nopex"
    )
    assert read(
        pattern,
        "23 Nov 2026 06:55:44,123 ada [4f9d] <AUDIT> "
        "com.example.Cart.<init>(Cart.java:7) INFO - x ",
    ) == {
        **TIME,
        **{"user_id": "ada", "trace_id": "4f9d", "marker": "AUDIT", "class": "com.example.Cart"},
        **{"function": "<init>", "file": "Cart.java", "line": 7, "level": "INFO", "message": "x "},
    }
    assert read(pattern, "23 Nov 2026 06:55:44,123 none [] ? WARN - y") == {
        **TIME,
        **{"level": "WARN", "message": "y"},
    }


def test_log4j_2_wraps_in_braces_and_logback_in_parentheses() -> None:
    """Both ways round the same words; in log4j 1 a parenthesis is only a parenthesis."""
    line = "INFO  x.Y (Y.java:3) - hello"
    expected = {"level": "INFO", "logger": "x.Y", "file": "Y.java", "line": 3, "message": "hello"}
    for pattern in (
        "%highlight{%-5p}{INFO=blue} %style{%c}{cyan} (%F:%L) - %m%n",
        r"%highlight(%-5p) %cyan(%c) \(%F:%L\) - %m%n",
        "%-5p %c (%F:%L) - %m%n",
        "%-6(%p)%c (%F:%L) - %replace{%m}{a}{b}%n",
    ):
        assert read(pattern, line) == expected


def test_as_it_stands_in_a_configuration() -> None:
    """A property, an element, an attribute with entities: the pattern is found inside."""
    for source in (
        "log4j.appender.A.layout.ConversionPattern=%p &lt; %m%n",
        "appender.a.layout.pattern = %p &lt; %m%n",
        "<pattern>\n  %p &amp;lt; %m%n\n</pattern>",
        '<PatternLayout pattern="%p &amp;lt; %m%n"/>',
        '<param name="ConversionPattern" value="%p &amp;lt; %m%n"/>',
        "%p &lt; %m%n",
    ):
        assert read(source, "INFO &lt; x") == {"level": "INFO", "message": "x"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", "2026-11-23 06:55:44,123"),
        ("{yyyy-MM-dd HH:mm:ss.SSS}", "2026-11-23 06:55:44.123"),
        ("{yyyy-MM-dd'T'HH:mm:ss.SSSX}", "2026-11-23T07:55:44.123+01"),
        ("{yyyy-MM-dd'T'HH:mm:ss.nnnnnnnnnXXX}", "2026-11-23T07:55:44.123000000+01:00"),
        ("{EEE, d MMM yyyy h:mm:ss.SSS a z}", "Mon, 23 Nov 2026 6:55:44.123 AM UTC"),
        ("{yyyy DDD HHmmssSSS}", "2026 327 065544123"),
        ("{dd/MM/yy 'at' HH''mm''ss.SSS}", "23/11/26 at 06'55'44.123"),
        ("{yyyy-MM-dd HH:mm:ss,SSS}{Europe/Berlin}", "2026-11-23 07:55:44,123"),
        ("{yyyy-MM-dd HH:mm:ss.SSS, Europe/Berlin}", "2026-11-23 07:55:44.123"),
        ('{"yyyy-MM-dd HH:mm:ss,SSS"}', "2026-11-23 06:55:44,123"),
        ("{yyyy-MM-dd HH:mm:ss.SSS VV}", "2026-11-23 07:55:44.123 Europe/Berlin"),
        ("{COMPACT}", "20261123065544123"),
        ("{DATE}", "23 Nov 2026 06:55:44,123"),
        ("{UNIX_MILLIS}", "1795416944123"),
        ("{ISO8601_OFFSET_DATE_TIME_HHCMM}", "2026-11-23T07:55:44,123+01:00"),
    ],
)
def test_dates(pattern: str, text: str) -> None:
    """The default, patterns in the letters of Java, zones, and the names of log4j."""
    assert read(f"%d{pattern} %p %m%n", f"{text} INFO x") == {
        **TIME,
        **{"level": "INFO", "message": "x"},
    }


@pytest.mark.parametrize("name", NAMED)
def test_every_named_date_is_read_back(name: str) -> None:
    """A date of that name is the record's time, or a text where it names no day."""
    grammar = grammar_of(read_pattern(f"%d{{{name}}} %p %m%n"))
    assert (grammar.spec.time is None) == name.startswith("ABSOLUTE")


def test_the_first_of_two_times_is_the_time() -> None:
    """The second is a text of its own name."""
    given = read("%d{ISO8601} %p %d{yyyy-MM-dd} %m%n", "2026-11-23 06:55:44,123 INFO 2026-11-23 x")
    assert given == {**TIME, "level": "INFO", "time_2": "2026-11-23", "message": "x"}


def test_a_time_without_a_day_is_told() -> None:
    """It is a field, and the record has no time of its own."""
    made = draft(read_pattern("%d{HH:mm:ss.SSS} %p %m%n"))
    assert made.notes == ("no conversion writes a day: events get the time at which they are read",)
    given = read("%d{HH:mm:ss.SSS} %p %m%n", "06:55:44.123 INFO x")
    assert given == {"time_of_day": "06:55:44.123", "level": "INFO", "message": "x"}


@pytest.mark.parametrize("word", sorted(ALL))
def test_every_word_gives_a_grammar(word: str) -> None:
    """Alone in brackets, padded on either side, and wrapping where it wraps."""
    wrapped = "{%c}" if word in WRAPPING else ""
    for width in ("", "-20", "20", "-5.10"):
        if not (width and word in OPTIONAL) and word != "property":
            grammar_of(read_pattern(f"%tp [%{width}{word}{wrapped}] %sn%n"))


@pytest.mark.parametrize(
    ("source", "column", "what", "remedy"),
    [
        ("%d %levle %m", 4, "unknown conversion word %levle", ""),
        ("%d %q %m", 4, "unknown conversion word %q", "%%"),
        ("%d 100% %m", 7, "a '%' without a conversion word", "%%"),
        ("%p %d{yyyy-QQ}", 4, "the letters QQ of a time can't be read back", "yyyy"),
        ("%p %d{yyyy 'x}", 4, "a quote ' in the time is not closed", "close it"),
        ("%p %d{yyyy", 4, "the bracket { is not closed", "}"),
        ("%p ${appName} %m", 4, "unknown variable ${appName}", "its value"),
        ("%m%n", 1, "would take any line whatever", "nothing tells"),
        ("%p %highlight", 4, "%highlight has nothing to write", "{…}"),
        ("%c%C %m", 1, "nothing tells %c from what follows it", "blank"),
    ],
)
def test_a_pattern_that_cannot_be_used(source: str, column: int, what: str, remedy: str) -> None:
    """The column, the cause and what to do."""
    error = refusal(read_pattern, source)
    assert (error.column, error.what) == (column, what)
    assert remedy in error.remedy
