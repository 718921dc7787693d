"""Times: text and numbers in, microseconds since 1970 out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.grammar.time_formats import TimeFormatError
from shipper.grammar.times import TimeReader
from shipper.grammar.wording import iso_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def read(format_: str, text: object, *, zone: str = "UTC", now: str = "2026-07-01T12:00:00") -> str:
    time_us = TimeReader([format_], zone).read(text, micros(now))
    return "none" if time_us is None else iso_time(time_us)


@pytest.mark.parametrize(
    ("format_", "text", "expected"),
    [
        ("%d/%b/%Y:%H:%M:%S %z", "23/Nov/2026:06:55:44 +0100", "2026-11-23T05:55:44Z"),
        ("%d/%b/%Y:%H:%M:%S %z", "23/NOV/2026:06:55:44 -01:30", "2026-11-23T08:25:44Z"),
        ("%Y-%m-%d %H:%M:%S,%f", "2026-11-23 06:55:44,5", "2026-11-23T06:55:44.5Z"),
        ("%Y-%m-%d %H:%M:%S.%f", "2026-11-23 06:55:44.123456789", "2026-11-23T06:55:44.123456Z"),
        ("%F %T %Z", "2026-11-23 06:55:44 CEST", "2026-11-23T04:55:44Z"),
        ("%F %T %Z", "2026-07-23 06:55:44 Europe/Berlin", "2026-07-23T04:55:44Z"),
        (
            "%A, %d %B %Y %I:%M:%S %p",
            "Monday, 23 november 2026 12:05:44 AM",
            "2026-11-23T00:05:44Z",
        ),
        ("%a %b %e %T %Y", "Tue Nov  3 16:55:44 2026", "2026-11-03T16:55:44Z"),
        ("%y%m%d %T", "261123 6:55:44", "2026-11-23T06:55:44Z"),
        ("%y%m%d %T", "691123 06:55:44", "1969-11-23T06:55:44Z"),
        ("%Y %j %R", "2028 366 10:00", "2028-12-31T10:00:00Z"),
        ("%s.%f", "1795416944.25", "2026-11-23T06:55:44.25Z"),
        ("%d.%m.%Y 100%%", "01.02.2026 100%", "2026-02-01T00:00:00Z"),
        ("iso8601", "2026-11-23T06:55:44Z", "2026-11-23T06:55:44Z"),
        ("iso8601", "2026-11-23 06:55:44,123+02", "2026-11-23T04:55:44.123Z"),
        ("iso8601", "2026-11-23T06:55:44 UTC", "2026-11-23T06:55:44Z"),
        ("iso8601", "2026-11-23T06:55", "2026-11-23T06:55:00Z"),
        ("iso8601", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("iso8601", "2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"),
        ("epoch_s", "1795416944", "2026-11-23T06:55:44Z"),
        ("epoch_s", 1795416944.25, "2026-11-23T06:55:44.25Z"),
        ("epoch_ms", 1795416944001, "2026-11-23T06:55:44.001Z"),
        ("epoch_ms", "1795416944001.5", "2026-11-23T06:55:44.0015Z"),
        ("epoch_us", "1795416944000001", "2026-11-23T06:55:44.000001Z"),
        ("epoch_ns", 1795416944000001999, "2026-11-23T06:55:44.000001Z"),
    ],
)
def test_formats(format_: str, text: object, expected: str) -> None:
    """Each letter and each word reads what it stands for."""
    assert read(format_, text) == expected


@pytest.mark.parametrize(
    ("format_", "text"),
    [
        ("%Y-%m-%d", "2026-02-29"),
        ("%Y-%m-%d", "2026-13-01"),
        ("%Y-%m-%d", "٢٠٢٦-01-01"),
        ("%Y-%m-%d", "2026-01-01 "),
        ("%Y %j", "2026 366"),
        ("%Y %j", "2026 000"),
        ("%F %T", "2026-01-01 24:00:00"),
        ("%F %T", "2026-01-01 10:00:61"),
        ("%F %T %z", "2026-01-01 10:00:00 +2500"),
        ("%F %T %z", "2026-01-01 10:00:00 +0160"),
        ("%F %T %Z", "2026-01-01 10:00:00 NOWHERE"),
        ("%F %T %Z", "2026-01-01 10:00:00 ../../etc/passwd"),
        ("iso8601", "2026-11-23"),
        ("iso8601", "2026-W47-1T06:55:44Z"),
        ("iso8601", "2026-11-31T06:55:44Z"),
        ("iso8601", "0001-01-01T00:00:00+05:00"),
        ("iso8601", "9999-12-31T23:59:59-05:00"),
        ("epoch_s", "12.5"),
        ("epoch_s", "-1795416944"),
        ("epoch_s", "1e9"),
        ("epoch_s", "1_795_416_944"),
        ("epoch_s", 1e300),
        ("epoch_s", True),
        ("epoch_s", float("nan")),
        ("epoch_ms", "9" * 5000),
        ("epoch_s", None),
        ("iso8601", ["2026-11-23T06:55:44Z"]),
    ],
)
def test_what_is_no_time(format_: str, text: object) -> None:
    """Impossible dates, other scripts, durations and other types are no times."""
    assert read(format_, text) == "none"


@pytest.mark.parametrize(
    ("text", "now", "zone", "expected"),
    [
        ("Dec 31 23:59:59", "2027-01-01T00:00:01", "UTC", "2026-12-31T23:59:59Z"),
        ("Jan  1 00:00:01", "2026-12-31T23:59:58", "UTC", "2027-01-01T00:00:01Z"),
        ("Jul  1 00:00:00", "2026-07-01T12:00:00", "UTC", "2026-07-01T00:00:00Z"),
        # in Auckland the new year is eleven to thirteen hours older than in UTC
        ("Jan  1 00:30:00", "2026-12-31T12:00:00", "Pacific/Auckland", "2026-12-31T11:30:00Z"),
        ("Dec 31 23:00:00", "2027-01-01T05:00:00", "America/New_York", "2027-01-01T04:00:00Z"),
        # a 29 February is sought in the years that have one
        ("Feb 29 10:00:00", "2026-03-01T00:00:00", "UTC", "2028-02-29T10:00:00Z"),
        ("Feb 29 10:00:00", "2026-02-28T00:00:00", "UTC", "2024-02-29T10:00:00Z"),
        ("Feb 29 10:00:00", "2101-01-01T00:00:00", "UTC", "2104-02-29T10:00:00Z"),
        ("Feb 30 10:00:00", "2026-03-01T00:00:00", "UTC", "none"),
    ],
)
def test_a_missing_year_is_the_nearest(text: str, now: str, zone: str, expected: str) -> None:
    """The year is chosen so that the time comes nearest to now, in the log's zone."""
    assert read("%b %e %T", text, now=now, zone=zone) == expected


