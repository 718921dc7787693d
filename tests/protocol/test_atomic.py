"""A value fits a column of Snowplow's own exactly where Enrich would take it, or a bit less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.protocol import atomic
from shipper.protocol.payload import KEYS, check_payload

START = {"e": "pv", "p": "srv", "tv": "test-1"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ip", "203.0.113.9"),
        ("ip", "2001:db8::1"),
        ("ip", "203.0.113.9, 198.51.100.7"),
        ("ua", "curl/8.5.0"),
        ("ua", "x" * 1_000),
        ("refr", "https://example.com/?q=log"),
        ("url", "/index.html"),
        ("page", "t" * 2_000),
        ("page", "\x00" * 3_000 + "t"),
        ("uid", "söme öne"),
        ("lang", "de-CH"),
        ("tz", "Europe/Zurich"),
        ("se_va", "-12.50e3"),
        ("se_va", ".5"),
        ("vid", "2147483647"),
        ("res", "1280x800"),
        ("cookie", "1"),
        ("eid", "0f8e5c1a-77d2-5d43-9c1e-2b7a4f60d913"),
    ],
)
def test_fits(key: str, value: str) -> None:
    """Good values fit."""
    assert atomic.fits(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ip", "unknown"),
        ("ip", "203.0.113.256"),
        ("ip", "fe80::1%eth0"),
        ("ip", ", 203.0.113.9"),
        ("ua", "x" * 1_001),
        ("ua", "\t" * 251),
        ("ua", "\U0001f600" * 501),
        ("refr", "http://"),
        ("refr", "/" + "p" * 6_000),
        ("url", "http://exa<mple.com/"),
        ("page", ""),
        ("uid", "caf\udce9"),
        ("se_va", "1,5"),
        ("se_va", "1e999999999"),
        ("se_va", "٣"),
        ("vid", "2147483648"),
        ("vid", "9" * 5_000),
        ("res", "1280 x 800"),
        ("res", "1x99999999999"),
        ("cookie", "true"),
        ("tr_cu", "EURO"),
        ("dtm", "yesterday"),
        ("sid", "1"),
        ("p", "server"),
        ("ue_pr", "{}"),
        ("no_such_key", "x"),
    ],
)
def test_does_not_fit(key: str, value: str) -> None:
    """Too long, no address, no number, no text: left out of the column."""
    assert not atomic.fits(key, value)


def test_length_counts_as_java_counts() -> None:
    """A character beyond the basic plane counts two, a tab four, another control nothing."""
    assert atomic.too_long("uid", "a" * 255) == 0
    assert atomic.too_long("uid", "a" * 256) == 256
    assert atomic.too_long("uid", "\U0001f600" * 128) == 256
    assert atomic.too_long("uid", "\t" * 64) == 256
    assert atomic.too_long("uid", "\x01" * 300) == 0
    assert atomic.stored("a\tb\x7f\nc") == "a    bc"


@given(
    st.sampled_from(sorted(KEYS)),
    st.one_of(
        st.text(max_size=40),
        st.integers().map(str),
        st.decimals(allow_nan=False, allow_infinity=False).map(str),
        st.ip_addresses().map(str),
        st.uuids().map(str),
        st.sampled_from(["0", "1", "10x20", "http://example.com/", "\t" * 300, "mob", "pv"]),
    ),
)
def test_what_fits_is_never_the_reason_to_lose_an_event(key: str, value: str) -> None:
    """What `fits` lets through, the check of the whole payload has nothing against."""
    if atomic.fits(key, value):
        assert check_payload(START | {key: value}) == []
