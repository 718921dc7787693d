"""Value checks: what a caller hands over becomes the text of the protocol, or an error.

Rule 1: an error names the field as the caller spells it, what is wrong, and what would be right.
Rule 2: numbers keep their exact value: nothing is rounded, no `bool` passes for a number.
Rule 3: nothing is guessed: a time without a zone is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from shipper.protocol.payload import examine

Number = int | float | Decimal
Time = int | float | datetime
"""Milliseconds since 1970, or a time with a zone."""


class InvalidValueError(ValueError):
    """A value that an event can't carry; `field` is its name, `reason` what is wrong with it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class EventTooLargeError(InvalidValueError):
    """An event that no request may carry: it is over the limit by itself."""


def text(field: str, value: Any) -> str:
    """Return a text that must be there. Raises InvalidValueError."""
    found = optional_text(field, value)
    if not found:
        raise InvalidValueError(field, "is missing; it must be a text that is not empty")
    return found


def optional_text(field: str, value: Any) -> str:
    """Return a text, empty if *value* is None. Raises InvalidValueError."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidValueError(field, f"must be a text, not {type(value).__name__}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            where = f"a lone surrogate at position {error.start + 1}"
            raise InvalidValueError(field, f"has {where}, which is no text") from error
    return value if type(value) is str else str.__str__(value)  # a member of an enumeration, say


def integer(field: str, value: Any) -> str:
    """Spell a whole number, or nothing for None. Raises InvalidValueError."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueError(field, f"must be a whole number, not {type(value).__name__}")
    return str(number(field, value))


def decimal(field: str, value: Any) -> str:
    """Spell a number exactly, with at least two decimals, or nothing for None.

    Raises InvalidValueError.
    """
    if value is None:
        return ""
    exact = Decimal(str(number(field, value)))
    if abs(exact.adjusted()) > 300:
        raise InvalidValueError(field, "is out of the range of numbers")
    digits = f"{exact:f}"
    whole, point, fraction = digits.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}" if point or isinstance(value, float) else digits


def number(field: str, value: Any) -> Number:
    """Return a finite number of the plain kind. Raises InvalidValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        said = "is missing; it" if value is None else "it"
        kind = "" if value is None else f", not {type(value).__name__}"
        raise InvalidValueError(field, f"{said} must be a number{kind}")
    plain = plain_number(value)
    if why := unfit(plain):
        raise InvalidValueError(field, f"{why}; it must be a finite number")
    return plain


def plain_number(value: Number) -> Number:
    """Return *value* as an `int` or `float` proper: a member of an `IntEnum`, say, is neither."""
    if isinstance(value, int):
        return value if type(value) is int else int(value)
    if isinstance(value, float):
        return value if type(value) is float else float(value)
    return value


def unfit(value: Number) -> str:
    """Say why no event carries a plain number: that it is none, or beyond 64 bits' floating point.

    An empty string if one does.
    """
    if isinstance(value, int):
        beyond = value.bit_length() > 1023
    elif not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
        return f"is {value}"
    else:
        beyond = isinstance(value, Decimal) and bool(value) and value.adjusted() > 307
    return "is out of the range of numbers" if beyond else ""


def milliseconds(field: str, value: Any) -> str:
    """Spell a moment in milliseconds since 1970, or nothing for None. Raises InvalidValueError."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidValueError(field, "is a time without a zone; give it one, such as UTC")
        return str(round(value.timestamp() * 1000))
    return str(round(number(field, value)))


def uuid_text(field: str, value: Any) -> str:
    """Return a UUID as text, in lower case; nothing for None. Raises InvalidValueError."""
    return optional_text(field, str(value) if isinstance(value, UUID) else value).lower()


def refuse_bad(pairs: Mapping[str, str]) -> None:
    """Raise InvalidValueError for the first of *pairs* that Enrich would refuse."""
    if reasons := examine(pairs).reasons:
        place, _, reason = reasons[0].partition(": ")
        key, dot, path = place.partition(".")
        raise InvalidValueError(f"{FIELDS.get(key, key)}{dot}{path}", reason)


FIELDS: Final[Mapping[str, str]] = {
    **{"eid": "event_id", "dtm": "timestamp", "ttm": "true_timestamp", "e": "event type"},
    **{"aid": "app_id", "tna": "namespace", "p": "platform"},
    **{"url": "page_url", "page": "page_title", "refr": "referrer"},
    **{"pp_mix": "min_x", "pp_max": "max_x", "pp_miy": "min_y", "pp_may": "max_y"},
    **{"se_ca": "category", "se_ac": "action", "se_la": "label"},
    **{"se_pr": "property", "se_va": "value"},
    **dict.fromkeys(("ue_px", "ue_pr"), "event"),
    **dict.fromkeys(("cx", "co"), "contexts"),
    **{"tr_id": "order_id", "tr_tt": "total_value", "tr_af": "affiliation", "tr_tx": "tax_value"},
    **{"tr_sh": "shipping", "tr_ci": "city", "tr_st": "state", "tr_co": "country"},
    **{"tr_cu": "currency", "ti_cu": "currency", "ti_id": "order_id", "ti_sk": "sku"},
    **{"ti_pr": "price", "ti_qu": "quantity", "ti_nm": "name", "ti_ca": "category"},
    **{"uid": "user_id", "duid": "domain_user_id", "tnuid": "network_user_id"},
    **{"sid": "domain_session_id", "vid": "domain_session_index", "ip": "ip_address"},
    **{"ua": "useragent", "res": "screen_resolution", "vp": "viewport", "cd": "color_depth"},
    **{"tz": "timezone", "lang": "language"},
}  # fmt: skip
"""The arguments' names by the key that they fill."""
