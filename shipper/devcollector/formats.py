"""The JSON Schema formats that Enrich looks at, so that a date that is none is found here too."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from ipaddress import IPv4Address, IPv6Address

from jsonschema import FormatChecker

_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[^\s<>\"{}|\\^`]+")


def _is_date_time(text: str) -> bool:
    if not (match := _DATE_TIME.fullmatch(text)):
        return False
    # The fraction may have more digits than datetime reads; a leap second is legal too.
    whole = text.replace(match[1] or "", "", 1).upper().replace(":60", ":59")
    datetime.fromisoformat(whole)
    return True


def _is_date(text: str) -> bool:
    date.fromisoformat(text)
    return _DATE.fullmatch(text) is not None


def _is_ipv4(text: str) -> bool:
    return bool(IPv4Address(text))


def _is_ipv6(text: str) -> bool:
    return bool(IPv6Address(text))


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_date_time,
    "date": _is_date,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "uuid": _matches(_UUID),
    "hostname": _matches(_HOSTNAME),
    "email": _matches(_EMAIL),
    "uri": _matches(_URI),
}


def checker() -> FormatChecker:
    """Return a checker of the formats above, and of no others; it looks at strings only."""
    made = FormatChecker(formats=())
    for name, test in _FORMATS.items():
        made.checks(name, raises=ValueError)(_on_strings(test))
    return made


def _on_strings(test: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: test(value) if isinstance(value, str) else True
