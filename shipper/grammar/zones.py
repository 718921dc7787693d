"""Zones of time: names of the IANA database, offsets, and the few abbreviations that are clear."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from shipper.grammar.suggest import did_you_mean
from shipper.grammar.time_formats import TimeFormatError

# RFC 2822 section 4.3 fixes the American ones; the European ones have one meaning in practice.
_HOURS: Final = {
    **{"Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2},
    **{"EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5},
    **{"MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}
_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d))?", re.ASCII)


@lru_cache(maxsize=256)
def find_zone(text: str) -> tzinfo | None:
    """Return the zone that *text* names, or None: ``CEST``, ``+02:00``, ``Europe/Berlin``."""
    if (hours := _HOURS.get(text.upper())) is not None:
        return timezone(timedelta(hours=hours))
    if found := _OFFSET.fullmatch(text):
        sign, hour, minute = found.groups(default="00")
        offset = timedelta(hours=int(hour), minutes=int(minute))
        if offset >= timedelta(hours=24) or int(minute) > 59:
            return None
        return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError):  # no such zone, or a directory of zones
        return None


def require_zone(text: str) -> tzinfo:
    """Return the zone that a person named. Raises TimeFormatError if there is none."""
    zone = find_zone(text)
    if zone is None:
        remedy = did_you_mean(text, available_timezones()) or "use UTC, +hh:mm or an IANA name"
        raise TimeFormatError(f"unknown time zone {text!r}", remedy)
    return zone
