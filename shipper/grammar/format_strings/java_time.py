"""Time patterns of Java such as ``yyyy-MM-dd HH:mm:ss,SSS``, and log4j's names for them."""

from __future__ import annotations

import re
from typing import Final

from shipper.grammar.format_strings.parts import FormatStringError

_DAY, _CLOCK = "%Y-%m-%d", "%H:%M:%S"
_ISO: Final = f"{_DAY}T{_CLOCK}"

NAMED: Final[dict[str, str]] = {
    # log4j 1 and logback write a blank for the T of log4j 2
    "ISO8601": f"{_DAY}%@{_CLOCK},%3f",
    "ISO8601_PERIOD": f"{_ISO}.%3f",
    "ISO8601_PERIOD_MICROS": f"{_ISO}.%6f",
    "ISO8601_OFFSET_DATE_TIME_HH": f"{_ISO},%3f%z",
    "ISO8601_OFFSET_DATE_TIME_HHMM": f"{_ISO},%3f%z",
    "ISO8601_OFFSET_DATE_TIME_HHCMM": f"{_ISO},%3f%z",
    "ISO8601_BASIC": "%Y%m%dT%H%M%S,%3f",
    "ISO8601_BASIC_PERIOD": "%Y%m%dT%H%M%S.%3f",
    "STRICT": f"{_ISO},%3f",
    "DEFAULT": f"{_DAY} {_CLOCK},%3f",
    "DEFAULT_PERIOD": f"{_DAY} {_CLOCK}.%3f",
    "DEFAULT_MICROS": f"{_DAY} {_CLOCK},%6f",
    "DEFAULT_NANOS": f"{_DAY} {_CLOCK},%9f",
    "COMPACT": "%Y%m%d%H%M%S%3f",
    "DATE": f"%d %b %Y {_CLOCK},%3f",
    "DATE_PERIOD": f"%d %b %Y {_CLOCK}.%3f",
    "US_MONTH_DAY_YEAR2_TIME": f"%m/%d/%y {_CLOCK}.%3f",
    "US_MONTH_DAY_YEAR4_TIME": f"%m/%d/%Y {_CLOCK}.%3f",
    "ABSOLUTE": f"{_CLOCK},%3f",
    "ABSOLUTE_PERIOD": f"{_CLOCK}.%3f",
    "ABSOLUTE_MICROS": f"{_CLOCK},%6f",
    "ABSOLUTE_NANOS": f"{_CLOCK},%9f",
    "UNIX": "%s",
    "UNIX_MILLIS": "epoch_ms",
}
"""The names that log4j and logback have for time patterns."""

_RUN = re.compile(r"''|'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_ANY_COUNT: Final = {"y": "%Y", "u": "%Y", "a": "%p", "D": "%j"}
_PADDED: Final = {"M": "%m", "L": "%m", "d": "%d", "H": "%H", "h": "%I", "m": "%M", "s": "%S"}
_OFFSETS: Final = frozenset(["X", "XX", "XXX", "x", "xx", "xxx", "Z", "ZZ", "ZZZ", "ZZZZZ"])
_EXACT: Final = {
    **{"yy": "%y", "uu": "%y", "MMM": "%b", "LLL": "%b", "MMMM": "%B", "LLLL": "%B"},
    **{"E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A"},
    **{"z": "%Z", "zz": "%Z", "zzz": "%Z", "v": "%Z", "VV": "%V"},
    **dict.fromkeys(_OFFSETS, "%z"),
}


def read_java_time(text: str, column: int) -> str:
    """Return the time format for a Java pattern or a name of log4j's; *column* is where it stands.

    Raises FormatStringError.
    """
    if text in NAMED:
        return NAMED[text]
    out = []
    position = 0
    while position < len(text):
        run = _RUN.match(text, position)
        if run is None:
            raise FormatStringError("a quote ' in the time is not closed", "close it", column)
        out.append(_letters(run[0], column) if run[2] else _plain(run))
        position = run.end()
    return "".join(out)


def _plain(run: re.Match[str]) -> str:
    if run[0] == "''":
        return "'"
    text = run[0] if run[1] is None else run[1].replace("''", "'")
    return text.replace("%", "%%")


def _letters(run: str, column: int) -> str:
    letter = run[0]
    if run in _EXACT:
        return _EXACT[run]
    if letter in _ANY_COUNT:
        return _ANY_COUNT[letter]
    if letter in "Sn" and len(run) <= 9:
        return f"%{len(run)}f"
    if letter in _PADDED and len(run) <= 2:
        return _PADDED[letter] if len(run) == 2 else f"%1{_PADDED[letter][1]}"
    what = f"the letters {run} of a time can't be read back"
    remedy = "use yyyy MM MMM dd HH mm ss SSS, XXX or Z for the offset, EEE, a with hh"
    raise FormatStringError(what, remedy, column)
