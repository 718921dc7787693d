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


def _joda(text: str) -> str:
    """Return Joda's pattern in Java's letters: a year of era, and offsets of Z."""
    return text.replace("YYYY", "yyyy") if "YYYY" in text else text


def _tried(formats: list[str]) -> list[str]:
    for each in formats:
        compile_format(each)
    return formats
