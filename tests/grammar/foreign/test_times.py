"""Time formats of Fluent Bit and Logstash: the moments that they read."""

from __future__ import annotations

import pytest

from shipper.grammar.foreign.times import from_go, from_logstash, from_strptime
from shipper.grammar.time_formats import TimeFormatError
from shipper.grammar.times import TimeReader

MOMENT = 1_795_416_944_000_000


def read(formats: list[str], text: str) -> int | None:
    return TimeReader(formats).read(text, MOMENT)


@pytest.mark.parametrize(
    ("theirs", "text", "micros"),
    [
        ("%d/%b/%Y:%H:%M:%S %z", "23/Nov/2026:07:55:44 +0100", 0),
        ("%Y-%m-%dT%H:%M:%S.%L", "2026-11-23T06:55:44.123", 123_000),
        ("%Y-%m-%dT%H:%M:%S.%L%z", "2026-11-23T06:55:44.123456789Z", 123_456),
        ("%b %d %H:%M:%S", "Nov 23 06:55:44", 0),
        ("%h %d %T %Y", "Nov 23 06:55:44 2026", 0),
        ("%D %r", "11/23/26 06:55:44 AM", 0),
        ("%s", "1795416944", 0),
        ("%s.%L", "1795416944.25", 250_000),
        ("100%% %F %T", "100% 2026-11-23 06:55:44", 0),
    ],
)
def test_fluent_bits_formats(theirs: str, text: str, micros: int) -> None:
    """strptime, with %L for fractions."""
    assert read(from_strptime(theirs), text) == MOMENT + micros


@pytest.mark.parametrize(
    ("theirs", "text", "micros"),
    [
        ("ISO8601", "2026-11-23T06:55:44Z", 0),
        ("UNIX", "1795416944", 0),
        ("UNIX", "1795416944.5", 500_000),
        ("UNIX_MS", "1795416944001", 1_000),
        ("dd/MMM/yyyy:HH:mm:ss Z", "23/Nov/2026:06:55:44 +0000", 0),
        ("dd/MMM/YYYY:HH:mm:ss Z", "23/Nov/2026:06:55:44 +0000", 0),
        ("MMM  d HH:mm:ss", "Nov  23 06:55:44", 0),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZZ", "2026-11-23T06:55:44.001+00:00", 1_000),
        ("EEE MMM dd HH:mm:ss yyyy", "Mon Nov 23 06:55:44 2026", 0),
    ],
)
def test_logstashs_formats(theirs: str, text: str, micros: int) -> None:
    """Its words, and Joda's letters."""
    assert read(from_logstash(theirs), text) == MOMENT + micros


@pytest.mark.parametrize(
    ("theirs", "text", "micros"),
    [
        ("2006-01-02T15:04:05Z07:00", "2026-11-23T07:55:44+01:00", 0),
        ("2006-01-02T15:04:05.999Z", "2026-11-23T06:55:44.123Z", 123_000),
        ("2006-01-02T15:04:05.999Z", "2026-11-23T06:55:44Z", 0),
        ("2006-01-02 15:04:05,000 MST", "2026-11-23 06:55:44,001 UTC", 1_000),
        ("02/Jan/2006:15:04:05 -0700", "23/Nov/2026:06:55:44 +0000", 0),
        ("Mon Jan _2 15:04:05 2006", "Mon Nov 23 06:55:44 2026", 0),
        ("1/2/06 3:04:05 PM", "11/23/26 6:55:44 AM", 0),
        ("UNIX_MS", "1795416944001", 1_000),
    ],
)
def test_gos_layouts(theirs: str, text: str, micros: int) -> None:
    """Filebeat's: a fraction may be there or not."""
    assert read(from_go(theirs), text) == MOMENT + micros


@pytest.mark.parametrize("theirs", ["%k:%M", "%H:%M:%S", "%Ey-%m-%d"])
def test_what_fluent_bit_may_write_and_we_not(theirs: str) -> None:
    """An error, with the letter or what is missing."""
    with pytest.raises(TimeFormatError):
        from_strptime(theirs)


@pytest.mark.parametrize("theirs", ["TAI64N", "HH:mm:ss", "yyyy-MM-dd'T", "CCCC"])
def test_what_logstash_may_write_and_we_not(theirs: str) -> None:
    """An error, with the letters or what is missing."""
    with pytest.raises(TimeFormatError):
        from_logstash(theirs)
