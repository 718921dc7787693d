"""Time formats compiled to matchers: strptime's letters and the words iso8601 and epoch_*.

Rule 1: nothing depends on the locale; names of months and days are English, in any case.
Rule 2: a matcher gives the parts of a time as text by the letter they were written for, or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from shipper.grammar.suggest import did_you_mean

Parts = Mapping[str, str | None]
Matcher = Callable[[str], Parts | None]

_MONTH_NAMES: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS: Final = tuple(name[:3] for name in _MONTH_NAMES)
"""The English abbreviations, in lower case."""

EPOCH_UNITS: Final = {
    "epoch_s": 1_000_000_000,
    "epoch_ms": 1_000_000,
    "epoch_us": 1_000,
    "epoch_ns": 1,
}
"""The words for numbers counted from 1970, and their unit in nanoseconds."""

WORDS: Final = ("iso8601", *EPOCH_UNITS)

_ISO8601 = (
    r"(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)[T ](?P<H>\d\d):(?P<M>\d\d)"
    r"(?::(?P<S>\d\d)(?:[.,](?P<f>\d+))?)?(?: ?(?P<z>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"
)
_DIRECTIVES: Final = {
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d\d)",
    "m": r"(?P<m>1[0-2]|0?[1-9])",
    "d": r"(?P<d>3[01]|[12]\d|0?[1-9])",
    "e": r" ?(?P<d>3[01]|[12]\d|0?[1-9])",
    "j": r"(?P<j>\d{1,3})",
    "b": f"(?P<b>{'|'.join(MONTHS)})",
    "B": f"(?P<b>{'|'.join(_MONTH_NAMES)})",
    "a": f"(?:{'|'.join(day[:3] for day in _DAYS)})",
    "A": f"(?:{'|'.join(_DAYS)})",
    "H": r"(?P<H>2[0-3]|[01]\d|\d)",
    "I": r"(?P<I>1[0-2]|0?[1-9])",
    "p": r"(?P<p>am|pm)",
    "M": r"(?P<M>[0-5]?\d)",
    "S": r"(?P<S>60|[0-5]?\d)",
    "f": r"(?P<f>\d+)",
    "z": r"(?P<z>Z|[+-]\d\d(?::?\d\d)?)",
    "Z": r"(?P<z>[A-Za-z][A-Za-z0-9_+/-]*)",
    "s": r"(?P<s>\d{1,12})",
    "%": "%",
}
_SHORTHANDS: Final = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%R": "%H:%M"}
_DATE_NEEDS: Final = (("s",), ("j",), ("b", "d"), ("m", "d"))


class TimeFormatError(ValueError):
    """A format or a zone can't be used. `what` says why, `remedy` what to do about it."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def compile_format(text: str) -> Matcher:
    """Compile ``iso8601`` or a format of strptime's letters. Raises TimeFormatError."""
    if text == "iso8601":
        return _matcher(re.compile(_ISO8601, re.ASCII | re.IGNORECASE))
    if "%" not in text:
        raise TimeFormatError(f"unknown time format {text!r}", did_you_mean(text, WORDS))
    try:
        pattern = re.compile(_expression(text), re.ASCII | re.IGNORECASE)
    except re.error as error:
        what = f"the time format {text!r} names a part twice"
        raise TimeFormatError(what, "name each part once") from error
    given = set(pattern.groupindex)
    if not any(given.issuperset(need) for need in _DATE_NEEDS):
        raise TimeFormatError(f"the time format {text!r} names no day", "add %d and %m, or %s")
    return _matcher(pattern)


def _matcher(pattern: re.Pattern[str]) -> Matcher:
    def match(text: str) -> Parts | None:
        found = pattern.fullmatch(text)
        return found.groupdict() if found else None

    return match


def _expression(text: str) -> str:
    for short, long in _SHORTHANDS.items():
        text = text.replace(short, long)
    out = []
    for part in re.split(r"(%.?)", text, flags=re.DOTALL):
        if not part.startswith("%"):
            out.append(re.escape(part))
        elif part[1:] in _DIRECTIVES:
            out.append(_DIRECTIVES[part[1:]])
        else:
            letters = ", ".join(f"%{letter}" for letter in _DIRECTIVES)
            raise TimeFormatError(f"unknown letter {part!r} in a time format", f"known: {letters}")
    return "".join(out)
