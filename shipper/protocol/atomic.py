"""Snowplow's own columns: how long each may be, and what else Enrich asks of a value there.

Rule 1: a length is counted as Enrich counts it: tabs as four spaces, control characters removed,
in UTF-16 units. The limits are the defaults of ``atomicFieldsLimits`` in Enrich 6.
Rule 2: `fits` may say no where Enrich might say yes, never the other way round: a value that does
not fit is left out of the column and still stands in the event's own fields.
Rule 3: it runs once a column and record, so slow looks are remembered, a bounded number of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final

from shipper.protocol.uri import complaint as uri_complaint

LIMITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("aid", "p", "uid", "lang", "tz"), 255),
        **dict.fromkeys(("tna", "ip", "duid", "nuid", "tnuid", "fp", "cs"), 128),
        **dict.fromkeys(("url", "refr"), 10_000),
        **dict.fromkeys(("se_ca", "se_ac", "se_pr", "ua"), 1_000),
        **dict.fromkeys(("tr_id", "tr_af", "tr_ci", "tr_st", "tr_co"), 255),
        **dict.fromkeys(("ti_id", "ti_sk", "ti_nm", "ti_na", "ti_ca"), 255),
        **dict.fromkeys(("tr_cu", "ti_cu"), 3),
        "tv": 100,
        "page": 2_000,
        "se_la": 4_096,
        "cd": 12,
    }
)
"""Longest value by key of the tracker protocol, in UTF-16 units."""

_NUL_TO_US = "".join(map(chr, [*range(32), 127]))
_CONTROLS = re.compile(f"[{re.escape(_NUL_TO_US)}]")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_LIST_SIGNS = re.compile(r"[,| ]")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_SIZE = re.compile(r"([0-9]{1,10})x([0-9]{1,10})")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
INT32_MAX: Final = 2**31 - 1
FIRST_MS, LAST_MS = -62_167_219_200_000, 253_402_300_799_999
"""First and last millisecond of the years 0 to 9999."""
PLATFORMS: Final = frozenset(("web", "iot", "app", "mob", "pc", "cnsl", "tv", "srv", "headset"))
"""The codes that Enrich knows for `p`."""


def stored(value: str) -> str:
    """Return *value* as Enrich stores text: a tab becomes four spaces, other controls vanish."""
    if value.isprintable():
        return value
    return _CONTROLS.sub("", value.replace("\t", "    "))


def too_long(key: str, value: str) -> int:
    """Return how many UTF-16 units *value* has when that is too many for *key*'s column, else 0."""
    limit = LIMITS.get(key)
    if limit is None or (len(value) * 4 <= limit):
        return 0
    text = stored(value)
    length = len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2
    return length if length > limit else 0


@lru_cache(maxsize=1_024)
def is_address(value: str) -> bool:
    """Tell whether *value* is an IPv4 or IPv6 address, or a list that begins with one.

    Of a list, as proxies make it, Enrich stores the first entry.
    """
    if _IPV4.fullmatch(value):  # nearly always, and five times as quick as ip_address
        return True
    first = _LIST_SIGNS.split(value, maxsplit=1)[0]
    try:
        ip_address(first)
    except ValueError:
        return False
    return "%" not in first  # a zone such as fe80::1%eth0 means nothing to Enrich's look-ups


def is_decimal(value: str) -> bool:
    """Tell whether *value* is a decimal number as Java's BigDecimal reads it, of sane size."""
    return len(value) <= 400 and _DECIMAL.fullmatch(value) is not None


def is_integer(value: str, least: int, most: int) -> bool:
    """Tell whether *value* spells a whole number in ASCII digits from *least* to *most*."""
    return _INTEGER.fullmatch(value) is not None and least <= int(value) <= most


def is_int32(value: str) -> bool:
    """Tell whether *value* spells a whole number of 32 bits."""
    return is_integer(value, -INT32_MAX - 1, INT32_MAX)


def is_time(value: str) -> bool:
    """Tell whether *value* spells milliseconds since 1970, in the years 0 to 9999."""
    return is_integer(value, FIRST_MS, LAST_MS)


def is_uuid(value: str) -> bool:
    """Tell whether *value* is a UUID of any version, in the usual groups, in either case."""
    return _UUID.fullmatch(value) is not None


def is_size(value: str) -> bool:
    """Tell whether *value* spells a width and a height, as in ``1280x800``."""
    match = _SIZE.fullmatch(value)
    return match is not None and int(match[1]) <= INT32_MAX and int(match[2]) <= INT32_MAX


def is_flag(value: str) -> bool:
    """Tell whether *value* is ``1`` or ``0``."""
    return value in {"0", "1"}


def page_complaint(value: str) -> str:
    """Say why Enrich would refuse *value* as `url`; an empty string if it would not."""
    return uri_complaint(stored(value), 3_000)


def referrer_complaint(value: str) -> str:
    """Say why Enrich would refuse *value* as `refr`; an empty string if it would not."""
    return uri_complaint(stored(value), 6_000)


def _is_page(value: str) -> bool:
    return not page_complaint(value)


def _is_referrer(value: str) -> bool:
    return not referrer_complaint(value)


FLAGS: Final = frozenset({"cookie", *(f"f_{kind}" for kind in (
    "pdf", "qt", "realp", "wma", "dir", "fla", "java", "gears", "ag"
))})  # fmt: skip

_KINDS: Final[Mapping[str, Callable[[str], bool]]] = {
    **dict.fromkeys(LIMITS, bool),
    "p": PLATFORMS.__contains__,
    "ip": is_address,
    "url": _is_page,
    "refr": _is_referrer,
    **dict.fromkeys(("se_va", "tr_tt", "tr_tx", "tr_sh", "ti_pr"), is_decimal),
    **dict.fromkeys(("tid", "vid", "ti_qu", "pp_mix", "pp_max", "pp_miy", "pp_may"), is_int32),
    **dict.fromkeys(("res", "vp", "ds"), is_size),
    **dict.fromkeys(("eid", "sid"), is_uuid),
    **dict.fromkeys(("dtm", "stm", "ttm"), is_time),
    **dict.fromkeys(FLAGS, is_flag),
}


def fits(key: str, value: str) -> bool:
    """Tell whether *value* may stand under *key*, which fills a column of Snowplow's own.

    No key that fills none fits, no empty value, as there is nothing to store, and none that is no
    Unicode text.
    """
    kind = _KINDS.get(key)
    if kind is None or not value or too_long(key, value):
        return False
    return (value.isascii() or _is_text(value)) and kind(value)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