def test_a_missing_year_follows_the_clock() -> None:
    """What was read last year is not remembered into the next."""
    reader = TimeReader(["%b %e %T"])
    first = reader.read("Mar  1 10:00:00", micros("2026-03-02T00:00:00"))
    second = reader.read("Mar  1 10:00:00", micros("2027-03-02T00:00:00"))
    assert (first, second) == (micros("2026-03-01T10:00:00"), micros("2027-03-01T10:00:00"))


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Berlin", "2026-06-30T22:00:00Z"),
        ("+05:30", "2026-06-30T18:30:00Z"),
        ("-08:00", "2026-07-01T08:00:00Z"),
        ("UTC", "2026-07-01T00:00:00Z"),
    ],
)
def test_the_zone_holds_where_the_text_names_none(zone: str, expected: str) -> None:
    """A zone is a name of the IANA database or an offset."""
    for format_ in ("%Y-%m-%d %H:%M:%S", "iso8601"):
        assert read(format_, "2026-07-01 00:00:00", zone=zone) == expected
        assert read(format_ + " %z" * (format_ != "iso8601"), "2026-07-01 00:00:00 +0000") == (
            "2026-07-01T00:00:00Z"
        )


def test_the_first_format_that_fits_counts() -> None:
    """Units of epoch numbers are told apart by their size."""
    reader = TimeReader(["iso8601", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"])
    for digits in ("1795416944", "1795416944000", "1795416944000000", "1795416944000000000"):
        assert reader.read(digits, 0) == reader.read(int(digits), 0) == 1_795_416_944_000_000


@pytest.mark.parametrize(
    ("format_", "zone", "what", "remedy"),
    [
        ("%Y-%m-%d %Q", "UTC", "unknown letter '%Q'", "known: %Y"),
        ("%Y-%m-%d %", "UTC", "unknown letter '%'", "known"),
        ("%H:%M:%S", "UTC", "names no day", "add %d"),
        ("%Y-%m-%d %Y", "UTC", "names a part twice", "once"),
        ("iso8610", "UTC", "unknown time format", "did you mean 'iso8601'?"),
        ("iso8601", "Europe/Berlyn", "unknown time zone", "did you mean 'Europe/Berlin'?"),
        ("iso8601", "../etc/passwd", "unknown time zone", ""),
        ("iso8601", "", "unknown time zone", ""),
    ],
)
def test_refusals(format_: str, zone: str, what: str, remedy: str) -> None:
    """A format or a zone that means nothing is refused when it is loaded."""
    with pytest.raises(TimeFormatError) as caught:
        TimeReader([format_], zone)
    assert what in caught.value.what
    assert remedy in caught.value.remedy


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_what_is_written_is_read_back(moment: datetime) -> None:
    """Any time to the microsecond survives writing and reading, by words and by letters."""
    time_us = (moment - EPOCH) // timedelta(microseconds=1)
    text = iso_time(time_us)
    assert TimeReader(["iso8601"]).read(text, 0) == time_us
    spelled = moment.strftime("%d %m %Y %H %M %S %f")
    assert TimeReader(["%d %m %Y %H %M %S %f"]).read(spelled, 0) == time_us


@given(st.text(max_size=40))
def test_no_text_breaks_a_reader(text: str) -> None:
    """Whatever stands there, the answer is a time within the calendar, or none."""
    reader = TimeReader(["iso8601", "epoch_s", "%b %e %T", "%F %T %Z", "%s"], "Europe/Berlin")
    time_us = reader.read(text, 1_795_416_944_000_000)
    assert time_us is None or iso_time(time_us)
