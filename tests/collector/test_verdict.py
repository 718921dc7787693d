"""Every answer has one of four meanings."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from shipper.collector.verdict import (
    Delivered,
    Misconfigured,
    Rejected,
    Unavailable,
    Verdict,
    clean,
    retry_after,
    verdict_of,
)

NOW = datetime(2026, 11, 23, 6, 55, 44, tzinfo=UTC).timestamp()


def judge(status: int, body: bytes = b"", **headers: str) -> Verdict:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return verdict_of(status, CaseInsensitiveDict(named), body, NOW)


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_the_verdict_of_the_table(status: int) -> None:
    """The table at the head of the module holds for each status there is."""
    if 200 <= status < 300:
        expected: type = Delivered
    elif status in (400, 413, 422):
        expected = Rejected
    elif status in (408, 425, 429) or status >= 500 or status < 200:
        expected = Unavailable
    else:
        expected = Misconfigured
    assert type(judge(status)) is expected


@pytest.mark.parametrize("status", [600, 999, 99, 0])
def test_a_status_that_does_not_exist_keeps_the_events(status: int) -> None:
    """A number that means nothing is no reason to drop or to bury anything."""
    assert isinstance(judge(status), Unavailable)


def test_a_rejection_carries_the_collectors_words() -> None:
    """Status and words are what the dead letter will say."""
    assert str(judge(400, b"bad \r\n schema")) == "HTTP 400: bad schema"
    assert str(judge(413)) == "HTTP 413"
    assert str(Rejected(0, "a request of 9 bytes")) == "a request of 9 bytes"
    assert [Rejected(400, "").reason, Rejected(0, "").reason] == ["rejected", "too_large"]


@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (301, {"Location": "https://collector.example.com/"}, "https://collector.example.com/"),
        (302, {}, "nowhere"),
        (401, {}, "collector.headers"),
        (403, {}, "collector.headers"),
        (404, {}, "collector.url"),
        (407, {}, "proxy"),
        (418, {}, "collector.url"),
    ],
)
def test_a_misconfiguration_says_what_to_look_at(
    status: int, headers: dict[str, str], advice: str
) -> None:
    """A person can act on it."""
    verdict = judge(status, b"some words", **headers)
    assert isinstance(verdict, Misconfigured)
    assert str(status) in verdict.why
    assert advice in verdict.why
    assert verdict.words == "some words"


def test_what_varies_is_apart_from_what_does_not() -> None:
    """Two outages of one kind have one `why`, whatever number the collector gave the incident."""
    first, second = judge(503, b"incident 1"), judge(503, b"incident 2")
    assert isinstance(first, Unavailable)
    assert isinstance(second, Unavailable)
    assert first.why == second.why == "the collector answers 503"
    assert first.words == "incident 1"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("Mon, 23 Nov 2026 06:56:44 GMT", 60.0),
        ("Mon, 23 Nov 2026 06:56:44 -0000", 60.0),
        ("Mon, 23 Nov 2026 06:56:44", 60.0),
        ("Monday, 23-Nov-26 06:56:44 GMT", 60.0),
        ("Mon, 23 Nov 2026 07:56:44 +0100", 60.0),
        ("Mon, 23 Nov 2020 06:56:44 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Mon, 99 Nov 2026 06:56:44 GMT", None),
    ],
)
def test_retry_after_in_all_its_forms(value: str, seconds: float | None) -> None:
    """Seconds and dates are understood, in UTC when no zone is named; nonsense asks for nothing."""
    assert retry_after(value, NOW) == seconds
    verdict = judge(503, Retry_After=value)
    assert isinstance(verdict, Unavailable)
    assert verdict.retry_after == seconds


def test_no_wish_without_a_header() -> None:
    """Most outages come without a Retry-After."""
    assert retry_after(None, NOW) is None
    assert judge(429) == Unavailable("the collector answers 429")


@given(st.text(max_size=60))
@example("9" * 5000)
@example("Mon, 23 Nov 99999 06:56:44 GMT")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("1 1 1 1:1:1:1:1 1")
def test_no_header_breaks_the_judgement(value: str) -> None:
    """Whatever stands in Retry-After, there is a wish of at least 0 or none."""
    wish = retry_after(value, NOW)
    assert wish is None or wish >= 0


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))
def test_dates_are_read_as_they_are_written(date: datetime) -> None:
    """The form that servers write is read back to the second."""
    utc = date.replace(microsecond=0, tzinfo=UTC)
    assert retry_after(format_datetime(utc, usegmt=True), 0.0) == utc.timestamp()


@given(st.binary(max_size=6000), st.sampled_from([301, 400, 404, 503]))
def test_the_other_sides_words_are_harmless(body: bytes, status: int) -> None:
    """They are one printable line of at most 500 characters, from body and headers alike."""
    verdict = judge(status, body, Location=body.decode("latin-1"))
    told = verdict.words if not isinstance(verdict, Delivered) else ""
    assert told.isprintable()
    assert len(told) <= 500
    if isinstance(verdict, Misconfigured):
        assert verdict.why.isprintable()
        assert len(verdict.why) < 700


def test_a_terminal_is_not_driven() -> None:
    """Escapes and line breaks in an answer do not reach a terminal."""
    assert clean("a\x1b[2Jb\r\nc\u202ed") == "a\ufffd[2Jb c\ufffdd"
    assert str(judge(400, b"\x1b]0;owned\x07")) == "HTTP 400: \ufffd]0;owned\ufffd"
