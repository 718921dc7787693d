r"""Times in format strings: what a time format looks like as a pattern, and how it writes a moment.

Rule 1: a format is written in the letters of `shipper.grammar.time_formats`, and some more: a
        digit before `f` (``%3f``) is the number of decimals, ``%1d`` is a day without a leading
        zero, and so on, ``%@`` is a T or a blank, and ``%V`` a zone by its long name.
Rule 2: patterns are as narrow as the server's output, `read` formats are what our reader takes.
Rule 3: nothing depends on the locale.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from shipper.grammar.format_strings.parts import Example
from shipper.grammar.wording import iso_time

ORDINARY: Final = datetime(2026, 11, 23, 6, 55, 44, 123456, UTC)
ODD: Final = datetime(2028, 2, 29, 23, 59, 59, 7000, UTC)

_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LONG_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_PATTERNS: Final = {
    "Y": r"\d{4}",
    **dict.fromkeys("ymdHIMS", r"\d\d"),
    "e": r"[ \d]?\d",
    "j": r"\d{3}",
    "b": r"[A-Za-z]{3}",
    "a": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]++",
    "A": r"[A-Za-z]++",
    "p": r"[AaPp][Mm]",
    "f": r"\d++",
    "z": r"(?:Z|[+-]\d\d(?::?\d\d)?+)",
    "Z": r"(?:[A-Z][A-Za-z]{1,5}|[+-]\d\d(?::?\d\d)?+)",
    "V": r"[A-Za-z_]++(?:/[A-Za-z_-]++)*+",
    "s": r"\d++",
    "@": "[T ]",
    "%": "%",
}
_EPOCH_PATTERN: Final = r"\d++(?:\.\d++)?+"
_DATE_PARTS: Final = (("%s",), ("%j",), ("%b", "%d"), ("%b", "%e"), ("%m", "%d"), ("%B", "%d"))
_UNSEEN: Final = {"\n": r"\n", "\t": r"\t", "\r": r"\r", "\x1b": r"\x1b"}
_META: Final = frozenset(r"\.^$*+?{}[]|()")


def escape(text: str) -> str:
    """Return the expression that matches *text*, no more escaped than it must be."""
    return "".join("\\" + c if c in _META else visible(c) for c in text)


def visible(sign: str) -> str:
    """Return the expression of one character that is no sign of the syntax: escaped if unseen."""
    if sign.isprintable():
        return sign
    return _UNSEEN.get(sign) or (f"\\x{ord(sign):02x}" if ord(sign) < 256 else sign)


def has_date(time: str) -> bool:
    """Say whether a time of this format names its day."""
    given = {f"%{letter}" for letter in re.findall(r"%\d?([A-Za-z])", time)}
    return time.startswith("epoch_") or any(given.issuperset(need) for need in _DATE_PARTS)


def read_formats(time: str) -> list[str]:
    """Return the formats that a grammar needs to read such times."""
    if time.startswith("epoch_"):
        return [time]
    plain = re.sub(r"%\d", "%", time).replace("%V", "%Z")
    # An abbreviation such as CET, but an offset where the zone has no abbreviation.
    both = [plain, plain.replace("%Z", "%z")] if "%Z" in plain else [plain]
    return [text.replace("%@", sign) for text in both for sign in ("T " if "%@" in text else "T")]


def time_pattern(time: str) -> str:
    """Return the expression that matches what a server writes in this format."""
    if time.startswith("epoch_"):
        return _EPOCH_PATTERN
    out = []
    for part in re.split(r"(%\d?.)", time):
        if part[:1] != "%":
            out.append(escape(part))
        elif part[1:-1] and part[-1] == "f":
            out.append(rf"\d{{{part[1:-1]}}}")
        else:
            out.append(r"\d{1,2}" if part[1:-1] else _PATTERNS[part[-1]])
    return "".join(out)


def examples(time: str, zone: str) -> tuple[Example, Example]:
    """Return two times as a server in *zone* writes them, each with its moment in UTC."""
    return _example(time, ORDINARY, zone), _example(time, ODD, zone)


def _example(time: str, moment: datetime, zone: str) -> Example:
    local = moment.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    seen = _as_read(time, local)
    micros = int(seen.replace(microsecond=0).timestamp()) * 1_000_000 + seen.microsecond
    return Example(write_time(time, local), {"time": iso_time(micros)})


def _as_read(time: str, moment: datetime) -> datetime:
    """Return what of *moment* a time of this format tells: what it leaves out is nought."""
    letters = set(re.findall(r"%\d?(.)", time))
    whole = time.startswith("epoch_") or "s" in letters
    day = whole or "H" in letters or letters >= {"I", "p"}
    half = moment.hour % 12 if "I" in letters else 0
    return moment.replace(
        hour=moment.hour if day else half,
        minute=moment.minute if whole or "M" in letters else 0,
        second=moment.second if whole or "S" in letters else 0,
        microsecond=_kept_micros(time, moment),
    )


def _kept_micros(time: str, moment: datetime) -> int:
    decimals = re.search(r"%(\d?)f", time)
    digits = {"epoch_s": 3, "epoch_ms": 3, "epoch_us": 6, "epoch_ns": 6}.get(time, 0)
    if decimals:
        digits = int(decimals[1] or 6)
    step: int = 10 ** max(0, 6 - digits)
    return int(moment.microsecond // step * step)


def write_time(time: str, moment: datetime) -> str:
    """Return *moment* in this format."""
    if time.startswith("epoch_"):
        return _epoch(time, moment)
    return re.sub(r"%(\d?)(.)", lambda part: _written(part[2], part[1], moment), time)


def _epoch(time: str, moment: datetime) -> str:
    seconds, micros = int(moment.replace(microsecond=0).timestamp()), moment.microsecond
    match time:
        case "epoch_s":
            return f"{seconds}.{micros // 1000:03d}"
        case "epoch_ms":
            return f"{seconds}{micros // 1000:03d}"
        case "epoch_us":
            return f"{seconds}{micros:06d}"
        case _:
            return f"{seconds}{micros:06d}000"


_WRITERS: Final[dict[str, Callable[[datetime], str]]] = {
    "b": lambda moment: _LONG_MONTHS[moment.month - 1][:3],
    "B": lambda moment: _LONG_MONTHS[moment.month - 1],
    "a": lambda moment: _LONG_DAYS[moment.weekday()][:3],
    "A": lambda moment: _LONG_DAYS[moment.weekday()],
    "e": lambda moment: f"{moment.day:>2}",
    "p": lambda moment: "PM" if moment.hour >= 12 else "AM",
    "Z": lambda moment: moment.tzname() or "UTC",
    "V": lambda _moment: "UTC",
    "s": lambda moment: str(int(moment.timestamp())),
    "@": lambda _moment: " ",
}


def _written(letter: str, digits: str, moment: datetime) -> str:
    if letter == "f":
        return f"{moment.microsecond:06d}000"[: int(digits or 6)]
    if letter in _WRITERS:
        return _WRITERS[letter](moment)
    text = moment.strftime(f"%{letter}")  # digits, and the offset: the same in every locale
    return str(int(text)) if digits else text
