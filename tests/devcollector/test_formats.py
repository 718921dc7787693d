"""The formats of JSON Schema that Enrich looks at are looked at here."""

from __future__ import annotations

from typing import Any

import pytest

from shipper.devcollector.formats import checker

CHECKER = checker()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date-time", "2026-11-23T06:55:44Z"),
        ("date-time", "2026-11-23t06:55:44.123456789+05:30"),
        ("date-time", "2016-12-31T23:59:60Z"),
        ("date", "2024-02-29"),
        ("ipv4", "203.0.113.9"),
        ("ipv6", "2001:db8::1"),
        ("uuid", "0F8E5C1A-77D2-5D43-9C1E-2B7A4F60D913"),
        ("hostname", "a-b.example.com"),
        ("email", "someone@example.com"),
        ("uri", "https://example.com/?a=b"),
        ("date-time", 5),
        ("no such format", "x"),
    ],
)
def test_conforms(name: str, value: Any) -> None:
    """Right values pass; so do values that are no strings and formats that nobody knows."""
    assert CHECKER.conforms(value, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("date-time", "2026-11-23 06:55:44"),
        ("date-time", "2026-13-23T06:55:44Z"),
        ("date-time", "2026-11-23T24:55:44Z"),
        ("date-time", ""),
        ("date", "2026-02-29"),
        ("date", "20260228"),
        ("ipv4", "203.0.113.256"),
        ("ipv6", "203.0.113.9"),
        ("uuid", "0f8e5c1a"),
        ("hostname", "-a.example.com"),
        ("hostname", "a_b"),
        ("email", "someone"),
        ("uri", "/relative"),
        ("uri", "https://example.com/a b"),
    ],
)
def test_does_not_conform(name: str, value: str) -> None:
    """Wrong ones do not."""
    assert not CHECKER.conforms(value, name)
