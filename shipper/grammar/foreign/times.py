"""Time formats of other shippers in the letters of `shipper.grammar.time_formats`.

Rule 1: what comes out is read by our reader; a format that can't be is a TimeFormatError.
"""

from __future__ import annotations

import re
from typing import Final

from shipper.grammar.format_strings.clock import read_formats
from shipper.grammar.format_strings.java_time import read_java_time
from shipper.grammar.format_strings.parts import FormatStringError
from shipper.grammar.time_formats import TimeFormatError, compile_format

_LETTERS: Final = {
    **{"%L": "%f", "%N": "%f", "%h": "%b", "%D": "%m/%d/%y", "%r": "%I:%M:%S %p"},
    **{"%3N": "%f", "%6N": "%f", "%9N": "%f", "%n": "\n", "%t": "\t"},
}
_LOGSTASH: Final = {
    "ISO8601": ["iso8601"],
    "UNIX": ["epoch_s"],
    "UNIX_MS": ["epoch_ms"],
}
_GO: Final = {
    **{"January": "%B", "Jan": "%b", "Monday": "%A", "Mon": "%a", "MST": "%Z", "2006": "%Y"},
    **{"Z07:00": "%z", "Z0700": "%z", "-07:00": "%z", "-0700": "%z", "-07": "%z", "002": "%j"},
    **{"_2": "%e", "15": "%H", "PM": "%p", "06": "%y", "01": "%m", "02": "%d", "03": "%I"},
    **{"04": "%M", "05": "%S", "1": "%m", "2": "%d", "3": "%I", "4": "%M", "5": "%S"},
}
_LAYOUT = re.compile(rf"[.,](?P<fraction>0+|9+)|(?P<part>{'|'.join(map(re.escape, _GO))})|%")
_STRPTIME = re.compile(r"%[369]?.", re.DOTALL)


def from_strptime(text: str) -> list[str]:
    """Return our formats for one of strptime, with Fluent Bit's ``%L``. Raises TimeFormatError."""
    made = _STRPTIME.sub(lambda found: _LETTERS.get(found[0], found[0]), text)
    if made in ("%s", "%s.%f"):
        return ["epoch_s"]
    return _tried([made])


def from_logstash(text: str) -> list[str]:
    """Return our formats for one of Logstash's date filter. Raises TimeFormatError."""
    if text in _LOGSTASH:
        return _LOGSTASH[text]
    try:
        return _tried(read_formats(read_java_time(_joda(text), 1)))
    except FormatStringError as error:
        raise TimeFormatError(error.what, error.remedy) from error


def from_go(text: str) -> list[str]:
    """Return our formats for a layout of Go's, such as Filebeat's. Raises TimeFormatError.

    A fraction may be missing, as in Go.
    """
    if text in _LOGSTASH:
        return _LOGSTASH[text]
    with_fraction = _LAYOUT.sub(lambda found: _go_part(found, ".%f"), text)
    plain = _LAYOUT.sub(lambda found: _go_part(found, ""), text)
    return _tried([with_fraction] if with_fraction == plain else [with_fraction, plain])


def _go_part(found: re.Match[str], fraction: str) -> str:
    if found["fraction"]:
        return fraction and found[0][0] + "%f"
    return _GO[found["part"]] if found["part"] else "%%"


def _joda(text: str) -> str:
    """Return Joda's pattern in Java's letters: a year of era, and offsets of Z."""
    return text.replace("YYYY", "yyyy") if "YYYY" in text else text


def _tried(formats: list[str]) -> list[str]:
    for each in formats:
        compile_format(each)
    return formats
